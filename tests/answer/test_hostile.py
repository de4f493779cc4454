"""Any bytes at all get a valid reply or silence."""

from __future__ import annotations

import pytest
from building import image
from hypothesis import given
from hypothesis import strategies as st
from mutations import packets
from oracle import Judge

from geodns.answer.cold import Identity
from geodns.answer.engine import Engine

HOST = "20.0.0.1"


@pytest.fixture(scope="module")
def judge(tmp_path_factory: pytest.TempPathFactory) -> Judge:
    made = image(tmp_path_factory.mktemp("hostile"))
    identity = Identity("ns1.demo", "geodns 1")
    return Judge(Engine(made, identity), Engine(made, identity, stream=True))


@given(st.binary(max_size=600))
def test_random_bytes(judge: Judge, packet: bytes) -> None:
    judge.check(packet, HOST)


@given(st.binary(min_size=2, max_size=2), st.binary(max_size=300))
def test_random_bytes_behind_a_good_header(judge: Judge, id: bytes, rest: bytes) -> None:
    judge.check(id + b"\x01\x00\x00\x01\x00\x00\x00\x00\x00\x01" + rest, HOST)


@pytest.mark.parametrize("seed", range(4))
def test_mutated_queries(judge: Judge, seed: int) -> None:
    for packet in packets(seed, 5_000):
        judge.check(packet, HOST)
    assert sum(judge.udp.counts().queries.values()) > 0
