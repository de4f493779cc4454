"""nearest, and its presets nearest and geoproximity: distance, bias, bands of kilometres."""

from __future__ import annotations

from typing import Any

import pytest
from chains import BERLIN, NEW_YORK, TOKYO, chain, preset, topology
from ranked import costs, names, tiers_of

from geodns.geo.place import NOWHERE, Place

# On the equator, a degree is 111.195 km.
DEGREE = 111.195
LINE: dict[str, dict[str, Any]] = {
    "eu": {"location": (0, 1)},
    "us": {"location": (0, -2)},
    "ap": {"location": (0, 4)},
}
HERE = Place(0.0, 0.0)


@pytest.mark.parametrize(
    ("within", "expected"),
    [
        (None, [["eu"], ["us"], ["ap"]]),
        ("100km", [["eu"], ["us"], ["ap"]]),
        ("112km", [["eu", "us"], ["ap"]]),
        ("99%", [["eu"], ["us"], ["ap"]]),
        ("100%", [["eu", "us"], ["ap"]]),
        (400, [["eu", "us", "ap"]]),
    ],
)
def test_regions_within_so_many_kilometres_or_percent_of_the_nearest_are_as_near(
    within: Any, expected: list[list[str]]
) -> None:
    policy = chain({"nearest": {"within": within}}, where=topology(**LINE))
    assert costs(policy, HERE) == pytest.approx(
        {"eu": DEGREE, "us": 2 * DEGREE, "ap": 4 * DEGREE}, rel=1e-5
    )
    assert tiers_of(policy, HERE) == expected


@pytest.mark.parametrize(
    ("bias", "expected"),
    [
        ({}, {"eu": 1, "us": 2, "ap": 4}),
        # us: 2 * (1 - 0.6); eu: 1 / (1 - 0.5).
        ({"us": 60}, {"eu": 1, "us": 0.8, "ap": 4}),
        ({"eu": -50}, {"eu": 2, "us": 2, "ap": 4}),
        ({"ap": 99, "eu": -99}, {"eu": 100, "us": 2, "ap": 0.04}),
    ],
)
def test_a_bias_in_the_chain_stands_in_place_of_the_topologys(
    bias: dict[str, int], expected: dict[str, float]
) -> None:
    # The topology's own bias of 10 counts only where the chain has none.
    own = {name: {**LINE[name], "bias": 10 if name in bias else 0} for name in LINE}
    policy = chain({"nearest": {"bias": bias}}, where=topology(**own))
    found = {name: cost / DEGREE for name, cost in costs(policy, HERE).items()}
    assert found == pytest.approx(expected, rel=1e-5)


def test_a_band_is_around_distances_after_bias() -> None:
    where = topology(**{**LINE, "us": {"location": (0, -2), "bias": 50}})
    # 2 degrees count as 1.
    assert tiers_of(chain({"nearest": {"within": "1km"}}, where=where), HERE) == [
        ["eu", "us"],
        ["ap"],
    ]


def test_an_unknown_place_leaves_the_order_of_the_file_and_makes_no_band() -> None:
    policy = chain({"nearest": {"within": "100%"}})
    assert tiers_of(policy, NOWHERE) == [["eu"], ["us"], ["ap"]]


def test_equally_near_regions_stand_in_the_order_of_the_file() -> None:
    where = topology(eu={"location": (0, 1)}, us={"location": (0, 1)}, ap={"location": (0, 0.5)})
    assert tiers_of(chain("nearest", where=where), HERE) == [["ap"], ["eu"], ["us"]]


def test_the_presets_are_this_filter() -> None:
    assert names(preset("nearest"), TOKYO) == ["ap", "eu", "us"]
    assert names(preset("geoproximity"), NEW_YORK) == ["us", "eu", "ap"]
    # Singapore is 9,900 km from Berlin, Virginia 6,700: with a bias of 40 it counts as 5,900.
    assert names(preset("geoproximity", bias={"ap": 40}), BERLIN) == ["eu", "ap", "us"]
