"""The filter that follows a capacity plan."""

from __future__ import annotations

from pathlib import Path

import pytest
from configfolder import found, write
from ranked import one, ranking_of, tiers_of

from geodns.config.load import load
from geodns.config.settings import AvailabilityZone, Region, Service, Topology
from geodns.geo.place import NOWHERE, Place
from geodns.steering.policy import Steering
from geodns.steering.units import Candidate

BERLIN = Place(52.52, 13.405, "EU", "DE")
PARIS = Place(48.86, 2.35, "EU", "FR")
TOKYO = Place(35.68, 139.69, "AS", "JP")
PLACES = {"eu": (50.11, 8.68), "us": (38.95, -77.45), "ap": (1.35, 103.82)}
FILE = Path("/plan.yaml")
ROWS = {"EU": {"eu": 0.75, "us": 0.25}, "EU-DE": {"eu": 1.0}, "203.0.113.0/24": {"ap": 1.0}}


def steering(*chain: object) -> Steering:
    topology = Topology(
        regions={
            name: Region(
                location=place,
                availability_zones={f"{name}-{az}": AvailabilityZone() for az in "ab"},
            )
            for name, place in PLACES.items()
        }
    )
    candidates = [Candidate(f"web@{n}-{az}", n, f"{n}-{az}", 100) for n in PLACES for az in "ab"]
    service = Service.model_validate({"steering": list(chain)})
    return Steering(service, topology, candidates, [], plans={FILE: ROWS})


PLAN = {"plan": {"file": str(FILE)}}


def shares(policy: Steering, place: Place, prefix_row: int = -1) -> dict[str, float]:
    first = ranking_of(policy, place, prefix_row)[0]
    return {branch.name: round(branch.share, 6) for branch in first.branches}


def test_a_row_shares_its_clients_out_and_the_rest_comes_behind() -> None:
    policy = steering(PLAN)
    assert shares(policy, PARIS) == {"eu": 0.75, "us": 0.25}
    assert tiers_of(policy, PARIS) == [["eu", "us"], ["ap"]]


def test_the_most_specific_row_counts() -> None:
    policy = steering(PLAN)
    assert tiers_of(policy, BERLIN) == [["eu"], ["us", "ap"]]
    assert tiers_of(policy, BERLIN, 0) == [["ap"], ["eu", "us"]]


def test_clients_without_a_row_are_left_as_they_are() -> None:
    assert tiers_of(steering(PLAN, "nearest"), TOKYO) == [["ap"], ["eu"], ["us"]]
    assert tiers_of(steering(PLAN), NOWHERE) == [["eu", "us", "ap"]]


@pytest.mark.parametrize("chain", [(PLAN, "nearest"), (PLAN, {"nearest": {"within": "90%"}})])
def test_what_sorts_behind_a_plan_leaves_its_shares_together(chain: tuple[object, ...]) -> None:
    policy = steering(*chain)
    assert shares(policy, PARIS) == {"eu": 0.75, "us": 0.25}
    assert tiers_of(policy, PARIS) == [["eu", "us"], ["ap"]]


def test_behind_the_plan_what_has_no_share_is_sorted() -> None:
    assert tiers_of(steering(PLAN, "nearest"), BERLIN) == [["eu"], ["us"], ["ap"]]
    assert tiers_of(steering(PLAN, "nearest"), BERLIN, 0) == [["ap"], ["eu"], ["us"]]


def test_a_closed_fence_holds_against_the_plan() -> None:
    fence = {"geofence": {"rules": {"EU": {"never": "us"}}}}
    assert tiers_of(steering(fence, PLAN), PARIS) == [["eu"], ["ap"]]
    assert tiers_of(steering(PLAN, fence), PARIS) == [["eu"], ["ap"]]


def test_explain_names_the_row() -> None:
    said = steering(PLAN).explain(one(steering(PLAN), PARIS))
    assert [each.effects[0].words for each in said] == [
        "75.0% by the plan's row EU",
        "25.0% by the plan's row EU",
        "comes behind, not in the plan's row EU",
    ]


def test_a_plan_file_is_read_watched_and_checked(tmp_path: Path) -> None:
    chain = "services:\n  web: {steering: [{plan: {file: plan.yaml}}, latency]}\n"
    server = write(tmp_path, services=chain)
    assert ("services.yaml", "missing-file", 2, 34) in found(server)
    plan = server.parent / "plan.yaml"
    plan.write_text("service: web\nclients:\n  EU: {eu-central-1: 0.75, us-east-1: 0.25}\n")
    configuration, _ = load(server)
    assert configuration.plans == {plan: {"EU": {"eu-central-1": 0.75, "us-east-1": 0.25}}}
    assert plan in configuration.files
    plan.write_text("service: web\nclients:\n  EU: {eu-central-1: 0.75, us-east-2: 0.25}\n")
    assert found(server) == [("plan.yaml", "undefined-region", 3, 28)]


def test_a_plan_that_has_nothing_to_share_or_is_anothers_is_warned_of(tmp_path: Path) -> None:
    chain = "services:\n  web: {steering: [latency, {plan: {file: plan.yaml}}]}\n"
    server = write(tmp_path, services=chain)
    (tmp_path / "plan.yaml").write_text("service: api\nclients: {EU: {eu-central-1: 1.0}}\n")
    assert found(server) == [
        ("services.yaml", "plan-behind-sort", 2, 29),
        ("services.yaml", "plan-of-another", 2, 43),
    ]
