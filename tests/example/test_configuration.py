"""The example configuration is sound, and what it promises in its comments holds."""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network
from pathlib import Path

import dns.name
import pytest
from ranked import names

from geodns.config.load import load
from geodns.config.settings import Configuration, HttpCheck
from geodns.geo.place import Place
from geodns.steering.policy import Steering
from geodns.steering.units import Candidate

ROOT = Path(__file__).resolve().parents[2]
LOOPBACK, DOCUMENTATION = IPv4Network("127.10.0.0/16"), IPv6Network("2001:db8::/32")


@pytest.fixture(scope="module")
def example() -> Configuration:
    configuration, problems = load(ROOT / "config" / "geodns.yaml")
    assert problems == ()
    return configuration


def test_the_example_has_ten_regions_on_all_six_inhabited_continents(
    example: Configuration,
) -> None:
    continents = {
        "DE": "EU", "GB": "EU", "US": "NA", "BR": "SA", "ZA": "AF", "AE": "AS",
        "IN": "AS", "SG": "AS", "JP": "AS", "CN": "AS", "AU": "OC",
    }  # fmt: skip
    regions = example.topology.regions
    assert len(regions) >= 10
    assert {continents[region.country or ""] for region in regions.values()} == set(
        continents.values()
    )


def test_every_az_has_one_loopback_address_of_its_own_and_no_reachable_ipv6_address(
    example: Configuration,
) -> None:
    seen = set()
    for region in example.topology.regions.values():
        assert len(region.availability_zones) in {2, 3}
        for az in region.availability_zones.values():
            addresses = {a for endpoint in az.endpoints.values() for a in endpoint.addresses}
            ipv4 = {a for a in addresses if a.version == 4}
            assert len(ipv4) == 1
            assert all(a in LOOPBACK for a in ipv4)
            assert all(a in DOCUMENTATION for a in addresses - ipv4)
            seen |= ipv4
    assert len(seen) == sum(len(r.availability_zones) for r in example.topology.regions.values())


def test_checks_do_not_probe_the_documentation_addresses(example: Configuration) -> None:
    for check in example.services.checks.values():
        assert check.families == ("ipv4",)


def test_a_stopped_endpoint_is_down_within_five_seconds(example: Configuration) -> None:
    check = example.services.checks["http-ok"]
    assert isinstance(check, HttpCheck)
    assert check.interval * check.fall + check.timeout <= 5


def test_the_zone_shows_every_kind_of_name(example: Configuration) -> None:
    (zone,) = example.zones
    origin = dns.name.from_text("example.test.")
    assert zone.origin == origin
    geo = {
        name.relativize(origin).to_text(): node.geo.service
        for name, node in zone.nodes.items()
        if node.geo is not None
    }
    assert geo == {
        "@": "web",
        "www": "web",
        "api": "api",
        "login": "login",
        "static": "static",
        "*.apps": "web",
    }


@pytest.mark.parametrize(
    ("country", "continent", "latitude", "longitude", "region"),
    [
        ("DE", "EU", 51.0, 9.8, "eu-central-1"),
        ("GB", "EU", 52.5, -1.5, "eu-west-1"),
        ("US", "NA", 39.0, -92.7, "us-east-1"),
        ("BR", "SA", -17.5, -45.8, "sa-east-1"),
        ("ZA", "AF", -28.3, 26.4, "af-south-1"),
        ("AE", "AS", 25.0, 55.2, "me-east-1"),
        ("IN", "AS", 21.0, 78.4, "ap-south-1"),
        ("SG", "AS", 1.35, 103.8, "ap-southeast-1"),
        ("AU", "OC", -33.0, 146.0, "ap-southeast-2"),
        ("JP", "AS", 35.6, 137.2, "ap-northeast-1"),
        ("CN", "AS", 32.2, 114.3, "cn-hangzhou"),
        # The latency table knows better than the map: its cables lead to Europe.
        ("NG", "AF", 8.6, 6.9, "eu-west-1"),
    ],
)
def test_a_country_is_sent_to_the_region_that_a_person_would_expect(
    example: Configuration,
    country: str,
    continent: str,
    latitude: float,
    longitude: float,
    region: str,
) -> None:
    candidates = [
        Candidate(f"web@{az}", name, az, about.endpoints["web"].weight)
        for name, where in example.topology.regions.items()
        for az, about in where.availability_zones.items()
        if "web" in about.endpoints
    ]
    steering = Steering(
        example.services.services["web"], example.topology, candidates, example.latency
    )

    assert names(steering, Place(latitude, longitude, continent, country))[0] == region
