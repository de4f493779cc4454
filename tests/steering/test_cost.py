"""cost: cheapest first; what has no price comes last."""

from __future__ import annotations

from typing import Any

import pytest
from chains import BERLIN, chain, topology
from ranked import costs, sources, tiers_of

WHERE = topology(eu={"cost": 10}, us={"cost": 9}, ap={"cost": 11})


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, [["us"], ["eu"], ["ap"]]),
        ({"within": 1}, [["eu", "us"], ["ap"]]),
        ({"within": 0.5}, [["us"], ["eu"], ["ap"]]),
        # 9 and what is below 9.9; then 10 and what is up to 11.
        ({"within": "10%"}, [["us"], ["eu", "ap"]]),
        ({"within": "12%"}, [["eu", "us"], ["ap"]]),
        ({"within": 2}, [["eu", "us", "ap"]]),
        ({"of": {"ap": 0, "us": 10}}, [["ap"], ["eu"], ["us"]]),
        ({"of": {"us-a": 30}}, [["us"], ["eu"], ["ap"], ["us-a"]]),
    ],
)
def test_the_cheapest_come_first(options: dict[str, Any], expected: list[list[str]]) -> None:
    assert tiers_of(chain({"cost": options}, where=WHERE), BERLIN) == expected


def test_what_has_no_price_comes_last_in_file_order_and_in_no_band() -> None:
    policy = chain({"cost": {"within": "100%"}}, where=topology(ap={"cost": 5}))
    assert tiers_of(policy, BERLIN) == [["ap"], ["eu"], ["us"]]
    assert str(costs(policy, BERLIN)["eu"]) == "nan"
    assert sources(policy, BERLIN) == {
        "eu": "no cost is known",
        "us": "no cost is known",
        "ap": "its cost",
    }


def test_of_those_that_are_near_enough_the_cheapest_serves() -> None:
    rows = {"EU": {"eu": 10, "us": 15, "ap": 90}}
    policy = chain({"latency": {"within": "10ms"}}, "cost", rows=rows, where=WHERE)
    assert tiers_of(policy, BERLIN) == [["us"], ["eu"], ["ap"]]
    # The other way round, nothing is left to be decided by latency.
    policy = chain("cost", {"latency": {"within": "10ms"}}, rows=rows, where=WHERE)
    assert tiers_of(policy, BERLIN) == [["us"], ["eu"], ["ap"]]
