"""What the engine remembers is found again by the right queries, and by no others."""

from __future__ import annotations

from pathlib import Path

import dns.flags
import dns.message
import pytest
from building import ZONE, image, lines, query

from geodns.answer.cold import Identity
from geodns.answer.engine import Engine

_LETTERS = r"""
letters:
  - {type: HTTPS, ttl: 60, value: {svcpriority: 1, targetname: "."}}
  - {type: TYPE97, ttl: 60, value: '\# 2 0102'}
"""
_WIRE = {
    "HTTPS": "letters.example.test. 60 HTTPS 1 .",
    "TYPE97": r"letters.example.test. 60 TYPE97 \# 2 0102",
}


@pytest.fixture
def engine(tmp_path: Path) -> Engine:
    return Engine(image(tmp_path, zone=ZONE + _LETTERS), Identity("ns1.demo", "geodns 1"))


def ask(engine: Engine, packet: bytes) -> dns.message.Message:
    reply = engine.respond(packet, "198.51.100.1")
    assert reply is not None
    return dns.message.from_wire(reply)


@pytest.mark.parametrize("edns", [False, True])
@pytest.mark.parametrize("order", [("HTTPS", "TYPE97"), ("TYPE97", "HTTPS")])
def test_types_that_differ_like_letters_in_case_are_two_types(
    engine: Engine, order: tuple[str, str], edns: bool
) -> None:
    # 65, HTTPS, is "A" as a byte, 97 is "a".
    for type in order * 3:
        reply = ask(engine, query("Letters.example.test", type, edns=edns))
        assert [line.lower() for line in lines(reply.answer)] == [_WIRE[type].lower()]
    assert engine.counts().queries == {(65, 0): 3, (97, 0): 3}


def test_a_reply_that_is_cut_echoes_the_client_subnet_of_its_own_query(engine: Engine) -> None:
    for subnet in ("10.0.0.0/24", "20.9.8.0/24", "30.1.1.0/24", "20.9.8.0/24"):
        for _ in range(2):
            reply = ask(engine, query("many.example.test", "TXT", subnet=subnet))
            assert reply.flags & dns.flags.TC
            (option,) = reply.options
            assert option.to_text() == f"ECS {subnet} scope/0"


def test_a_name_that_is_new_is_answered_for_the_client_subnet_of_its_own_query(
    engine: Engine,
) -> None:
    wanted = {"10.0.0.0/24": "192.0.2.", "20.9.8.0/24": "192.0.2.11", "30.1.1.0/24": "192.0.2.21"}
    for number in range(3):
        for subnet, address in wanted.items():
            # The subnets are known, and differ in nothing else; the name is asked for first here.
            name = f"n{number}-{address.replace('.', '-')}.apps.example.test"
            for _ in range(2):
                reply = ask(engine, query(name, subnet=subnet))
                assert str(reply.answer[0][0]).startswith(address)
                (option,) = reply.options
                assert option.to_text().startswith(f"ECS {subnet} ")
