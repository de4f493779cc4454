"""Resolvers that send no client subnet are answered as where their clients are known to be."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_network
from pathlib import Path

import dns.message
import pytest
from building import configuration, query, three_places

from geodns.answer.cold import Identity
from geodns.answer.compile import compile_image
from geodns.answer.engine import Engine
from geodns.answer.resolvers import NO_RESOLVER, Resolvers
from geodns.answer.store import read_image, write_image
from geodns.config.settings import LatencyRow
from geodns.latency.resolvers import ResolverRow

EU, US, JP = {"192.0.2.1", "192.0.2.2"}, {"192.0.2.11"}, {"192.0.2.21"}
RESOLVER = "10.9.9.9"  # in Frankfurt, by the database


def engine(folder: Path, shares: dict[str, float], **settings: object) -> Engine:
    rows = (ResolverRow(ip_network(RESOLVER), shares),)
    made = replace(configuration(folder, **settings), resolvers=rows)  # type: ignore[arg-type]
    with (folder / "image").open("w+b") as file:
        write_image(compile_image(made, three_places()), file)
        file.seek(0)
        return Engine(read_image(file), Identity())


def answer(server: Engine, host: str, subnet: str | None = None) -> set[str]:
    reply = server.respond(query("www.example.test", subnet=subnet), host)
    assert reply is not None
    return {str(one) for rrset in dns.message.from_wire(reply).answer for one in rrset}


def test_a_resolver_is_where_its_clients_are(tmp_path: Path) -> None:
    server = engine(tmp_path, {"AS-JP": 1.0})
    assert answer(server, RESOLVER) <= JP
    assert answer(server, "10.9.9.8") <= EU  # its neighbour stands where the database says


def test_who_sends_a_client_subnet_is_answered_for_that(tmp_path: Path) -> None:
    server = engine(tmp_path, {"AS-JP": 1.0})
    assert answer(server, RESOLVER, "20.1.1.0/24") <= US
    # The resolver's own network as a client is not the resolver.
    assert answer(server, "30.1.1.1", f"{RESOLVER}/32") <= EU


def test_of_clients_in_several_places_the_mean_cost_counts(tmp_path: Path) -> None:
    latency = {
        "EU-DE": {"eu": 10.0, "us": 60.0, "jp": 300.0},
        "NA-US": {"eu": 100.0, "us": 10.0, "jp": 200.0},
    }
    rows = tuple(LatencyRow(client, figures) for client, figures in latency.items())
    services = {"web": {"steering": "latency"}}

    def first(german: float) -> set[str]:
        shares = {"EU-DE": german, "NA-US": 1 - german}
        return answer(engine(tmp_path, shares, services=services, rows=rows), RESOLVER)

    # 10 g + 100 (1 - g) = 60 g + 10 (1 - g) where 90 (1 - g) = 50 g: g = 0.643.
    assert first(0.63) <= US
    assert first(0.66) <= EU


def test_rules_follow_where_most_clients_are(tmp_path: Path) -> None:
    rules = {"EU": "us", "AS": "jp", "default": "eu"}
    services = {"web": {"steering": {"geo": {"rules": rules}}}}
    shares = {"EU-DE": 0.3, "AS-JP": 0.4, "NA-US": 0.3}
    assert answer(engine(tmp_path, shares, services=services), RESOLVER) <= JP


def test_a_client_key_may_be_a_prefix(tmp_path: Path) -> None:
    # 10.1.2.0/26 is in Tokyo.
    assert answer(engine(tmp_path, {"10.1.2.0/26": 1.0}), RESOLVER) <= JP


@pytest.mark.parametrize(
    ("address", "row"),
    [
        ("192.0.2.53", 1),
        ("192.0.2.54", 0),
        ("198.51.100.1", NO_RESOLVER),
        ("2001:db8::1", 2),
        ("2001:db9::1", NO_RESOLVER),
        ("::c000:235", NO_RESOLVER),
    ],
)
def test_of_nested_networks_the_longest_counts(address: str, row: int) -> None:
    networks = ["192.0.2.0/24", "192.0.2.53/32", "2001:db8::/32"]
    resolvers = Resolvers(map(ip_network, networks))
    host = ip_network(address)
    family = 1 if host.version == 4 else 2
    assert resolvers.row(family, int(host.network_address)) == row


def test_without_rows_nobody_is_a_resolver_of_others() -> None:
    assert Resolvers().row(1, 0) == NO_RESOLVER
