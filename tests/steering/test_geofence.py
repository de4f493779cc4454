"""geofence: who may serve whom; a closed fence is never left."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import dns.message
import pytest
from building import image as compiled
from building import query, scope_of
from chains import BERLIN, NEW_YORK, PARIS, TOKYO, answers, chain, image, shares
from ranked import names, tiers_of

from geodns.answer.cold import Identity
from geodns.answer.engine import Engine
from geodns.geo.place import NOWHERE, Place


def fence(rules: dict[str, Any], **options: Any) -> dict[str, Any]:
    return {"geofence": {"rules": rules, **options}}


ENDPOINTS: dict[str, dict[str, Any]] = {"eu-a": {}, "us-a": {}, "ap-a": {}}


def test_only_keeps_clients_to_what_it_names_and_nobody_else_is_touched() -> None:
    policy = chain(fence({"EU": {"only": ["eu"]}}), "nearest")
    assert names(policy, BERLIN) == ["eu"]
    assert names(policy, NEW_YORK) == ["us", "eu", "ap"]


def test_never_keeps_clients_away_from_what_it_names() -> None:
    policy = chain(fence({"EU-DE": {"never": ["us", "ap"]}, "AS": {"never": "eu"}}), "nearest")
    assert names(policy, BERLIN) == ["eu"]
    assert names(policy, PARIS) == ["eu", "us", "ap"]
    assert names(policy, TOKYO) == ["ap", "us"]


def test_what_is_named_in_both_is_kept_away() -> None:
    policy = chain(fence({"default": {"only": ["eu", "us"], "never": ["us"]}}), "failover")
    assert names(policy, NOWHERE) == ["eu"]


@pytest.mark.parametrize(
    ("place", "prefix_row", "expected"),
    [
        (NOWHERE, -1, ["ap"]),
        (Place(continent="EU"), -1, ["eu"]),
        (PARIS, -1, ["eu"]),
        (Place(continent="EU", country="DE"), -1, ["us"]),
        (Place(continent="EU", country="DE", subdivision="BE"), -1, ["eu", "us"]),
        (BERLIN, -1, ["us", "ap"]),
        (BERLIN, 0, ["eu", "ap"]),
        (BERLIN, 1, ["eu", "us", "ap"]),
    ],
)
def test_only_the_row_that_is_most_specific_to_a_client_counts(
    place: Place, prefix_row: int, expected: list[str]
) -> None:
    rules = {
        "default": {"only": "ap"},
        "EU": {"only": "eu"},
        "EU-DE": {"only": "us"},
        "EU-DE-BE": {"only": ["eu", "us"]},
        "AS3320": {"never": "eu"},
        "203.0.113.0/24": {"never": "us"},
        # An empty row lifts the fence: it is the most specific one, and keeps nobody away.
        "203.0.113.64/26": {},
    }
    policy = chain(fence(rules), "failover")
    assert names(policy, place, prefix_row) == expected


def test_an_az_can_be_fenced_in_or_out_alone() -> None:
    policy = chain(fence({"EU": {"only": ["eu-b"]}, "NA": {"never": ["us-a"]}}), "nearest")
    assert names(policy, BERLIN) == ["eu-b"]
    assert names(policy, NEW_YORK)[0] == "us"
    # Whom no fence touches has the AZs of a region together, as if nothing named them.
    assert tiers_of(policy, TOKYO) == [["ap"], ["eu", "eu-b"], ["us-a", "us"]]


def test_an_open_fence_is_a_preference_and_the_others_are_the_last_resort() -> None:
    policy = chain("latency", fence({"EU": {"only": "ap"}}, closed=False))
    # Behind a sort without a tolerance there is nothing left to prefer: fences come first.
    assert names(policy, BERLIN) == ["eu", "us", "ap"]
    policy = chain(fence({"EU": {"only": "ap"}}, closed=False), "latency")
    assert names(policy, BERLIN) == ["ap", "eu", "us"]


def test_two_fences_in_a_chain_both_hold() -> None:
    policy = chain(fence({"EU": {"never": "us"}}), fence({"EU-DE": {"never": "ap"}}), "failover")
    assert names(policy, BERLIN) == ["eu"]
    assert names(policy, PARIS) == ["eu", "ap"]


def test_filters_with_different_prefixes_in_one_chain_each_find_their_own() -> None:
    policy = chain(
        fence({"10.0.0.0/8": {"never": "eu"}}),
        {"prefer": {"rules": {"10.1.0.0/16": "ap", "10.0.0.0/9": "us"}}},
        "latency",
        rows={
            "10.1.2.0/24": {"eu": 1, "us": 3, "ap": 2},
            "10.0.0.0/7": {"eu": 1, "us": 2, "ap": 3},
        },
    )
    rows = {str(prefix): number for number, prefix in enumerate(policy.prefixes)}
    assert set(rows) == {"10.0.0.0/7", "10.0.0.0/8", "10.0.0.0/9", "10.1.0.0/16", "10.1.2.0/24"}
    assert names(policy, NOWHERE, rows["10.0.0.0/7"]) == ["eu", "us", "ap"]
    assert names(policy, NOWHERE, rows["10.0.0.0/8"]) == ["us", "ap"]
    assert names(policy, NOWHERE, rows["10.0.0.0/9"]) == ["us", "ap"]
    assert names(policy, NOWHERE, rows["10.1.0.0/16"]) == ["ap", "us"]
    assert names(policy, NOWHERE, rows["10.1.2.0/24"]) == ["ap", "us"]


@pytest.mark.parametrize("when_down", ["serve_all", "nodata", {"addresses": ["192.0.2.99"]}])
def test_a_closed_fence_is_not_left_even_when_all_inside_is_down(when_down: Any) -> None:
    made = image(
        [fence({"EU": {"only": "eu"}}), "nearest"],
        BERLIN,
        endpoints=ENDPOINTS,
        when_down=when_down,
    )
    assert answers(made) == [("eu-a",)]
    down = answers(made, {"eu-a": 0.0})
    assert down == ([("eu-a",)] if when_down == "serve_all" else [()])
    # A fence that sheds leaves what it can't take to when_down, not to others.
    assert set(shares(made, {"eu-a": 0.25})) <= {"eu-a", ""}


@pytest.mark.parametrize("when_down", ["serve_all", "nodata", {"addresses": ["192.0.2.99"]}])
def test_clients_with_nobody_inside_of_their_fence_get_no_data_or_the_fallback(
    when_down: Any,
) -> None:
    made = image(
        [fence({"EU": {"only": []}}), "nearest"], BERLIN, endpoints=ENDPOINTS, when_down=when_down
    )
    assert answers(made) == [()]


def test_an_open_fence_is_left_when_all_inside_is_down() -> None:
    made = image(
        [fence({"EU": {"only": "eu"}}, closed=False), "nearest"], BERLIN, endpoints=ENDPOINTS
    )
    assert answers(made) == [("eu-a",)]
    assert answers(made, {"eu-a": 0.0}) == [("us-a",)]
    assert shares(made, {"eu-a": 0.75}) == {"eu-a": 0.75, "us-a": 0.25}


def test_a_service_of_one_address_is_kept_from_those_outside_of_its_fence(tmp_path: Path) -> None:
    azs = {"us-a": {"endpoints": {"web": {"addresses": ["192.0.2.11"]}}}}
    chain = [fence({"EU": {"never": "us"}}), "nearest"]
    engine = Engine(
        compiled(
            tmp_path,
            regions={"us": {"location": (38.9, -77.45), "availability_zones": azs}},
            services={"web": {"steering": chain}},
        ),
        Identity(),
    )
    found = {}
    for subnet in ("10.0.0.0/24", "20.0.0.0/24"):
        packet = query("www.example.test", subnet=subnet)
        reply = dns.message.from_wire(engine.respond(packet, "192.0.2.1") or b"")
        found[subnet] = [str(rdata) for rrset in reply.answer for rdata in rrset]
        assert scope_of(reply) != 0
    assert found == {"10.0.0.0/24": [], "20.0.0.0/24": ["192.0.2.11"]}
