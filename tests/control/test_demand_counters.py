"""A running server tells whose queries it answered from services, by place or by network."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import dns.message
import pytest
from running import SERVICES, TOPOLOGY, ZONE, RunningServer

from geodns.config.settings import Admin
from geodns.control.client import NoServerError, ask
from geodns.control.demand import answered, merge
from geodns.planning.networks import Counted
from geodns.server.channel import Demand


def test_rates_are_over_the_time_that_each_worker_has_run() -> None:
    merged = merge(
        [
            Demand(1, 10.0, {("web",): {1: 20}, (): {1: 5}}),
            Demand(2, 100.0, {("web",): {1: 50, 2: 100}, ("api",): {}}),
        ]
    )
    assert merged == {("web",): {1: Counted(70, 2.5), 2: Counted(100, 1.0)}}


def test_answers_of_a_service_are_those_of_all_its_zones() -> None:
    answers = {
        ("web", "eu", "a", "best"): 2,
        ("web", "us", "b", "spill"): 3,
        ("api", "", "", ""): 1,
    }
    assert answered(answers) == {"web": 5, "api": 1}


def _ask_from(server: RunningServer, source: str, name: str) -> None:
    query = dns.message.make_query(name, "A").to_wire()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(60)
        client.bind((source, 0))
        client.sendto(query, server.udp)
        client.recv(4096)


def _demand(server: RunningServer, by: str) -> dict[str, int]:
    """Queries by client, of all services together."""
    found: dict[str, int] = {}
    for group in _told(server, by)["groups"]:
        for row in group["clients"]:
            found[row["client"]] = found.get(row["client"], 0) + row["queries"]
    return found


def _told(server: RunningServer, by: str) -> dict[str, Any]:
    return ask(Admin(socket=server.socket), f"/v1/demand?by={by}")


@pytest.mark.slow
def test_hosts_and_subnets_are_counted_over_reloads_and_all_workers(tmp_path: Path) -> None:
    with RunningServer(tmp_path) as server:
        for number in range(20):
            _ask_from(server, f"127.0.{number % 4}.{number + 1}", "www.example.test.")
        for _ in range(6):
            server.ask("www.example.test", subnet="141.20.0.0/16")  # Germany
        for _ in range(3):
            server.ask("www.example.test", subnet="128.112.5.0/24")  # the United States
            server.ask("www.example.test", subnet="128.112.6.0/24", tcp=True)
        server.ask("txt.example.test", "TXT", subnet="128.112.7.0/24")

        expected = {
            **{f"127.0.{number}.0/24": 5 for number in range(4)},
            **{"141.20.0.0/24": 6, "128.112.5.0/24": 3, "128.112.6.0/24": 3},
        }
        assert _demand(server, "network") == expected
        by_country = {"EU-DE": 6, "NA-US": 6, "default": 20}
        assert _demand(server, "country") == by_country
        assert _demand(server, "subdivision") == by_country, "the embedded database knows countries"
        assert _demand(server, "continent") == {"EU": 6, "NA": 6, "default": 20}
        told = _told(server, "country")
        assert told["answers"] == {"web": 32}
        assert [group["services"] for group in told["groups"]] == [["web"]]
        assert all(row["rate"] > 0 for row in told["groups"][0]["clients"])

        # A new image brings new engines; one that has the same service counts on.
        server.write("zones/example.test.yaml", ZONE + "other: {type: GEO, service: web}\n")
        server.wait_for("reloaded")
        server.ask("other.example.test", subnet="141.20.0.0/16")
        assert _demand(server, "country") == by_country | {"EU-DE": 7}

        with pytest.raises(NoServerError, match="400"):
            _told(server, "planet")


@pytest.mark.slow
def test_services_with_location_maps_of_their_own_are_counted_apart(tmp_path: Path) -> None:
    files = {
        "topology.yaml": TOPOLOGY.replace("web: [192.0.2.1]", "web: [192.0.2.1], api: [192.0.2.9]")
        + "  us:\n    location: [38.9, -77.4]\n    availability_zones:\n"
        + "      us-a: {endpoints: {api: [192.0.2.3]}}\n",
        "services.yaml": SERVICES + "  api: {steering: nearest}\n",
        "zones/example.test.yaml": ZONE + "api: {type: GEO, service: api}\n",
    }
    with RunningServer(tmp_path, files) as server:
        server.ask("www.example.test", subnet="141.20.0.0/16")
        for _ in range(2):
            server.ask("api.example.test", subnet="128.112.5.0/24")
        groups = _told(server, "country")["groups"]
        found = {tuple(group["services"]): group["clients"][0]["client"] for group in groups}
        assert found == {("web",): "EU-DE", ("api",): "NA-US"}
