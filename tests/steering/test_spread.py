"""spread: different AZs, or regions, before a second address in the same."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import pytest
from chains import BERLIN, answers, image

TWO_EACH: dict[str, dict[str, Any]] = {
    "eu-a": {"addresses": ["192.0.2.1", "192.0.2.2"]},
    "eu-b": {"addresses": ["192.0.2.3", "192.0.2.4"]},
}


def test_an_answer_names_every_az_before_one_of_them_twice() -> None:
    found = answers(image("nearest", BERLIN, endpoints=TWO_EACH, answers=3))
    assert {frozenset(each[:2]) for each in found} == {frozenset({"eu-a", "eu-b"})}
    assert {each[2] for each in found} == {"eu-a", "eu-b"}


def test_by_region_an_answer_names_every_region_of_a_band_first() -> None:
    endpoints: dict[str, dict[str, Any]] = {"eu-a": {}, "eu-b": {}, "us-a": {}}
    chain: list[Any] = [{"nearest": {"within": "100000km"}}, {"spread": "region"}]
    found = answers(image(chain, BERLIN, endpoints=endpoints, answers=2))
    assert {frozenset(az[:2] for az in each) for each in found} == {frozenset({"eu", "us"})}
    whole = answers(image(chain, BERLIN, endpoints=endpoints, answers=3))
    assert {tuple(az[:2] for az in each) for each in whole} == {
        ("eu", "us", "eu"),
        ("us", "eu", "eu"),
    }


def test_with_none_addresses_come_as_they_are_drawn() -> None:
    chain = ["nearest", {"spread": "none"}]
    found = answers(image(chain, BERLIN, endpoints=TWO_EACH, answers=2))
    assert set(found) == {
        ("eu-a", "eu-a"),
        ("eu-b", "eu-b"),
        *permutations(["eu-a", "eu-b"]),
    }
    # Two draws of two addresses in each of two AZs: one in three has both of one AZ.
    alike = sum(one == other for one, other in found) / len(found)
    assert alike == pytest.approx(1 / 3, abs=0.04)


def test_an_answer_never_reaches_into_the_next_tier() -> None:
    endpoints: dict[str, dict[str, Any]] = {"eu-a": {}, "us-a": {}, "ap-a": {}}
    assert answers(image("nearest", BERLIN, endpoints=endpoints, answers=3)) == [("eu-a",)]
