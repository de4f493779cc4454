"""latency: lowest round-trip time first; bands of what is as good as the best; price as time."""

from __future__ import annotations

from typing import Any

import pytest
from chains import BERLIN, chain, image, preset, shares, topology
from ranked import costs, names, sources, tiers_of

from geodns.geo.place import NOWHERE


def by(eu: float, us: float, ap: float) -> dict[str, dict[str, float]]:
    return {"EU": {"eu": eu, "us": us, "ap": ap}}


def latency(**options: Any) -> dict[str, Any]:
    return {"latency": options}


@pytest.mark.parametrize(
    ("within", "figures", "expected"),
    [
        (None, (12, 13, 90), [["eu"], ["us"], ["ap"]]),
        ("1ms", (12, 13, 90), [["eu", "us"], ["ap"]]),
        ("10ms", (13, 12, 90), [["eu", "us"], ["ap"]]),
        # On the edge is inside, a hair behind it is outside.
        ("10ms", (10, 20, 90), [["eu", "us"], ["ap"]]),
        ("10ms", (10, 20.001, 90), [["eu"], ["us"], ["ap"]]),
        ("15%", (20, 23, 90), [["eu", "us"], ["ap"]]),
        ("15%", (20, 23.01, 90), [["eu"], ["us"], ["ap"]]),
        # As computers count, 100 * 1.15 is less than 115.
        ("15%", (100, 115, 200), [["eu", "us"], ["ap"]]),
        ("15%", (220, 253, 400), [["eu", "us"], ["ap"]]),
        # A band is around its best, not a chain of neighbours; the next begins where it ends.
        ("10ms", (10, 20, 30), [["eu", "us"], ["ap"]]),
        ("10ms", (10, 21, 31), [["eu"], ["us", "ap"]]),
        (10, (10, 20, 21), [["eu", "us"], ["ap"]]),
        ("0ms", (10, 10, 11), [["eu", "us"], ["ap"]]),
        (None, (10, 10, 9), [["ap"], ["eu"], ["us"]]),
        ("100%", (10, 20, 20.5), [["eu", "us"], ["ap"]]),
        ("1s", (10, 900, 1010), [["eu", "us", "ap"]]),
    ],
)
def test_a_band_holds_what_is_within_the_tolerance_of_its_best(
    within: Any, figures: tuple[float, float, float], expected: list[list[str]]
) -> None:
    policy = chain(latency(within=within), rows=by(*figures))
    assert tiers_of(policy, BERLIN) == expected


def test_regions_of_a_band_share_by_weight() -> None:
    endpoints = {"eu-a": {"weight": 30}, "us-a": {"weight": 10}, "ap-a": {"weight": 500}}
    # Frankfurt is some 12 ms from Berlin, Virginia some 119 ms and Singapore some 174 ms.
    made = image([latency(within="110ms")], BERLIN, endpoints=endpoints)
    assert shares(made) == {
        "eu-a": pytest.approx(0.75, abs=0.03),
        "us-a": pytest.approx(0.25, abs=0.03),
    }
    # While one of the band is up, none of its clients goes farther.
    assert shares(made, {"eu-a": 0.0}) == {"us-a": 1.0}
    assert shares(made, {"eu-a": 0.5, "us-a": 0.5}) == {
        "ap-a": 0.5,
        "eu-a": pytest.approx(0.375, abs=0.03),
        "us-a": pytest.approx(0.125, abs=0.03),
    }
    # One of both can still take all: 30 * 0.5 against 10.
    assert shares(made, {"eu-a": 0.5}) == {
        "eu-a": pytest.approx(0.6, abs=0.03),
        "us-a": pytest.approx(0.4, abs=0.03),
    }


def test_what_is_unknown_stands_behind_and_in_no_band() -> None:
    policy = chain(latency(within="1000ms"), rows={"default": {"us": 80}})
    # Where the client is unknown, nothing can be estimated.
    assert tiers_of(policy, NOWHERE) == [["us"], ["eu"], ["ap"]]


def test_a_price_counts_as_time() -> None:
    where = topology(eu={"cost": 3}, us={"cost": 1.5}, ap={})
    policy = chain(latency(cost="20ms"), rows=by(10, 30, 65), where=where)
    # 10 + 60, 30 + 30, and nothing for a region without a price.
    assert costs(policy, BERLIN) == {"eu": 70, "us": 60, "ap": 65}
    assert names(policy, BERLIN) == ["us", "ap", "eu"]
    assert sources(policy, BERLIN)["eu"] == "latency table, row EU, its cost counts as 60 ms"
    assert sources(policy, BERLIN)["ap"] == "latency table, row EU"


def test_a_band_is_around_times_with_their_surcharge() -> None:
    where = topology(eu={"cost": 3}, us={"cost": 1.5})
    policy = chain(latency(cost="20ms", within="5ms"), rows=by(10, 30, 65), where=where)
    assert tiers_of(policy, BERLIN) == [["us", "ap"], ["eu"]]


def test_a_fence_before_it_leaves_the_band_to_those_inside() -> None:
    fence = {"geofence": {"rules": {"EU": {"never": "eu"}}}}
    policy = chain(fence, latency(within="10ms"), rows=by(1, 50, 60))
    assert tiers_of(policy, BERLIN) == [["us", "ap"]]


def test_after_a_preference_each_part_has_bands_of_its_own() -> None:
    rules = {"prefer": {"rules": {"EU": ["ap"]}}}
    policy = chain(rules, latency(within="10ms"), rows=by(10, 20, 90))
    assert tiers_of(policy, BERLIN) == [["ap"], ["eu", "us"]]


def test_azs_that_another_filter_names_stay_with_their_region() -> None:
    policy = chain(
        {"geofence": {"rules": {"SA": {"only": ["us-b"]}}}}, latency(), rows=by(10, 20, 30)
    )
    assert tiers_of(policy, BERLIN) == [["eu"], ["us", "us-b"], ["ap"]]


def test_the_preset_takes_the_same_options() -> None:
    assert tiers_of(preset("latency", by(12, 13, 90), within="10%"), BERLIN) == [
        ["eu", "us"],
        ["ap"],
    ]
