"""priority: lower numbers first, equal ones together."""

from __future__ import annotations

from chains import BERLIN, NEW_YORK, answers, chain, image, shares
from ranked import tiers_of


def test_numbers_of_regions_and_azs_come_before_those_of_endpoints() -> None:
    policy = chain(
        {"priority": {"of": {"us": 0, "eu-b": 5}}}, priorities={"ap-a": 2, "ap-b": 2, "eu-b": 1}
    )
    assert tiers_of(policy, BERLIN) == [["us"], ["eu"], ["ap"], ["eu-b"]]


def test_endpoints_of_one_region_may_have_different_priorities() -> None:
    policy = chain("priority", priorities={"eu-a": 2, "us-b": 3})
    assert tiers_of(policy, BERLIN) == [
        ["eu (eu-b)", "us (us-a)", "ap"],
        ["eu (eu-a)"],
        ["us (us-b)"],
    ]


def test_among_those_that_are_as_good_by_latency_the_priority_decides() -> None:
    priorities = {"eu-a": 2, "us-a": 1, "us-b": 2}
    policy = chain({"latency": {"within": "1ms"}}, "priority", priorities=priorities)
    assert tiers_of(policy, BERLIN) == [
        ["eu (eu-b)"],
        ["eu (eu-a)"],
        ["us (us-a)"],
        ["us (us-b)"],
        ["ap"],
    ]
    # Without a tolerance as well: one region's endpoints are equally near.
    assert tiers_of(chain("latency", "priority", priorities=priorities), NEW_YORK) == [
        ["us (us-a)"],
        ["us (us-b)"],
        ["eu (eu-b)"],
        ["eu (eu-a)"],
        ["ap"],
    ]


def test_before_a_sort_it_ranks_everybody_alike() -> None:
    policy = chain("priority", "latency", priorities={"eu-a": 2, "eu-b": 2})
    assert tiers_of(policy, BERLIN) == [["us"], ["ap"], ["eu"]]


def test_a_standby_takes_over_in_its_own_region_before_others_do() -> None:
    made = image(
        ["nearest", "priority"],
        BERLIN,
        endpoints={"eu-a": {}, "eu-b": {"priority": 2}, "us-a": {}},
    )
    assert answers(made) == [("eu-a",)]
    assert answers(made, {"eu-a": 0.0}) == [("eu-b",)]
    assert shares(made, {"eu-a": 0.75}) == {"eu-a": 0.75, "eu-b": 0.25}
    assert answers(made, {"eu-a": 0.0, "eu-b": 0.0}) == [("us-a",)]
