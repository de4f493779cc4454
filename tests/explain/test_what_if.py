"""What an explanation says of endpoints that are withdrawn, unavailable, or of no use."""

from __future__ import annotations

import dataclasses
import json
import math
from pathlib import Path
from typing import Any

import pytest
from building import TOPOLOGY, configuration, three_places

from geodns.config.settings import ClientSubnet, Server
from geodns.explain.as_json import as_json
from geodns.explain.build import Given, explain
from geodns.explain.explanation import Explanation, HealthFinding, TierFinding
from geodns.explain.question import parse_question
from geodns.explain.whatif import Availabilities, UnknownIdError, withdraw
from geodns.health.availability import EndpointAvailability

BERLIN = "10.9.8.0/24"


def explained(
    folder: Path,
    type: str = "A",
    *,
    client: str = BERLIN,
    down: tuple[str, ...] = (),
    known: dict[str, EndpointAvailability] | None = None,
    accept: bool = True,
    resolver: bool = False,
    **settings: Any,
) -> Explanation:
    made = configuration(folder, **settings)
    server = Server(client_subnet=ClientSubnet(accept=accept))
    available = Availabilities(known or {}, withdraw(made.topology, down), down, live=bool(known))
    given = Given(
        dataclasses.replace(made, server=server),
        HealthFinding("assumed", "of no matter here"),
        available,
        three_places,
        lambda address: [],
    )
    question = parse_question("www.example.test", type, client, resolver=resolver)
    return explain(given, question)


def tier(explanation: Explanation, name: str) -> TierFinding:
    assert explanation.ranking is not None
    return next(tier for tier in explanation.ranking.tiers if tier.name == name)


def test_a_withdrawn_region_is_passed_over_with_the_id_that_does_it(tmp_path: Path) -> None:
    found = explained(tmp_path, down=("eu",))
    assert tier(found, "eu").passed_over == "withdrawn by --down eu"
    assert found.choice is not None
    assert (found.choice.reason, found.choice.region) == ("failover", "us")
    assert found.choice.why.startswith("us is the first that is in service, behind eu;")
    assert found.notes == ()


def test_a_withdrawn_az_leaves_its_clients_to_the_others_of_its_region(tmp_path: Path) -> None:
    found = explained(tmp_path, down=("eu-a",))
    first, second = tier(found, "eu").endpoints
    assert (first.share, first.passed_over) == (0.0, "withdrawn by --down eu-a")
    assert (second.share, second.passed_over) == (1.0, None)
    assert found.choice is not None
    assert found.choice.endpoints == ("web@eu-b",)
    assert found.choice.slot is None


def test_a_single_endpoint_can_be_withdrawn(tmp_path: Path) -> None:
    assert (
        explained(tmp_path, down=("web@eu-b",)).choice == explained(tmp_path, down=("eu-b",)).choice
    )


def test_with_everything_withdrawn_the_answer_is_forced(tmp_path: Path) -> None:
    found = explained(tmp_path, down=("eu", "us", "jp"))
    assert found.choice is not None
    assert (found.choice.reason, found.choice.region) == ("forced", "eu")
    assert "eu as if all were up" in found.choice.why
    assert found.answer.answer


def test_with_everything_withdrawn_no_data_may_be_what_is_left(tmp_path: Path) -> None:
    services = {"web": {"steering": "nearest", "when_down": "nodata"}}
    found = explained(tmp_path, down=("eu", "us", "jp"), services=services)
    assert found.ranking is not None
    assert (found.ranking.unserved, found.ranking.when_down) == (1.0, "no data")
    assert found.choice is not None
    assert (found.choice.reason, found.choice.region, found.choice.endpoints) == (
        "forced",
        None,
        (),
    )
    assert (found.answer.rcode, found.answer.answer, found.answer.ttl) == ("NOERROR", (), None)
    assert [record.type for record in found.answer.authority] == ["SOA"]


def test_a_tier_without_an_address_of_the_type_is_passed_over(tmp_path: Path) -> None:
    found = explained(tmp_path, "AAAA", client="20.1.2.0/24")
    assert tier(found, "us").passed_over == "has no AAAA address"
    assert found.choice is not None
    assert (found.choice.reason, found.choice.region) == ("failover", "eu")


def test_the_servers_reason_for_a_withdrawal_is_told(tmp_path: Path) -> None:
    known = {"web@eu-a": EndpointAvailability(0.0, (False, False), "2 of 2 addresses down")}
    found = explained(tmp_path, known=known)
    first, second = tier(found, "eu").endpoints
    assert first.passed_over == "withdrawn: 2 of 2 addresses down"
    assert second.state == "unknown to the server, taken as up"


