"""Dynamic records as the services, endpoints and checks that a configuration has for them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from dns.rdatatype import RdataType

from geodns.config.load import load
from geodns.config.probing import HttpCheck, TcpCheck
from geodns.config.settings import AddressTarget, Configuration
from geodns.health.kits.icmp import IcmpCheck
from geodns.health.plan import plan
from geodns.problem import ConfigurationError, Problem

DYNAMIC = """
www:
  type: A
  ttl: 60
  value: 192.0.2.9
  dynamic:
    pools:
      eu: {fallback: na, values: [{value: 192.0.2.1, weight: 3}, {value: 192.0.2.2, status: up}]}
      na: {values: [{value: 192.0.2.3}, {value: 192.0.2.4, status: down}]}
    rules: [{subnets: [10.0.0.0/8], geos: [AS-CY], pool: eu}, {pool: na}]
"""


def loaded(folder: Path, zone: str = DYNAMIC) -> tuple[Configuration, tuple[Problem, ...]]:
    (folder / "zones").mkdir(exist_ok=True)
    (folder / "geodns.yaml").write_text("zones: zones\n")
    text = f'"": {{type: NS, value: ns.elsewhere.test.}}\n{zone}'
    (folder / "zones" / "example.test.yaml").write_text(text)
    return load(folder / "geodns.yaml")


def test_a_record_is_a_service_and_its_values_are_endpoints(tmp_path: Path) -> None:
    made, problems = loaded(tmp_path)
    assert problems == ()
    (name,) = made.services.services
    assert name == "www.example.test/A"
    assert [(each.id, each.settings.weight, each.checked) for each in made.pools[name]] == [
        ("www.example.test/A@eu/192.0.2.1", 3, True),
        ("www.example.test/A@eu/192.0.2.2", 1, False),
        ("www.example.test/A@na/192.0.2.3", 1, True),
    ]
    service = made.services.services[name]
    assert isinstance(service.when_down, AddressTarget)
    assert isinstance(service.steering, tuple)
    assert service.steering[1].options.rules == {
        "10.0.0.0/8": ("eu", "na"),
        "EU-CY": ("eu", "na"),
        "default": ("na",),
    }


def test_only_values_that_obey_their_check_are_probed(tmp_path: Path) -> None:
    made, _ = loaded(tmp_path)
    asked = plan(made)
    assert sorted(str(key.address) for key in asked.targets) == ["192.0.2.1", "192.0.2.3"]
    assert asked.availability_zones.keys() == {"www.example.test/A@eu", "www.example.test/A@na"}
    (record,) = asked.regions.values()
    assert record.kind == "dynamic record"
    assert len(record.endpoints) == 3


@pytest.mark.parametrize(
    ("settings", "model", "expected"),
    [
        (
            "",
            HttpCheck,
            {"type": "https", "port": 443, "path": "/_dns", "host": "www.example.test",
             "verify": False, "interval": 10.0},
        ),
        (
            "octodns: {healthcheck: {protocol: HTTP, port: 80, path: /up, host: other.test}}",
            HttpCheck,
            {"type": "http", "port": 80, "path": "/up", "host": "other.test"},
        ),
        ("octodns: {healthcheck: {protocol: TCP, port: 53}}", TcpCheck, {"port": 53}),
        ("octodns: {healthcheck: {protocol: ICMP}}", IcmpCheck, {"rise": 2}),
        (
            "octodns: {geodns: {healthcheck: {interval: 5s, fall: 1, verify: true}}}",
            HttpCheck,
            {"interval": 5.0, "fall": 1, "verify": True, "path": "/_dns"},
        ),
    ],
)  # fmt: skip
def test_the_check_is_the_one_that_octodns_asks_for(
    tmp_path: Path, settings: str, model: type, expected: dict[str, Any]
) -> None:
    made, problems = loaded(tmp_path, f"{DYNAMIC}  {settings}\n")
    assert problems == ()
    check = made.services.checks["www.example.test/A"]
    assert isinstance(check, model)
    assert {key: getattr(check, key) for key in expected} == expected


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ("octodns: {geodns: {healthcheck: {intervall: 5s}}}", "did you mean interval?"),
        ("octodns: {geodns: {healthcheck: {fall: 0}}}", "fall must be"),
        ("octodns: {healthcheck: {host: 'not a host'}}", "'not a host'"),
    ],
)
def test_a_setting_that_a_check_does_not_have_is_told_at_the_record(
    tmp_path: Path, settings: str, says: str
) -> None:
    with pytest.raises(ConfigurationError) as caught:
        loaded(tmp_path, f"{DYNAMIC}  {settings}\n")
    (problem,) = caught.value.problems
    assert (problem.file.name, problem.line) == ("example.test.yaml", 7)
    assert says in str(problem)


def test_name_servers_of_the_server_are_those_of_zones_without_any(tmp_path: Path) -> None:
    (tmp_path / "zones").mkdir()
    (tmp_path / "geodns.yaml").write_text("zones: zones\nname_servers: [ns.elsewhere.test.]\n")
    (tmp_path / "zones" / "example.test.yaml").write_text("www: {type: A, value: 192.0.2.1}\n")
    made, problems = load(tmp_path / "geodns.yaml")
    assert problems == ()
    (zone,) = made.zones
    assert str(zone.nodes[zone.origin].rdatasets[RdataType.NS][0]) == "ns.elsewhere.test."


def test_a_wildcard_is_no_host_to_ask_for(tmp_path: Path) -> None:
    made, _ = loaded(tmp_path, DYNAMIC.replace("www:", '"*.www":'))
    (check,) = made.services.checks.values()
    assert isinstance(check, HttpCheck)
    assert check.host is None


def test_of_a_name_in_two_zones_the_deeper_one_counts(tmp_path: Path) -> None:
    (tmp_path / "zones").mkdir()
    (tmp_path / "zones" / "www.example.test.yaml").write_text(
        '"":\n- {type: NS, value: ns.elsewhere.test.}\n- {type: A, value: 192.0.2.9, dynamic:'
        " {pools: {own: {values: [{value: 192.0.2.7}]}}, rules: [{pool: own}]}}\n"
    )
    made, _ = loaded(tmp_path)
    assert [each.id for each in made.pools["www.example.test/A"]] == [
        "www.example.test/A@own/192.0.2.7"
    ]
