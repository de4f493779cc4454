"""Makes hostile packets: random ones, and good queries with something wrong."""

from __future__ import annotations

import random
from collections.abc import Iterator

import dns.message
from building import query

SEEDS = [
    query("www.example.test"),
    query("WWW.example.TEST", edns=True),
    query("example.test", "MX", subnet="10.0.0.0/24"),
    query("alias.example.test", "AAAA", subnet="2001:db8:a::/48"),
    query("x.y.apps.example.test", edns=True, payload=512),
    query("nothing.example.test", "TXT", subnet="20.0.0.0/8"),
    query("many.example.test", "TXT", edns=True, payload=65535),
    query("many.example.test", "TXT", subnet="30.0.0.0/24", payload=4096),
    query("host.old.example.test", "ANY"),
    query("www.example.test", "HTTPS", edns=True),
    dns.message.make_query("id.server", "TXT", "CH").to_wire(),
]
_BYTES = (0, 1, 3, 0x29, 0x3F, 0x40, 0x41, 0x61, 0x80, 0xC0, 0xFF)


def packets(seed: int, count: int) -> Iterator[bytes]:
    """Packets of at least 2 bytes: one in four random, the others mutated."""
    generator = random.Random(seed)
    for _ in range(count):
        if generator.randrange(4):
            yield _mutated(generator)
        else:
            yield generator.randbytes(generator.choice((2, 11, 12, 13, 17, 30, 60, 300, 1400)))


def _mutated(generator: random.Random) -> bytes:
    packet = bytearray(generator.choice(SEEDS))
    for _ in range(generator.randint(1, 3)):
        _mutate(generator, packet)
    return bytes(packet.ljust(2, b"\0"))


def _mutate(generator: random.Random, packet: bytearray) -> None:
    at = generator.randrange(2, len(packet) + 1) if len(packet) > 2 else 2
    match generator.randrange(6):
        case 0 if at < len(packet):
            packet[at] = generator.choice(_BYTES)
        case 1 if at < len(packet):
            packet[at] ^= 1 << generator.randrange(8)
        case 2:
            del packet[at:]
        case 3:
            packet[at:at] = generator.randbytes(generator.randint(1, 12))
        case 4:
            packet += packet[at:]
        case 5 if len(packet) > 12:
            packet[4 + generator.randrange(8)] = generator.choice((0, 1, 2, 255))
        case _:
            packet += bytes(generator.randrange(3))
