"""Makes hostile packets: random ones, new names, and good queries with something wrong."""

from __future__ import annotations

import random
from collections.abc import Iterator

import dns.edns
import dns.message
import dns.name
from building import query

_OPTIONS = (
    dns.edns.GenericOption(dns.edns.OptionType.COOKIE, b"\1\2\3\4\5\6\7\x08"),
    dns.edns.GenericOption(dns.edns.OptionType.NSID, b""),
    dns.edns.GenericOption(dns.edns.OptionType.KEEPALIVE, b""),
    dns.edns.GenericOption(dns.edns.OptionType.PADDING, bytes(40)),
    dns.edns.GenericOption("65001", b"\xff\0"),
)
_LONGEST = ".".join(["a" * 60] * 3 + ["b" * 47]) + ".wild.example.test"


def _other_opcode(opcode: int, wire: bytes) -> bytes:
    return wire[:2] + bytes((opcode << 3,)) + wire[3:]


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
    query("www.example.test", options=_OPTIONS),
    query("x.child.example.test", "DS", options=_OPTIONS[:1], subnet="10.1.2.0/26"),
    query(_LONGEST, "AAAA", subnet="0.0.0.0/0"),
    query("loop-a.example.test", "A", edns=True),
    query("example.test", "AXFR"),
    dns.message.make_query("www.example.test", "A", want_dnssec=True).to_wire(),
    _other_opcode(4, query("example.test", "SOA")),
    _other_opcode(5, query("example.test", "SOA", edns=True)),
]
_PARENTS = tuple(
    dns.name.from_text(text).to_wire() or b""
    for text in (
        "apps.example.test",
        "x.y.apps.example.test",
        "wild.example.test",
        "child.example.test",
        "old.example.test",
        "empty.example.test",
        "example.test",
        "test",
        ".",
    )
)
_TYPES = (b"", b"\0\1", b"\0\1", b"\0\x1c", b"\0\5", b"\0\x10", b"\0\x41", b"\0\xff", b"\0\x2b")
_PLACES = (b"\x0a", b"\x14", b"\x1e", b"\x63")
_BYTES = (0, 1, 3, 0x29, 0x3F, 0x40, 0x41, 0x61, 0x80, 0xC0, 0xFF)
_PIECES = (
    b"\xc0\x0c",
    b"\x3f" + b"x" * 63,
    b"\0\0\x29\x04\xd0\0\0\0\0\0\0",
    b"\0\0\x29\x02\0\0\1\x80\0\0\0",
    b"\0\x08\0\x07\0\1\x18\0\x1e\0\0",
    b"\0\x08\0\x04\0\x02\x80\0",
    b"\0\x0a\0\x08abcdefgh",
    b"\0\xfa\0\xff\0\0\0\0\0\x3a\x08hmac-md5\x07sig-alg\x03reg\x03int\0",
)


def packets(seed: int, count: int) -> Iterator[bytes]:
    """Packets of at least 2 bytes: one in eight random, two good but new, the others mutated."""
    generator = random.Random(seed)
    for _ in range(count):
        kind = generator.randrange(8)
        if kind > 2:
            yield _mutated(generator)
        elif kind:
            yield _new(generator)
        else:
            yield generator.randbytes(generator.choice((2, 11, 12, 13, 17, 30, 60, 300, 1400)))


def _new(generator: random.Random) -> bytes:
    """A good query that hardly ever comes twice: a name of any bytes, any type, any subnet."""
    label = generator.randbytes(generator.choice((1, 2, 3, 8, 63)))
    name = bytes((len(label),)) + label + generator.choice(_PARENTS)
    type = generator.choice(_TYPES) or generator.randbytes(2)
    rest = name + type + b"\0\1"
    kind = generator.randrange(3)
    if kind == 0:
        return b"\x12\x34\1\0\0\1\0\0\0\0\0\0" + rest
    head = b"\x12\x34\0\0\0\1\0\0\0\0\0\1"
    if kind == 1:
        return head + rest + b"\0\0\x29" + generator.randbytes(2) + b"\0\0\x80\0\0\0"
    subnet = generator.choice(_PLACES) + generator.randbytes(2)
    return head + rest + b"\0\0\x29\4\xd0\0\0\0\0\0\x0b\0\x08\0\x07\0\1\x18\0" + subnet


def _mutated(generator: random.Random) -> bytes:
    packet = bytearray(generator.choice(SEEDS))
    for _ in range(generator.randint(1, 3)):
        _mutate(generator, packet)
    return bytes(packet.ljust(2, b"\0"))


def _mutate(generator: random.Random, packet: bytearray) -> None:
    at = generator.randrange(2, len(packet) + 1) if len(packet) > 2 else 2
    match generator.randrange(9):
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
        case 6:
            packet[at:at] = generator.choice(_PIECES)
        case 7 if len(packet) > 12:
            # One more record, and counted.
            packet += generator.choice(_PIECES)
            packet[11] = (packet[11] + 1) & 0xFF
        case 8:
            packet[at:] = generator.choice(SEEDS)[at:]
        case _:
            packet += bytes(generator.randrange(3))
