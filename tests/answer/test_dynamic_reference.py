"""Dynamic records are answered as octoDNS's documentation tells it, written down slowly.

One client and one rule at a time, from the YAML as it is written: pools, rules with geos and
subnets, weights, fallbacks, statuses, plain values, and the older ``geo``. Random records, places,
clients of both families around all boundaries, and endpoints up and down.
"""

from __future__ import annotations

import json
import random
from collections import Counter
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Any

import dns.message
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import numpy as np
import pytest
from building import configuration, query, scope_of
from depth import many
from slowly import Client, carried, client_at

from geodns.answer.client import Client as EngineClient
from geodns.answer.cold import Identity
from geodns.answer.compile import compile_image
from geodns.answer.engine import Engine
from geodns.answer.plan import NO_LOCATION, Plan
from geodns.answer.resolve import AAAA, A
from geodns.answer.service import EndpointState
from geodns.answer.shares import SLOTS
from geodns.geo.locations import Locations, Ranges
from geodns.geo.place import NOWHERE, Place
from geodns.geo.places import PlaceTable
from geodns.geo.ranges import merge_neighbours

RECORDS, CLIENTS = 24, 14
_TYPES = {"A": A, "AAAA": AAAA, "CNAME": A}
_GEOS = (
    *("AF", "AF-ZA", "AS", "AS-JP", "EU", "EU-DE", "EU-FR"),
    *("NA", "NA-US", "NA-US-CA", "NA-US-NY", "NA-CA-ON", "SA"),
)
_SUBNETS = (
    *("10.0.0.0/8", "10.1.0.0/16", "10.1.2.0/24", "10.1.2.128/25", "192.0.2.0/24", "0.0.0.0/1"),
    *("2a00::/16", "2a00:1::/32", "2a00:1:2::/48", "::/0"),
)
_COUNTRIES = [
    *(("EU", "DE", None), ("EU", "FR", None), ("NA", "US", "CA"), ("NA", "US", "NY")),
    *(("NA", "US", None), ("NA", "CA", "ON"), ("AS", "JP", None), ("SA", None, None)),
]
Shares = dict[str, float]


# --- as the documentation has it --------------------------------------------------------------


def is_in(client: Client, code: str) -> bool:
    parts, place = code.split("-"), client.place
    if len(parts) == 1:
        return place.continent == parts[0]
    if len(parts) == 2:
        return place.country == parts[1]
    return (place.country, place.subdivision) == (parts[1], parts[2])


def in_subnet(client: Client, subnet: str) -> bool:
    network, address = ip_network(subnet), carried(client.address)
    return network.version == address.version and address in network


def pool_of(rules: list[dict[str, Any]], client: Client) -> str | None:
    """The first rule that matches; a match by subnet stands above every match by geo."""
    asked = []
    for rule in rules:
        asked.append(rule)
        if not rule.get("geos") and not rule.get("subnets"):
            break
    for rule in asked:
        if any(in_subnet(client, subnet) for subnet in rule.get("subnets", [])):
            return str(rule["pool"])
    for rule in asked:
        if any(is_in(client, code) for code in rule.get("geos", [])):
            return str(rule["pool"])
    last = asked[-1]
    return None if last.get("geos") or last.get("subnets") else str(last["pool"])


def expected(record: dict[str, Any], client: Client, down: set[tuple[str, int]]) -> Shares | None:
    """Which values are answered to which share of such clients; None: the plain values.

    ``down``: (pool, number of the value) for all whose check fails.
    """
    pools = record["dynamic"]["pools"]
    pool = pool_of(record["dynamic"]["rules"], client)
    asked = set()
    while pool is not None and pool in pools and pool not in asked:
        asked.add(pool)
        shares: Shares = {}
        for number, each in enumerate(pools[pool]["values"]):
            status = each.get("status", "obey")
            if status == "up" or (status == "obey" and (pool, number) not in down):
                shares[each["value"]] = shares.get(each["value"], 0) + each.get("weight", 1)
        if shares:
            whole = sum(shares.values())
            return {value: weight / whole for value, weight in shares.items()}
        pool = pools[pool].get("fallback")
    return None


# --- random worlds ----------------------------------------------------------------------------


