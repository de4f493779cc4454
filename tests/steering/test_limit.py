"""limit: only the best so many tiers, only so many addresses."""

from __future__ import annotations

from typing import Any

import pytest
from chains import BERLIN, NEW_YORK, answers, chain, image
from ranked import tiers_of

ENDPOINTS: dict[str, dict[str, Any]] = {"eu-a": {}, "eu-b": {}, "us-a": {}, "ap-a": {}}


@pytest.mark.parametrize(
    ("tiers", "expected"),
    [
        (1, [["eu"]]),
        (2, [["eu"], ["us"]]),
        (3, [["eu"], ["us"], ["ap"]]),
        (9, [["eu"], ["us"], ["ap"]]),
    ],
)
def test_only_the_best_so_many_tiers_are_left(tiers: int, expected: list[list[str]]) -> None:
    assert tiers_of(chain("nearest", {"limit": {"tiers": tiers}}), BERLIN) == expected


def test_what_a_fence_has_removed_does_not_count() -> None:
    fence = {"geofence": {"rules": {"EU": {"never": "eu"}}}}
    policy = chain(fence, "nearest", {"limit": {"tiers": 1}})
    assert tiers_of(policy, BERLIN) == [["us"]]
    # Nor does it if the fence comes between.
    policy = chain("nearest", fence, {"limit": {"tiers": 1}})
    assert tiers_of(policy, BERLIN) == [["us"]]
    assert tiers_of(policy, NEW_YORK) == [["us"]]


def test_a_fence_behind_the_limit_takes_from_what_is_left() -> None:
    fence = {"geofence": {"rules": {"EU": {"never": "eu"}}}}
    assert tiers_of(chain("nearest", {"limit": {"tiers": 1}}, fence), BERLIN) == []


def test_a_band_is_one_tier() -> None:
    policy = chain({"latency": {"within": "110ms"}}, {"limit": {"tiers": 1}})
    assert tiers_of(policy, BERLIN) == [["eu", "us"]]


def test_what_is_beyond_the_limit_serves_nobody_even_when_all_else_is_down() -> None:
    made = image(
        ["nearest", {"limit": {"tiers": 2}}], BERLIN, endpoints=ENDPOINTS, when_down="nodata"
    )
    down = {"eu-a": 0.0, "eu-b": 0.0}
    assert answers(made, down) == [("us-a",)]
    assert answers(made, {**down, "us-a": 0.0}) == [()]


@pytest.mark.parametrize("limit", [{"limit": 2}, {"limit": {"addresses": 2}}])
def test_addresses_stand_in_place_of_answers(limit: Any) -> None:
    made = image(["nearest", limit], BERLIN, endpoints=ENDPOINTS, answers=1)
    assert {frozenset(each) for each in answers(made)} == {frozenset({"eu-a", "eu-b"})}
    made = image(["nearest", {"limit": 1}], BERLIN, endpoints=ENDPOINTS, answers=2)
    assert {len(each) for each in answers(made)} == {1}


def test_both_may_be_limited_at_once_and_the_later_of_two_limits_counts() -> None:
    policy = chain("nearest", {"limit": {"tiers": 2, "addresses": 3}}, {"limit": 4})
    assert policy.traits.addresses == 4
    assert tiers_of(policy, BERLIN) == [["eu"], ["us"]]
