"""failover, filter and preset: a fixed order, whoever asks."""

from __future__ import annotations

import pytest
from chains import BERLIN, TOKYO, answers, chain, image, preset, shares
from ranked import names, tiers_of

from geodns.geo.place import NOWHERE


@pytest.mark.parametrize("place", [BERLIN, TOKYO, NOWHERE])
def test_the_order_holds_for_everybody_and_the_rest_follows_in_file_order(place: object) -> None:
    policy = chain({"failover": {"order": ["ap"]}})
    assert names(policy, place) == ["ap", "eu", "us"]  # type: ignore[arg-type]
    assert names(preset("failover", order=["ap", "us"]), BERLIN) == ["ap", "us", "eu"]
    assert names(preset("failover"), BERLIN) == ["eu", "us", "ap"]


def test_an_az_that_is_named_stands_alone_and_the_rest_of_its_region_where_the_region_is() -> None:
    policy = chain({"failover": {"order": ["us-b", "eu", "us"]}})
    assert tiers_of(policy, BERLIN) == [["us-b"], ["eu"], ["us"], ["ap"]]


def test_the_rest_of_a_region_of_which_the_order_names_an_az_follows_in_file_order() -> None:
    policy = chain({"failover": {"order": ["us-b", "ap"]}})
    assert tiers_of(policy, BERLIN) == [["us-b"], ["ap"], ["eu"], ["us"]]


def test_a_region_that_it_leaves_out_stays_together_whatever_another_filter_names() -> None:
    fence = {"geofence": {"rules": {"SA": {"never": ["eu-a"]}}}}
    policy = chain(fence, {"failover": {"order": ["us"]}})
    assert sorted(map(sorted, tiers_of(policy, BERLIN)), reverse=True) == [
        ["us"],
        ["eu", "eu-a"],
        ["ap"],
    ]
    assert tiers_of(policy, BERLIN)[0] == ["us"]


def test_among_those_of_a_rule_it_decides() -> None:
    rules = {"prefer": {"rules": {"EU": ["ap"]}}}
    assert names(chain(rules, {"failover": {"order": ["us", "eu"]}}), BERLIN) == ["ap", "us", "eu"]


def test_clients_spill_along_the_order() -> None:
    made = image("failover", BERLIN, endpoints={"eu-a": {}, "us-a": {}, "ap-a": {}})
    assert answers(made) == [("eu-a",)]
    assert answers(made, {"eu-a": 0.0}) == [("us-a",)]
    # 0.5, half of the other half, and the rest.
    assert shares(made, {"eu-a": 0.5, "us-a": 0.5}) == {
        "eu-a": 0.5,
        "us-a": pytest.approx(0.25, abs=0.02),
        "ap-a": pytest.approx(0.25, abs=0.02),
    }
    # When all are down, all are served as if they were up: the first.
    assert answers(made, {"eu-a": 0.0, "us-a": 0.0, "ap-a": 0.0}) == [("eu-a",)]