class World:
    """A zone of random records, places and health, with an engine."""

    def __init__(self, seed: int, folder: Path) -> None:
        self.random = random.Random(seed)
        self.records = {f"r{number}": self._record() for number in range(RECORDS)}
        lines = ['"": {type: NS, value: ns.elsewhere.test.}\n']
        lines += [f"{name}: {json.dumps(record)}\n" for name, record in self.records.items()]
        self.settings = configuration(folder, services={}, zone="".join(lines))
        self.places = self._places()
        self.image = compile_image(self.settings, self._locations())
        self.down: dict[str, set[tuple[str, int]]] = {}
        self.states: dict[str, EndpointState] = {}
        for name, record in self.records.items():
            self._fail(name, record)
        self.engine = Engine(self.image, Identity(), states=self.states)

    def _fail(self, name: str, record: dict[str, Any]) -> None:
        """Takes down some of what a check decides on."""
        often = self.random.choice([0.0, 0.3, 0.7, 1.0])
        failed = self.down.setdefault(name, set())
        for pool, settings in record["dynamic"]["pools"].items():
            seen: Counter[str] = Counter()
            for number, each in enumerate(settings["values"]):
                seen[each["value"]] += 1
                again = f"#{seen[each['value']]}" if seen[each["value"]] > 1 else ""
                text = each["value"].rstrip(".")
                id = f"{name}.example.test/{record['type']}@{pool}/{text}{again}"
                if each.get("status", "obey") == "obey" and self.random.random() < often:
                    failed.add((pool, number))
                    self.states[id] = EndpointState(0.0)

    def _record(self) -> dict[str, Any]:
        some = self.random
        type = some.choice(list(_TYPES))
        names = [f"p{number}" for number in range(some.randint(1, 4))]
        pools: dict[str, Any] = {name: {"values": self._values(type)} for name in names}
        for name in names:
            if some.random() < 0.5:
                pools[name]["fallback"] = some.choice(names)
        rules: list[dict[str, Any]] = []
        for _ in range(some.randint(0, 5)):
            rule: dict[str, Any] = {"pool": some.choice(names)}
            if some.random() < 0.5:
                rule["subnets"] = some.sample(_SUBNETS, some.randint(1, 2))
            if some.random() < 0.6:
                rule["geos"] = some.sample(_GEOS, some.randint(1, 3))
            rules.append(rule)
        if some.random() < 0.8 or not rules:
            rules.append({"pool": some.choice(names)})
        record = {
            "type": type,
            "ttl": 60,
            "dynamic": {"pools": pools, "rules": rules},
            # Rules in any order, loops and pools without a rule: what octoDNS only lets pass so.
            "octodns": {"lenient": True},
        }
        plain = {"A": ["192.0.2.250", "192.0.2.251"], "AAAA": ["2001:db8::250"]}
        if type == "CNAME":
            return {**record, "value": "last.example.net."}
        return {**record, "values": plain[type]}

    def _values(self, type: str) -> list[dict[str, Any]]:
        some, found = self.random, []
        count = some.randint(1, 3)
        for _ in range(count):
            number = some.randint(1, 9)
            value = {"A": f"192.0.2.{number}", "AAAA": f"2001:db8::{number}"}.get(
                type, f"to-{number}.example.net."
            )
            each: dict[str, Any] = {"value": value}
            if count > 1 and some.random() < 0.6:
                each["weight"] = some.choice([1, 2, 5, 100])
            if some.random() < 0.3:
                each["status"] = some.choice(["up", "down", "obey"])
            found.append(each)
        return found

    def _places(self) -> list[tuple[int, int, Place]]:
        known = [NOWHERE]
        known += [Place(None, None, *where) for where in self.random.sample(_COUNTRIES, 6)]
        found = []
        for version, bits, steps in ((4, 32, (4, 8, 16, 20)), (6, 128, (64, 80, 96, 112))):
            starts = {0} | {
                self.random.getrandbits(bits) & -(1 << self.random.choice(steps)) for _ in range(8)
            }
            found += [(version, start, self.random.choice(known)) for start in sorted(starts)]
        return found

    def _locations(self) -> Locations:
        distinct = list(dict.fromkeys([NOWHERE, *(place for _, _, place in self.places)]))
        of = {
            version: [(start, distinct.index(p)) for v, start, p in self.places if v == version]
            for version in (4, 6)
        }
        values = {version: np.array([n for _, n in of[version]], np.int32) for version in of}
        v4 = Ranges(np.array([start for start, _ in of[4]], np.uint32), None, values[4])
        high = np.array([start >> 64 for start, _ in of[6]], np.uint64)
        low = np.array([start & (2**64 - 1) for start, _ in of[6]], np.uint64)
        v6 = Ranges(high, low, values[6])
        return Locations(merge_neighbours(v4), merge_neighbours(v6), PlaceTable.of(distinct))

    def boundaries(self, version: int) -> list[int]:
        """The first address of everything that can make a difference."""
        found = [start for known, start, _ in self.places if known == version]
        for network in map(ip_network, _SUBNETS):
            if network.version == version:
                found += [int(network.network_address), int(network.broadcast_address) + 1]
        return [each for each in found if each < 1 << (32 if version == 4 else 128)]

    def clients(self, version: int) -> list[Client]:
        """Around every boundary, and anywhere."""
        bits = 32 if version == 4 else 128
        near = [edge + step for edge in self.boundaries(version) for step in (-1, 0, 300)]
        numbers = near + [self.random.getrandbits(bits) for _ in range(10)]
        if version == 6:
            numbers.append(0x2002 << 112 | 10 << 104 | 1 << 96)  # 6to4 of 10.1.0.0
        chosen = sorted({number for number in numbers if 0 <= number < 1 << bits})
        return [
            client_at(number, version, self.places)
            for number in self.random.sample(chosen, min(CLIENTS, len(chosen)))
        ]

    def ask(self, name: str, type: str, client: Client) -> tuple[tuple[str, ...], int]:
        """The values of an answer, and its scope."""
        subnet = f"{client.address}/{client.address.max_prefixlen}"
        packet = query(f"{name}.example.test", type, subnet=subnet)
        reply = dns.message.from_wire(self.engine.respond(packet, "192.0.2.1") or b"")
        scope = scope_of(reply)
        assert scope is not None
        return tuple(sorted(str(rdata) for rrset in reply.answer for rdata in rrset)), scope


