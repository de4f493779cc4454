"""prefer, and its presets geo and subnet: explicit rules, the most specific first."""

from __future__ import annotations

import pytest
from chains import BERLIN, NEW_YORK, PARIS, TOKYO, chain, preset
from ranked import names, tiers_of

from geodns.geo.place import NOWHERE, Place

RULES = {
    "default": "ap",
    "EU": ["us", "eu"],
    "EU-DE": "eu",
    "AS2516": ["us"],
}


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        # Germany's own row, then Europe's for what that leaves out, then the default.
        (BERLIN, ["eu", "us", "ap"]),
        (PARIS, ["us", "eu", "ap"]),
        (TOKYO, ["us", "ap", "eu"]),
        (NOWHERE, ["ap", "eu", "us"]),
    ],
)
def test_rules_apply_from_the_most_specific_to_the_widest(
    place: Place, expected: list[str]
) -> None:
    policy = chain({"prefer": {"rules": RULES}}, "failover")
    assert names(policy, place) == expected


def test_a_rule_may_name_an_az_before_its_region() -> None:
    policy = chain({"prefer": {"rules": {"NA-US-NY": ["eu-b", "us", "eu"]}}}, "nearest")
    assert tiers_of(policy, NEW_YORK) == [["eu-b"], ["us"], ["eu"], ["ap"]]
    # An AZ that is named is where its own name stands, not its region's.
    policy = chain({"prefer": {"rules": {"NA-US-NY": ["eu", "eu-b"]}}}, "nearest")
    assert tiers_of(policy, NEW_YORK) == [["eu"], ["eu-b"], ["us"], ["ap"]]


def test_clients_that_no_rule_matches_are_left_to_what_follows() -> None:
    rules = {"prefer": {"rules": {"AF": "ap"}, "only": True}}
    assert names(chain(rules, "nearest"), NEW_YORK) == ["us", "eu", "ap"]


def test_with_only_what_no_rule_of_a_client_names_is_gone() -> None:
    policy = chain({"prefer": {"rules": {"EU": "us", "EU-DE": "eu"}, "only": True}})
    assert names(policy, BERLIN) == ["eu", "us"]
    assert names(policy, PARIS) == ["us"]
    assert len(names(policy, NEW_YORK)) == 3


def test_what_a_rule_names_together_with_nothing_is_told_apart_by_the_next_filter() -> None:
    policy = chain({"prefer": {"rules": {"EU": ["ap"]}}}, "latency")
    assert names(policy, BERLIN) == ["ap", "eu", "us"]


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (-1, ["ap", "eu", "us"]),
        (0, ["us", "ap", "eu"]),
        (1, ["eu", "ap", "us"]),
        (2, ["eu", "ap", "us"]),
    ],
)
def test_of_nested_prefixes_only_the_longest_applies(row: int, expected: list[str]) -> None:
    rules = {"10.0.0.0/8": "us", "10.1.0.0/16": "eu", "2001:db8::/32": "eu", "default": "ap"}
    policy = chain({"prefer": {"rules": rules}}, "failover")
    assert [str(prefix) for prefix in policy.prefixes] == [
        "10.0.0.0/8",
        "10.1.0.0/16",
        "2001:db8::/32",
    ]
    assert names(policy, NOWHERE, row) == expected


def test_the_preset_geo_asks_from_near_to_far_what_no_rule_names() -> None:
    policy = preset("geo", rules={"EU": "ap"})
    assert names(policy, BERLIN) == ["ap", "eu", "us"]
    assert names(policy, TOKYO) == ["ap", "eu", "us"]
    assert names(preset("geo", rules={"EU": "ap"}, only=True), BERLIN) == ["ap"]


def test_the_preset_subnet_goes_by_prefix_then_as_then_default() -> None:
    policy = preset("subnet", rules={"default": "ap", "AS3320": "us", "10.0.0.0/8": "eu"})
    assert names(policy, BERLIN, 0) == ["eu", "us", "ap"]
    assert names(policy, BERLIN) == ["us", "ap", "eu"]
    assert names(policy, PARIS) == ["ap", "eu", "us"]