def test_an_address_that_fails_by_itself_is_told_apart_from_its_endpoint(tmp_path: Path) -> None:
    known = {
        "web@eu-a": EndpointAvailability(
            1.0, (False, True), "1 of 2 addresses down", frozenset((bytes((192, 0, 2, 1)),))
        )
    }
    first, _ = tier(explained(tmp_path, known=known), "eu").endpoints
    assert first.passed_over == "no address of this type is in service: 1 of 2 addresses down"
    assert first.availability == 1.0


def test_a_tier_that_is_partly_available_spills_the_rest(tmp_path: Path) -> None:
    known = {
        f"web@{az}": EndpointAvailability(0.25, (True, True), "draining") for az in ("eu-a", "eu-b")
    }
    found = explained(tmp_path, known=known)
    assert tier(found, "eu").share == pytest.approx(0.25, abs=0.001)
    assert tier(found, "us").share == pytest.approx(0.75, abs=0.001)
    assert tier(found, "us").reason == "spill"


def test_an_endpoint_of_weight_0_takes_nobody(tmp_path: Path) -> None:
    spare = {"addresses": ["192.0.2.2"], "weight": 0}
    azs = {**TOPOLOGY["eu"]["availability_zones"], "eu-b": {"endpoints": {"web": spare}}}
    regions = {**TOPOLOGY, "eu": {"location": (50.11, 8.68), "availability_zones": azs}}
    found = explained(tmp_path, regions=regions)
    assert [endpoint.passed_over for endpoint in tier(found, "eu").endpoints] == [None, "weight 0"]
    assert tier(found, "eu").passed_over is None


def test_an_unknown_id_is_refused_with_a_suggestion(tmp_path: Path) -> None:
    topology = configuration(tmp_path).topology
    with pytest.raises(UnknownIdError, match=r"'web@eu-aa' is not in the topology; did you mean"):
        withdraw(topology, ["web@eu-aa"])
    with pytest.raises(UnknownIdError, match=r"write a region, an AZ or service@az"):
        withdraw(topology, ["###"])


def test_a_withdrawal_that_makes_no_difference_is_said_to(tmp_path: Path) -> None:
    found = explained(tmp_path, down=("us-a",), type="TXT")
    assert found.notes == (
        "--down us-a changes nothing: no endpoint of a service that this name is of is withdrawn "
        "by it",
    )


def test_a_server_that_ignores_client_subnets_is_explained_so(tmp_path: Path) -> None:
    found = explained(tmp_path, accept=False)
    assert not found.asked.subnet
    assert found.answer.scope is None
    assert "ignores client subnets" in found.notes[0]


def test_a_resolvers_address_gets_no_scope(tmp_path: Path) -> None:
    found = explained(tmp_path, client="10.9.8.7", resolver=True)
    assert (found.answer.scope, found.answer.scope_why) == (None, "no client subnet was sent")
    assert found.choice is not None
    assert found.choice.region == "eu"


def test_a_scope_longer_than_what_was_sent_is_said_to_be(tmp_path: Path) -> None:
    found = explained(tmp_path, client="10.0.0.0/8")
    assert found.answer.scope == "10.0.0.0/24"
    assert "the resolver sent only /8" in found.answer.scope_why


def test_json_writes_an_unknown_cost_as_null(tmp_path: Path) -> None:
    found = explained(tmp_path, client="192.0.2.0/24")
    assert math.isnan(tier(found, "eu").units[0].cost)
    data = json.loads(as_json(found), parse_constant=pytest.fail)
    costs = [unit["cost"] for tier in data["ranking"]["tiers"] for unit in tier["units"]]
    assert costs == [None, None, None]
    assert data["client"]["place"]["country"] is None


@pytest.mark.parametrize(
    ("ttl", "steady", "said"),
    [
        (60, 12.5, None),
        ({"min": 5, "max": 60}, math.inf, None),
        ({"min": 5, "max": 60}, 20, None),  # the name's own TTL is 20
        ({"min": 5, "max": 60}, 12.5, "web@eu-a could change in 12.5 s"),
        ({"min": 5, "max": 60}, 2, "web@eu-a could change in 2 s, but it is at least 5 s"),
        (
            {"min": 5, "max": 60},
            0,
            "web@eu-a could change at any moment, but it is at least 5 s",
        ),
        ({"min": 0, "max": 60}, 0, "web@eu-a could change at any moment"),
    ],
)
def test_why_the_ttl_is_short_is_told(
    tmp_path: Path, ttl: object, steady: float, said: str | None
) -> None:
    known = {"web@eu-a": EndpointAvailability(1.0, (True, True), "up", steady=steady)}
    services = {"web": {"steering": "nearest", "ttl": ttl, "https": {}}}
    found = explained(tmp_path, known=known, services=services)
    assert found.answer.ttl_why == said
    assert explained(tmp_path, "HTTPS", known=known, services=services).answer.ttl_why == said
    elsewhere = explained(tmp_path, client="20.1.2.0/24", known=known, services=services)
    assert elsewhere.answer.ttl_why is None
