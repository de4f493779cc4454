"""Any bytes at all get a valid reply or silence."""

from __future__ import annotations

import dns.message
import pytest
from building import image
from hypothesis import given
from hypothesis import strategies as st
from mutations import packets

from geodns.answer.cold import Identity
from geodns.answer.engine import Engine

HOST = "20.0.0.1"
_LIMIT = 1232


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


@pytest.mark.parametrize("seed", range(4))
def test_mutated_queries(engines: list[Engine], seed: int) -> None:
    for packet in packets(seed, 5_000):
        check(engines, packet)
    assert sum(engines[0].counts().queries.values()) > 0
