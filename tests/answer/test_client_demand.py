"""Queries that were answered from services are counted by client network, whatever is forgotten."""

from __future__ import annotations

from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

import dns.edns
import dns.message
import pytest
from building import image
from hypothesis import given, settings
from hypothesis import strategies as st

from geodns.answer.client import Client
from geodns.answer.cold import Identity
from geodns.answer.cookies import CookieJar
from geodns.answer.demand import (
    ByServices,
    Leftovers,
    add_bounded,
    add_clients,
    add_sums,
    decode_network,
    network_code,
)
from geodns.answer.engine import Engine
from geodns.answer.moment import Moment

_WEB = ("web",)


def _engine(folder: Path, **more: Any) -> tuple[Engine, Leftovers]:
    leftovers = Leftovers()
    made = Engine(image(folder), Identity("ns1", "1"), leftovers=leftovers, **more)
    return made, leftovers


def _query(name: str, subnet: str | None = None, cookie: bytes | None = None) -> bytes:
    options: list[dns.edns.Option] = []
    if subnet is not None:
        address, _, length = subnet.partition("/")
        options.append(dns.edns.ECSOption(address, int(length)))
    if cookie is not None:
        options.append(dns.edns.CookieOption(cookie, b""))
    edns = 0 if options else -1
    return dns.message.make_query(name, "A", use_edns=edns, options=options).to_wire()


def _counted(engine: Engine, leftovers: Leftovers) -> dict[str, int]:
    """Queries by network, of all services together."""
    sums: ByServices = {}
    for services, clients in leftovers.take():
        add_clients(sums, services, clients)
    engine.add_demand(sums)
    counts: dict[str, int] = {}
    for table in sums.values():
        for code, count in table.items():
            counts[str(decode_network(code))] = counts.get(str(decode_network(code)), 0) + count
    return counts


def test_hosts_and_client_subnets_count_from_the_first_query_on(tmp_path: Path) -> None:
    engine, leftovers = _engine(tmp_path)
    for _ in range(3):
        engine.respond(_query("www.example.test."), "192.0.2.7")
    engine.respond(_query("www.example.test."), "192.0.2.99")
    engine.respond(_query("www.example.test."), "2001:db8:1:2::7")
    for _ in range(5):
        engine.respond(_query("www.example.test.", "198.51.100.0/24"), "192.0.2.7")
    engine.respond(_query("www.example.test.", "2001:db8:9::/48"), "192.0.2.7")
    assert _counted(engine, leftovers) == {
        "192.0.2.0/24": 4,
        "2001:db8:1::/48": 1,
        "198.51.100.0/24": 5,
        "2001:db8:9::/48": 1,
    }


def test_what_is_not_answered_from_a_service_does_not_count(tmp_path: Path) -> None:
    engine, leftovers = _engine(tmp_path)
    for name in ("example.test.", "nothing.example.test.", "elsewhere.test."):
        query = dns.message.make_query(name, "MX").to_wire()
        engine.respond(query, "192.0.2.7")
        engine.respond(query, "192.0.2.7")
    assert _counted(engine, leftovers) == {}


def test_counts_are_by_the_services_that_share_a_location_map(tmp_path: Path) -> None:
    engine, leftovers = _engine(tmp_path)
    engine.respond(_query("www.example.test."), "192.0.2.7")
    sums: ByServices = {}
    engine.add_demand(sums)
    found = {services: table for services, table in sums.items() if table}
    assert [set(table.values()) for table in found.values()] == [{1}]
    assert all("web" in services for services in found)
    assert not list(leftovers.take())


def test_nothing_is_lost_where_a_table_of_hosts_is_emptied(tmp_path: Path) -> None:
    engine, leftovers = _engine(tmp_path)
    query, hosts = _query("www.example.test."), 51_000  # of 50,000 that are remembered
    for number in range(hosts):
        engine.respond(query, f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}")
    counts = _counted(engine, leftovers)
    assert sum(counts.values()) == hosts
    assert counts["10.0.5.0/24"] == 256


@pytest.mark.parametrize("cookie", [None, b"12345678"])
def test_nothing_is_lost_where_a_table_of_subnets_is_emptied(
    tmp_path: Path, cookie: bytes | None
) -> None:
    jar = CookieJar((bytes(16),))
    engine, leftovers = _engine(tmp_path, cookies=jar, moment=Moment(1_000_000))
    query = _query("www.example.test.", "99.98.97.0/24", cookie)
    subnets = 61_000  # of 60,000 that are remembered
    for number in range(subnets):
        subnet = bytes((20 + (number >> 16), number >> 8 & 255, number & 255))
        engine.respond(query.replace(bytes((99, 98, 97)), subnet), "192.0.2.1")
    counts = _counted(engine, leftovers)
    assert sum(counts.values()) == subnets
    assert counts["20.1.2.0/24"] == 1


def test_what_an_engine_leaves_behind_counts(tmp_path: Path) -> None:
    engine, leftovers = _engine(tmp_path)
    engine.respond(_query("www.example.test."), "192.0.2.7")
    engine.leave()
    following = Engine(image(tmp_path), Identity("ns1", "1"), leftovers=leftovers)
    following.respond(_query("www.example.test."), "192.0.2.8")
    assert _counted(following, leftovers) == {"192.0.2.0/24": 2}


def test_an_ipv6_address_that_carries_an_ipv4_address_is_that_one() -> None:
    for text in ("64:ff9b::c000:207", "2002:c000:207::1"):
        code = network_code(2, int(ip_address(text)))
        assert decode_network(code) == ip_network("192.0.2.0/24")


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 2**128 - 1), st.integers(1, 1000))))
@settings(deadline=None)
def test_a_bounded_table_stays_small_and_keeps_the_sum(
    asked: list[tuple[bool, int, int]],
) -> None:
    counts: dict[int, int] = {}
    for is_v4, address, count in asked:
        code = network_code(1, address >> 96) if is_v4 else network_code(2, address)
        add_bounded(counts, code, count, most=8)
        assert len(counts) <= 8 + 1
    assert sum(counts.values()) == sum(count for _, _, count in asked)


def test_in_a_full_table_the_largest_networks_stay_themselves() -> None:
    counts: dict[int, int] = {}
    for number in range(100):
        add_bounded(counts, network_code(1, number << 8), 1000 if number == 7 else 1, most=20)
    texts = {str(decode_network(code)): count for code, count in counts.items()}
    assert texts["0.0.7.0/24"] == 1000
    assert "0.0.0.0/16" in texts, "small ones are together in a wider one"
    assert sum(texts.values()) == 1099


def test_a_flood_of_clients_pushes_the_oldest_out() -> None:
    leftovers = Leftovers(most=10)
    for number in range(5):
        clients = [Client(1, number << 8, 1) for _ in range(4)]
        leftovers.put([_WEB], clients)
    kept = [batch[0].address >> 8 for _, batch in leftovers.take()]
    assert kept == [3, 4]


def test_sums_add_up() -> None:
    sums: ByServices = {_WEB: {1: 2}}
    add_sums(sums, {_WEB: {1: 3, 2: 1}, ("api",): {1: 1}})
    assert sums == {_WEB: {1: 5, 2: 1}, ("api",): {1: 1}}
