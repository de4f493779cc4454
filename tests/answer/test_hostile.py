"""Any bytes at all get a valid reply or silence."""

from __future__ import annotations

import random
from collections.abc import Iterator

import dns.message
import pytest
from building import image, query
from hypothesis import given
from hypothesis import strategies as st

from geodns.answer.cold import Identity
from geodns.answer.engine import Engine

HOST = "20.0.0.1"
_LIMIT = 1232
_SEEDS = [
    query("www.example.test"),
    query("WWW.example.TEST", edns=True),
    query("example.test", "MX", subnet="10.0.0.0/24"),
    query("alias.example.test", "AAAA", subnet="2001:db8:a::/48"),
    query("x.y.apps.example.test", edns=True, payload=512),
    query("nothing.example.test", "TXT", subnet="20.0.0.0/8"),
    query("many.example.test", "TXT", edns=True),
    query("host.old.example.test", "ANY"),
    query("www.child.example.test", edns=True),
    dns.message.make_query("version.bind", "TXT", "CH").to_wire(),
]


@pytest.fixture(scope="module")
def engines(tmp_path_factory: pytest.TempPathFactory) -> list[Engine]:
    made = image(tmp_path_factory.mktemp("hostile"))
    identity = Identity("ns1.demo", "geodns 1")
    return [Engine(made, identity), Engine(made, identity, stream=True)]


def check(engines: list[Engine], packet: bytes) -> None:
    for engine, limit in zip(engines, (_LIMIT, 65535), strict=True):
        reply = engine.respond(packet, HOST)
        if reply is None:
            # Silence is only for what is no query.
            assert len(packet) < 12 or packet[2] & 0x80
            continue
        assert len(packet) >= 12
        assert not packet[2] & 0x80
        assert reply[:2] == packet[:2]
        assert reply[2] & 0x80
        assert reply[2] & 0x78 == packet[2] & 0x78
        assert 12 <= len(reply) <= limit
        message = dns.message.from_wire(reply)
        # An error may leave the question out; no reply names another one.
        if message.question:
            assert reply[12 : 12 + 5] == packet[12 : 12 + 5]


@given(st.binary(max_size=600))
def test_random_bytes(engines: list[Engine], packet: bytes) -> None:
    check(engines, packet)


@given(st.binary(min_size=2, max_size=2), st.binary(max_size=300))
def test_random_bytes_behind_a_good_header(engines: list[Engine], id: bytes, rest: bytes) -> None:
    check(engines, id + b"\x01\x00\x00\x01\x00\x00\x00\x00\x00\x01" + rest)


def _mutations(generator: random.Random, rounds: int) -> Iterator[bytes]:
    for _ in range(rounds):
        packet = bytearray(generator.choice(_SEEDS))
        for _ in range(generator.randint(1, 4)):
            _mutate(generator, packet)
        yield bytes(packet)


def _mutate(generator: random.Random, packet: bytearray) -> None:
    at = generator.randrange(len(packet) + 1)
    match generator.randrange(6):
        case 0 if at < len(packet):
            packet[at] = generator.choice((0, 1, 0x29, 0x3F, 0x40, 0xC0, 0xFF, packet[at] ^ 0x20))
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


@pytest.mark.parametrize("seed", range(4))
def test_mutated_queries(engines: list[Engine], seed: int) -> None:
    for packet in _mutations(random.Random(seed), 5_000):
        check(engines, packet)
    assert sum(engines[0].counts().queries.values()) > 0
