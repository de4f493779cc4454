"""Presets of rules over branches, which are in no one place: rules first, then their own order."""

from __future__ import annotations

import pytest
from ranked import names

from geodns.config.settings import AvailabilityZone, Region, Service, Topology
from geodns.geo.place import Place
from geodns.steering.policy import Branching, Policy, Steering
from geodns.steering.units import Candidate


@pytest.mark.parametrize(
    ("steering", "expected"),
    [
        ({"geo": {"rules": {"EU": "third"}}}, ["r3", "r1", "r2"]),
        ({"subnet": {"rules": {"default": "second"}}}, ["r2", "r1", "r3"]),
        ({"geo": {"only": True, "rules": {"EU-DE": ["second", "first"]}}}, ["r2", "r1"]),
    ],
)
def test_branches_that_no_rule_names_follow_in_their_order(
    steering: object, expected: list[str]
) -> None:
    regions = ("r1", "r2", "r3")
    topology = Topology(
        regions={
            name: Region(location=(0, 0), availability_zones={f"{name}a": AvailabilityZone()})
            for name in regions
        }
    )
    branches: dict[str, Policy] = {
        branch: Steering(
            Service(), topology, [Candidate(f"{branch}@{region}a", region, f"{region}a", 1)], []
        )
        for branch, region in zip(("first", "second", "third"), regions, strict=True)
    }
    service = Service.model_validate({"branches": list(branches), "steering": steering})
    policy = Branching(service, topology, branches)
    assert names(policy, Place(50.0, 8.0, "EU", "DE")) == expected
