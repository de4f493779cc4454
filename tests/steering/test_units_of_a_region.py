"""A rule that names one AZ changes nothing for clients that it does not match."""

from __future__ import annotations

import pytest
from ranked import tiers_of

from geodns.config.settings import AvailabilityZone, Region, Service, Topology
from geodns.geo.place import NOWHERE, Place
from geodns.steering.policy import Steering
from geodns.steering.units import Candidate

BERLIN = Place(52.5, 13.4, "EU", "DE", "BE")
HAMBURG = Place(53.6, 10.0, "EU", "DE", "HH")
LOCATIONS = {"eu": (50.1, 8.7), "twin": (50.1, 8.7), "us": (38.9, -77.4)}
TOPOLOGY = Topology(
    regions={
        name: Region(
            location=location,
            availability_zones={f"{name}-{az}": AvailabilityZone() for az in "abc"},
        )
        for name, location in LOCATIONS.items()
    }
)
CANDIDATES = [
    Candidate(f"web@{region}-{az}", region, f"{region}-{az}", 1, 1 + (az == "c"))
    for region in LOCATIONS
    for az in "abc"
]
RULE = {"prefer": {"rules": {"EU-DE-BE": "eu-b"}}}


def steering(*chain: object) -> Steering:
    return Steering(Service.model_validate({"steering": list(chain)}), TOPOLOGY, CANDIDATES, [])


@pytest.mark.parametrize("sort", ["nearest", "latency", {"nearest": {"within": "1km"}}])
def test_the_azs_of_a_region_stay_together_though_one_is_named(sort: object) -> None:
    policy = steering(RULE, sort)
    assert tiers_of(policy, BERLIN)[0] == ["eu-b"]
    assert set(tiers_of(policy, HAMBURG)[0]) >= {"eu", "eu-b"}


def test_regions_at_one_place_stay_apart_in_file_order() -> None:
    assert tiers_of(steering(RULE, "nearest"), HAMBURG) == [["eu", "eu-b"], ["twin"], ["us"]]


def test_they_stay_together_for_a_client_whose_place_is_unknown() -> None:
    assert tiers_of(steering(RULE, "nearest"), NOWHERE) == [["eu", "eu-b"], ["twin"], ["us"]]


def test_a_price_of_its_own_parts_an_az_from_its_region() -> None:
    policy = steering({"cost": {"of": {"eu": 2, "eu-b": 1, "twin": 3, "us": 4}}})
    assert tiers_of(policy, HAMBURG) == [["eu-b"], ["eu"], ["twin"], ["us"]]


def test_priority_chooses_within_a_region_behind_a_sort() -> None:
    tiers = tiers_of(steering("nearest", "priority"), HAMBURG)
    assert tiers[:2] == [["eu (eu-a, eu-b)"], ["eu (eu-c)"]]