def plain_of(record: dict[str, Any]) -> tuple[str, ...]:
    return tuple(sorted([record["value"]] if "value" in record else record["values"]))


@pytest.fixture(params=many(5))
def world(request: pytest.FixtureRequest, tmp_path: Path) -> World:
    return World(request.param, tmp_path)


def test_every_client_gets_what_the_documentation_says_in_shares_by_weight(world: World) -> None:
    services = {service.name: service for service in world.image.services}
    maps = world.image.locations
    for name, record in world.records.items():
        type = record["type"]
        service = services[f"{name}.example.test/{type}"]
        plan = Plan(service, _TYPES[type], world.states)
        for client in (*world.clients(4), *world.clients(6)):
            shares = expected(record, client, world.down[name])
            answer, _ = world.ask(name, type, client)
            if shares is None:
                assert answer == plain_of(record), (record, client)
                continue
            assert len(answer) == 1, (record, client)
            assert answer[0] in shares, (record, client)
            number = 0
            if plan.location != NO_LOCATION:
                family = 1 if client.address.version == 4 else 2
                asking = EngineClient(family, int(client.address), len(maps))
                number = asking.locate(maps, plan.location).number
            table = plan.tables[number] or plan.build(number)
            counts: Counter[str] = Counter()
            for pick, slots in Counter(table).items():
                found = plan.found(pick, _TYPES[type])
                assert found is not None
                counts[_text(type, found.rdatas[0])] += slots
            for value in {*shares, *counts}:
                share = counts[value] / len(table)
                assert share == pytest.approx(shares.get(value, 0.0), abs=0.045), (record, client)
                assert len(table) in (1, SLOTS)


def _text(type: str, rdata: bytes) -> str:
    kind = dns.rdatatype.from_text(type)
    return dns.rdata.from_wire(dns.rdataclass.IN, kind, rdata, 0, len(rdata)).to_text()


def test_all_addresses_inside_of_a_scope_get_the_same(world: World) -> None:
    for name, record in world.records.items():
        for client in (*world.clients(4)[:4], *world.clients(6)[:4]):
            answer, scope = world.ask(name, record["type"], client)
            version, bits = client.address.version, client.address.max_prefixlen
            network = IPv4Network if version == 4 else IPv6Network
            around = network((int(client.address) >> (bits - scope) << (bits - scope), scope))
            low, high = int(around[0]), int(around[-1])
            inside = [at for at in world.boundaries(version) if low <= at <= high]
            for at in (low, high, world.random.randint(low, high), *inside):
                other = client_at(at, version, world.places)
                assert world.ask(name, record["type"], other)[0] == answer, (client, scope, other)
