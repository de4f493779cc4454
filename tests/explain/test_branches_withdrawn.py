"""What an explanation says where branches lose endpoints: whose minimum is missed, what matters."""

from __future__ import annotations

from pathlib import Path

from building import configuration, three_places

from geodns.explain.build import Given, explain
from geodns.explain.explanation import Explanation, HealthFinding
from geodns.explain.question import parse_question
from geodns.explain.whatif import Availabilities, withdraw

REGIONS = {
    "eu": {
        "location": (50.1, 8.7),
        "availability_zones": {
            "eu-a": {"endpoints": {"near": ["192.0.2.1"]}},
            "eu-b": {"endpoints": {"near": ["192.0.2.2"], "other": ["192.0.2.3"]}},
        },
    },
    "us": {
        "location": (38.9, -77.5),
        "availability_zones": {
            "us-a": {"endpoints": {"far": ["192.0.2.11"]}},
            "us-b": {"endpoints": {"other": ["192.0.2.12"]}},
        },
    },
}
SERVICES = {
    "near": {"min_available": 2},
    "far": {},
    "other": {},
    "web": {"branches": ["near", "far"]},
}


def explained(folder: Path, *down: str) -> Explanation:
    made = configuration(folder, regions=REGIONS, services=SERVICES)
    available = Availabilities({}, withdraw(made.topology, down), down, live=False)
    health = HealthFinding("assumed", "of no matter here")
    given = Given(made, health, available, three_places, lambda address: [])
    return explain(given, parse_question("www.example.test", "A", "10.9.8.0/24", resolver=False))


def test_an_endpoint_that_is_up_is_told_whose_minimum_it_falls_under(tmp_path: Path) -> None:
    ranking = explained(tmp_path, "eu-a").ranking
    assert ranking is not None
    said = {
        endpoint.id: endpoint.passed_over for tier in ranking.tiers for endpoint in tier.endpoints
    }
    assert said["near@eu-a"] == "withdrawn by --down eu-a"
    assert said["near@eu-b"] == "too few endpoints of near are available"
    assert said["far@us-a"] is None


def test_a_withdrawal_in_a_branch_makes_a_difference_to_the_whole(tmp_path: Path) -> None:
    assert explained(tmp_path, "eu-a", "us").notes == ()


def test_a_withdrawal_of_what_is_in_no_branch_makes_none(tmp_path: Path) -> None:
    assert explained(tmp_path, "us-b").notes == (
        "--down us-b changes nothing: no endpoint of the service web is withdrawn by it",
    )
