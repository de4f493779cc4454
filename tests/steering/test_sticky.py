"""sticky: a client keeps its answer, or answers take turns; and the preset multivalue."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import dns.message
import pytest
from building import image, query

from geodns.answer.cold import Identity
from geodns.answer.engine import Engine
from geodns.answer.shares import SLOTS


def asked(folder: Path, steering: Any, times: int, **service: Any) -> list[tuple[str, ...]]:
    """The addresses that one client gets, time after time."""
    engine = Engine(image(folder, services={"web": {"steering": steering, **service}}), Identity())
    packet = query("www.example.test", subnet="10.0.0.0/24")
    replies = (
        dns.message.from_wire(engine.respond(packet, "192.0.2.1") or b"") for _ in range(times)
    )
    return [tuple(str(rdata) for rrset in reply.answer for rdata in rrset) for reply in replies]


def test_a_client_keeps_its_answer(tmp_path: Path) -> None:
    assert len(set(asked(tmp_path, ["nearest"], 50))) == 1
    assert len(set(asked(tmp_path, ["nearest", "sticky"], 50))) == 1
    assert len(set(asked(tmp_path, ["nearest", {"sticky": True}], 50))) == 1


@pytest.mark.parametrize(
    "none", [{"sticky": "none"}, {"sticky": False}, {"sticky": {"by": "none"}}]
)
def test_without_it_answers_take_turns_in_their_shares(tmp_path: Path, none: Any) -> None:
    counts = Counter(asked(tmp_path, ["nearest", none], SLOTS))
    assert set(counts) == {("192.0.2.1",), ("192.0.2.2",)}
    assert counts["192.0.2.1",] / SLOTS == pytest.approx(0.5, abs=0.03)


def test_the_turns_are_the_shares_exactly(tmp_path: Path) -> None:
    """Every slot's answer once in a round, so that two rounds are the same."""
    one = Counter(asked(tmp_path, ["nearest", {"sticky": "none"}], SLOTS))
    two = Counter(asked(tmp_path, ["nearest", {"sticky": "none"}], 2 * SLOTS))
    assert two == Counter({answer: 2 * count for answer, count in one.items()})


def test_multivalue_answers_with_addresses_of_all_azs_in_turns(tmp_path: Path) -> None:
    everything = {"192.0.2.1", "192.0.2.2", "192.0.2.11", "192.0.2.21"}
    found = asked(tmp_path, "multivalue", 200)
    assert all(set(each) == everything and len(each) == 4 for each in found)
    assert {each[0] for each in found} == everything
    two = asked(tmp_path, {"multivalue": {"addresses": 2}}, 200)
    assert {len(each) for each in two} == {2}
    assert {address for each in two for address in each} == everything


def test_the_addresses_of_the_preset_stand_in_place_of_the_services_answers(tmp_path: Path) -> None:
    assert {len(each) for each in asked(tmp_path, "multivalue", 20, answers=1)} == {4}
