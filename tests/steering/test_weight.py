"""weight, and its preset weighted: how those that are equally good share."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from building import image as compiled
from chains import BERLIN, answers, chain, image, preset, shares
from ranked import ranking_of, tiers_of

THREE: dict[str, dict[str, Any]] = {
    "eu-a": {"weight": 30},
    "eu-b": {"weight": 10},
    "us-a": {},
    "ap-a": {},
}


def near(**parts: float) -> dict[str, Any]:
    return {name.replace("_", "-"): pytest.approx(part, abs=0.03) for name, part in parts.items()}


def test_regions_share_as_told_and_their_endpoints_by_weight() -> None:
    made = image({"weighted": {"of": {"eu": 3, "us": 1}}}, BERLIN, endpoints=THREE)
    # 3/4 of all: 30 and 10 of 40.
    assert shares(made) == near(eu_a=0.5625, eu_b=0.1875, us_a=0.25)


def test_who_is_left_out_comes_behind() -> None:
    policy = preset("weighted", of={"eu": 3, "us": 1})
    assert tiers_of(policy, BERLIN) == [["eu", "us"], ["ap"]]
    made = image({"weighted": {"of": {"eu": 3, "us": 1}}}, BERLIN, endpoints=THREE)
    down = {"eu-a": 0.0, "eu-b": 0.0, "us-a": 0.0}
    assert answers(made, down) == [("ap-a",)]
    assert shares(made, {**down, "us-a": 0.5}) == {"ap-a": 0.5, "us-a": 0.5}


def test_a_region_that_is_down_leaves_its_share_to_the_others() -> None:
    made = image({"weighted": {"of": {"eu": 3, "us": 1, "ap": 1}}}, BERLIN, endpoints=THREE)
    assert shares(made, {"eu-a": 0.0, "eu-b": 0.0}) == near(us_a=0.5, ap_a=0.5)
    # One AZ of a region that is down: the region keeps its share.
    assert shares(made, {"eu-a": 0.0}) == near(eu_b=0.6, us_a=0.2, ap_a=0.2)
    # A region that can take half of its share: 1.5 of 3.5, and 1 each.
    assert shares(made, {"eu-a": 0.5, "eu-b": 0.5}) == near(
        eu_a=0.75 * 1.5 / 3.5, eu_b=0.25 * 1.5 / 3.5, us_a=1 / 3.5, ap_a=1 / 3.5
    )


def test_a_share_of_0_takes_over_when_the_others_cannot() -> None:
    made = image({"weighted": {"of": {"eu": 1, "us": 0}}}, BERLIN, endpoints=THREE)
    assert set(shares(made)) == {"eu-a", "eu-b"}
    assert answers(made, {"eu-a": 0.0, "eu-b": 0.0}) == [("us-a",)]
    assert shares(made, {"eu-a": 0.5, "eu-b": 0.5})["us-a"] == 0.5


def test_shares_that_are_all_0_are_equal() -> None:
    made = image({"weighted": {"of": {"ap": 0, "us": 0}}}, BERLIN, endpoints=THREE)
    assert shares(made) == near(ap_a=0.5, us_a=0.5)


def test_an_az_has_a_share_of_its_own_and_the_rest_of_its_region_the_regions() -> None:
    policy = preset("weighted", of={"eu-a": 1, "eu": 2, "us": 1})
    [first, _] = ranking_of(policy, BERLIN)
    assert {branch.name: branch.share for branch in first.branches} == {"eu-a": 1, "eu": 2, "us": 1}


def test_a_regions_share_is_that_of_all_its_azs_of_which_nothing_is_said() -> None:
    fence = {"geofence": {"rules": {"SA": {"never": ["eu-a"]}}}}
    policy = chain(fence, {"weight": {"of": {"eu": 3, "us": 1}}})
    [first, _] = ranking_of(policy, BERLIN)
    assert {branch.name: branch.share for branch in first.branches} == {
        "eu-a": 1.5,
        "eu": 1.5,
        "us": 1,
    }


def test_without_shares_all_endpoints_share_by_their_weight() -> None:
    made = image(
        "weighted", BERLIN, endpoints={**THREE, "us-a": {"weight": 0}, "ap-a": {"weight": 0}}
    )
    assert shares(made) == near(eu_a=0.75, eu_b=0.25)


def test_equal_forgets_the_weights() -> None:
    made = image(["nearest", {"weight": "equal"}], BERLIN, endpoints=THREE)
    assert shares(made) == near(eu_a=0.5, eu_b=0.5)
    zero = {"eu-a": {"weight": 0}, "eu-b": {"weight": 9}}
    assert shares(image([{"weight": "equal"}], BERLIN, endpoints=zero)) == near(eu_a=0.5, eu_b=0.5)


def test_shares_hold_within_a_band() -> None:
    # Virginia is 119 ms from Berlin, so both are as good; the rest is told by distance.
    chain_ = [{"latency": {"within": "110ms"}}, {"weight": {"of": {"us": 3, "eu": 1}}}]
    made = image(chain_, BERLIN, endpoints=THREE)
    assert shares(made) == near(us_a=0.75, eu_a=0.1875, eu_b=0.0625)
    assert answers(made, {"eu-a": 0.0, "eu-b": 0.0, "us-a": 0.0}) == [("ap-a",)]


def test_those_that_share_stay_together_under_a_sort_and_the_rest_is_sorted() -> None:
    policy = chain({"weight": {"of": {"ap": 1, "us": 3}}}, "nearest")
    assert tiers_of(policy, BERLIN) == [["us", "ap"], ["eu"]]


@pytest.mark.parametrize("by", ["load", "response_time", "weight", "equal"])
def test_how_a_region_shares_is_told_by_name_or_with_shares_beside(by: str) -> None:
    assert chain("nearest", {"weight": by}).traits.share_by == by
    assert chain("nearest", {"weight": {"by": by}}).traits.share_by == by
    both = chain(
        {"weight": {"of": {"eu": 1}}}, {"weight": {"by": by}}, {"weight": {"of": {"us": 1}}}
    )
    assert both.traits.share_by == by


def test_services_with_other_numbers_of_azs_have_shares_of_their_own(tmp_path: Path) -> None:
    """They share a chain and the names of regions, and yet not what a region's AZs have each."""
    fence = {"geofence": {"rules": {"SA": {"never": ["eu-a"]}}}}
    steering = [fence, {"weight": {"of": {"eu": 3, "us": 1}}}]
    azs = {"eu-a": ("web", "api"), "eu-b": ("web", "api"), "eu-c": ("api",), "us-a": ("web", "api")}
    regions = {
        name: {
            "location": where,
            "availability_zones": {
                az: {"endpoints": {service: {"addresses": ["192.0.2.1"]} for service in services}}
                for az, services in azs.items()
                if az.startswith(name)
            },
        }
        for name, where in {"eu": (50, 8), "us": (38, -77)}.items()
    }
    services = {name: {"steering": steering} for name in ("web", "api")}
    found = {
        service.name: {branch.id: branch.share for t in service.tiers for branch in t.branches}
        for service in compiled(tmp_path, regions=regions, services=services).services
    }
    assert found == {
        "web": {"eu-a": 1.5, "eu": 1.5, "us": 1},
        "api": {"eu-a": 1, "eu": 2, "us": 1},
    }
