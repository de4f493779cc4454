"""The compiled image answers every address as a direct, slow evaluation does, scope included.

Random worlds: regions, AZs, endpoints with weights and priorities, costs and biases, latency rows,
chains of all filters, all presets, services made of branches, availability, and clients of both
families around all boundaries. The evaluation is ``slowly``.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator, Sequence
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Any

import dns.message
import numpy as np
import pytest
from building import configuration, query, scope_of
from depth import many
from slowly import Client, Evaluation, Group, allowed, carried, client_at

from geodns.answer.client import Client as EngineClient
from geodns.answer.cold import Identity
from geodns.answer.compile import compile_image, steering_of
from geodns.answer.engine import Engine
from geodns.answer.plan import NO_LOCATION, Plan
from geodns.answer.resolve import A
from geodns.answer.service import EndpointState
from geodns.answer.shares import SLOTS
from geodns.config.settings import LatencyRow
from geodns.geo.locations import Locations, Ranges
from geodns.geo.place import NOWHERE, Place
from geodns.geo.places import PlaceTable
from geodns.geo.ranges import merge_neighbours
from geodns.steering.clients import Clients
from geodns.steering.policy import Policy
from geodns.steering.ranking import Ranking

_COUNTRIES = [("EU", "DE"), ("EU", "FR"), ("NA", "US"), ("AS", "JP"), ("SA", "BR"), ("AF", "ZA")]
_AREAS = ("default", "EU", "EU-DE", "NA-US", "NA-US-CA", "AS64500", "AS64500-DE", "SA", "AS-JP")
_BITS = {4: 32, 6: 128}
_EMBEDDING = ("::ffff:0:0/96", "64:ff9b::/96", "2002::/16", "2001::/32")
ZONE = """
"":
  - {type: NS, value: ns.elsewhere.test.}
www: {type: GEO, service: web}
top: {type: GEO, service: top}
"""


class World:
    """A random configuration, with addresses near all of its boundaries."""

    def __init__(self, seed: int, folder: Path) -> None:
        self.random = random.Random(seed)
        self.regions = [f"r{n}" for n in range(self.random.randint(2, 5))]
        self.azs = {
            region: [f"{region}-{az}" for az in "abc"[: self.random.randint(1, 3)]]
            for region in self.regions
        }
        self.prefixes = [self._prefix() for _ in range(self.random.randint(2, 7))]
        self.places = self._places()
        self.settings = configuration(
            folder,
            regions={name: self._region(number, name) for number, name in enumerate(self.regions)},
            services=self._services(),
            zone=ZONE,
            rows=tuple(self._row(client) for client in self._clients(0.5)),
        )
        ids = [
            f"{service}@{az}"
            for region in self.settings.topology.regions.values()
            for az, zone in region.availability_zones.items()
            for service in zone.endpoints
        ]
        levels = self.random.choice([(1.0,), (0.0, 1.0), (0.0, 0.0, 1.0), (0.0, 0.25, 0.5, 1.0)])
        self.availability = {id: self.random.choice(levels) for id in ids}
        self.image = compile_image(self.settings, self._locations())
        self.engine = Engine(
            self.image,
            Identity(),
            states={id: EndpointState(each) for id, each in self.availability.items()},
        )

    # --- what is where ------------------------------------------------------------------------

    def _region(self, number: int, name: str) -> dict[str, Any]:
        some = self.random
        settings: dict[str, Any] = {
            # Some regions are at the same place, so that ties are decided by the order of the file.
            "location": some.choice([(50.0, 8.0), (some.uniform(-60, 70), some.uniform(-180, 180))])
        }
        if some.random() < 0.3:
            settings["bias"] = some.choice([-99, -20, 10, 50])
        if some.random() < 0.6:
            settings["cost"] = some.choice([0, 1, 1.05, 2, 3.5])
        services = ("web", "one", "two", "three")
        settings["availability_zones"] = {
            az: {
                "endpoints": {
                    service: {
                        "addresses": [f"192.0.{number * 4 + at}.{service_number}"],
                        "weight": some.choice([0, 1, 50, 100, 100]),
                        "priority": some.choice([1, 1, 2]),
                    }
                    for service_number, service in enumerate(services)
                    if some.random() < 0.85
                }
            }
            for at, az in enumerate(self.azs[name])
        }
        return settings

    def _row(self, client: str) -> LatencyRow:
        named = [region for region in self.regions if self.random.random() < 0.7]
        # Few different figures, so that there are ties, and edges of bands: 20 + 15 % is 23.
        figures = (1, 10, 20, 22, 23, 30, 100, 120, 200)
        return LatencyRow(client, {region: self.random.choice(figures) for region in named})

    def _prefix(self) -> IPv4Network | IPv6Network:
        if self.random.random() < 0.6:
            length = self.random.choice([8, 12, 20, 25, 28])
            # Few different beginnings, so that prefixes lie in each other.
            start = self.random.choice([10 << 24, self.random.getrandbits(32)])
            return IPv4Network((start >> (32 - length) << (32 - length), length))
        length = self.random.choice([20, 32, 44, 48, 56])
        start = self.random.choice([0x2A00 << 112, self.random.getrandbits(125) | 1 << 125])
        network = IPv6Network((start >> (128 - length) << (128 - length), length))
        return self._prefix() if borders_on_embedded(network) else network

    def _places(self) -> list[tuple[int, int, Place]]:
        known = [NOWHERE, *(self._place() for _ in range(6))]
        found = []
        for version, steps in ((4, (4, 8, 16, 20)), (6, (64, 80, 96, 112))):
            bits = _BITS[version]
            starts = {0} | {
                self.random.getrandbits(bits) & -(1 << self.random.choice(steps)) for _ in range(9)
            }
            found += [(version, start, self.random.choice(known)) for start in sorted(starts)]
        return found

    def _place(self) -> Place:
        some = self.random
        continent, country = some.choice(_COUNTRIES)
        located = some.random() < 0.7
        return Place(
            some.uniform(-60, 70) if located else None,
            some.uniform(-180, 180) if located else None,
            continent,
            country if some.random() < 0.9 else None,
            "CA" if country == "US" and some.random() < 0.5 else None,
            asn=some.choice([None, 64500]),
        )

    def _locations(self) -> Locations:
        distinct = list(dict.fromkeys([NOWHERE, *(place for _, _, place in self.places)]))
        of = {
            version: [(start, distinct.index(p)) for v, start, p in self.places if v == version]
            for version in (4, 6)
        }
        v4 = Ranges(
            np.array([start for start, _ in of[4]], np.uint32),
            None,
            np.array([value for _, value in of[4]], np.int32),
        )
        v6 = Ranges(
            np.array([start >> 64 for start, _ in of[6]], np.uint64),
            np.array([start & (2**64 - 1) for start, _ in of[6]], np.uint64),
            np.array([value for _, value in of[6]], np.int32),
        )
        return Locations(merge_neighbours(v4), merge_neighbours(v6), PlaceTable.of(distinct))

    # --- what is served -----------------------------------------------------------------------

    def _services(self) -> dict[str, Any]:
        some = self.random
        services = {
            name: {"steering": self._steering(), "when_down": self._when_down()}
            for name in ("web", "one", "two", "three")
        }
        shares = some.choice([["one", "two"], {"one": 3, "two": 1}, {"two": 0, "one": 2}])
        outer = some.choice([["mid", "three"], {"three": 2, "mid": 5}])
        services["mid"] = {"branches": shares, **self._over_branches(["one", "two"])}
        services["top"] = {
            "branches": outer,
            "when_down": self._when_down(),
            **self._over_branches(["mid", "three"]),
        }
        return services

    def _over_branches(self, names: list[str]) -> dict[str, Any]:
        some = self.random
        steering = some.choice(
            [
                None,
                "failover",
                {"failover": {"order": names[::-1]}},
                "weighted",
                {"weighted": {"of": {names[0]: 1, names[1]: 2}}},
                {"geo": {"rules": self._rules(names)}},
                {"subnet": {"rules": {"default": names[1], "AS64500": names[0]}}},
                [{"geofence": {"rules": {"EU": {"never": names[0]}}}}],
                [{"priority": {"of": {names[0]: 2}}}],
                [{"prefer": {"rules": self._rules(names), "only": True}}, {"limit": {"tiers": 1}}],
            ]
        )
        return {} if steering is None else {"steering": steering}

    def _when_down(self) -> Any:
        return self.random.choice(["serve_all", "nodata", {"addresses": ["192.0.2.255"]}])

    def _steering(self) -> Any:
        if self.random.random() < 0.7:
            chain = [self._stage() for _ in range(self.random.randint(1, 4))]
            return [stage for stage in chain if stage] or ["latency"]
        names = [*self.regions, *self.azs[self.regions[0]]]
        return self.random.choice(
            [
                "latency",
                {"latency": {"within": "25%", "cost": "5ms"}},
                "nearest",
                {"geoproximity": {"bias": {self.regions[0]: 40}}},
                {"geo": {"rules": self._rules(names), "only": self.random.random() < 0.5}},
                {"subnet": {"rules": {**self._rules(names, subnets=True), "default": names[-1]}}},
                "weighted",
                {"weighted": {"of": self._numbers(names)}},
                "failover",
                {"failover": {"order": self._some(names)}},
                "multivalue",
            ]
        )

    def _stage(self) -> Any:
        some = self.random
        names = [*self.regions, *(az for azs in self.azs.values() for az in azs)]
        match some.randrange(11):
            case 0:
                fences: dict[str, Any] = {
                    client: {"only": []}
                    if some.random() < 0.1
                    else {some.choice(["only", "never"]): self._some(names)}
                    for client in self._clients(0.25)
                }
                return {"geofence": {"rules": fences, "closed": some.random() < 0.7}}
            case 1:
                return {"prefer": {"rules": self._rules(names), "only": some.random() < 0.3}}
            case 2 | 3:
                within = some.choice([None, "3ms", "15%", "10%", 100])
                return {"latency": {"within": within, "cost": some.choice(["0s", "10ms"])}}
            case 4:
                bias = self._numbers(self.regions, (-50, 0, 30))
                return {"nearest": {"within": some.choice([None, "500km", "20%"]), "bias": bias}}
            case 5:
                return {"priority": {"of": self._numbers(names, (0, 1, 2))}}
            case 6:
                return {"failover": {"order": self._some(names)}}
            case 7:
                within = some.choice([None, 0, "5%", 1])
                return {"cost": {"of": self._numbers(names), "within": within}}
            case 8:
                return {"weight": {"of": self._numbers(names)}}
            case 9:
                return some.choice(["sticky", {"weight": "equal"}, {"spread": "region"}])
        return {"limit": {"tiers": some.randint(1, 4)}}

    def _numbers(self, names: Sequence[str], figures: Sequence[float] = (0, 1, 1, 3)) -> Any:
        return {name: self.random.choice(figures) for name in self._some(names)}

    def _some(self, names: Sequence[str]) -> list[str]:
        return self.random.sample(list(names), self.random.randint(1, min(4, len(names))))

    def _rules(self, names: Sequence[str], *, subnets: bool = False) -> dict[str, list[str]]:
        clients = [c for c in self._clients(0.4) if not subnets or "/" in c or c == "AS64500"]
        return {client: self._some(names) for client in clients}

    def _clients(self, part: float) -> list[str]:
        keys = [*_AREAS, *dict.fromkeys(map(str, self.prefixes))]
        return [key for key in keys if self.random.random() < part]

    # --- who asks -----------------------------------------------------------------------------

    def clients(self, version: int) -> list[Client]:
        """Around every boundary, and anywhere."""
        bits = _BITS[version]
        edges = [start for known, start, _ in self.places if known == version]
        for prefix in self.prefixes:
            if prefix.version == version:
                edges += [int(prefix.network_address), int(prefix.broadcast_address) + 1]
        near = [edge + step for edge in edges for step in (-1, 0, 300)]
        numbers = near + [self.random.getrandbits(bits) for _ in range(20)]
        if version == 6:
            carrying = [int(ip_network(each).network_address) for each in _EMBEDDING]
            numbers += [each | self.random.getrandbits(32) for each in carrying]
            numbers.append(0x2002 << 112 | 10 << 104)
        chosen = sorted({number for number in numbers if 0 <= number < 1 << bits})
        return [
            client_at(number, version, self.places)
            for number in self.random.sample(chosen, min(16, len(chosen)))
        ]

    def ask(self, name: str, client: Client) -> tuple[str, int]:
        """(answered address, or nothing, and scope) for a client."""
        length = client.address.max_prefixlen
        packet = query(f"{name}.example.test", subnet=f"{client.address}/{length}")
        reply = dns.message.from_wire(self.engine.respond(packet, "192.0.2.1") or b"")
        scope = scope_of(reply)
        assert scope is not None
        return (str(reply.answer[0][0]) if reply.answer else ""), scope

    def address_of(self, id: str) -> str:
        """The one address of an endpoint; of nobody, the answer when all are down."""
        service, _, az = id.partition("@")
        for region in self.settings.topology.regions.values():
            if az in region.availability_zones:
                return str(region.availability_zones[az].endpoints[service].addresses[0])
        return ""


def clients_of(policy: Policy, client: Client) -> Clients:
    address = carried(client.address)
    rows = [n for n in policy.prefixes if n.version == address.version and address in n]
    best = max(rows, key=lambda network: network.prefixlen, default=None)
    row = policy.prefixes.index(best) if best is not None else -1
    return Clients.of_one(client.place, row, policy.prefixes)


Shape = tuple[Any, ...]


def shape_of_ranking(policy: Policy, ranking: Ranking) -> Shape:
    """Tiers as endpoint ids, or (share, tiers) of each part."""
    found: list[Any] = []
    for tier in ranking:
        if tier.branches:
            parts = [(b.share, shape_of_ranking(policy, b.ranking)) for b in tier.branches]
            found.append(_relative(parts))
        else:
            ats = [at for unit in tier.units for at in policy.units[unit].endpoints]
            found.append(frozenset(policy.candidates[at].id for at in ats))
    return tuple(found)


def shape_of_groups(groups: Sequence[Group]) -> Shape:
    return tuple(
        _relative([(share, shape_of_groups(tiers)) for _, share, tiers in group.parts])
        if group.parts
        else frozenset(item.id for item in group.endpoints)
        for group in groups
    )


def _relative(parts: Sequence[tuple[float, Shape]]) -> frozenset[Any]:
    most = max(share for share, _ in parts) or 1
    return frozenset((round(share / most, 4), tiers) for share, tiers in parts)


@pytest.fixture(params=many(20))
def world(request: pytest.FixtureRequest, tmp_path: Path) -> World:
    return World(request.param, tmp_path)


def everyone(world: World) -> Iterator[tuple[str, str, Client]]:
    for name, service in (("www", "web"), ("top", "top")):
        for version in (4, 6):
            for client in world.clients(version):
                yield name, service, client


def test_every_address_is_ranked_answered_and_shared_out_as_by_the_slow_evaluation(
    world: World,
) -> None:
    policies = {service: steering_of(world.settings, service) for service in ("web", "top")}
    plans = {
        service.name: Plan(service, A, {i: EndpointState(a) for i, a in world.availability.items()})
        for service in world.image.services
    }
    maps = world.image.locations
    for name, service, client in everyone(world):
        evaluation = Evaluation(world.settings, client)
        slow = evaluation.tiers(service)
        policy, plan = policies[service], plans[service]
        ranked = policy.rankings(clients_of(policy, client))
        compiled = shape_of_ranking(policy, ranked.rankings[ranked.numbers[0]])
        assert compiled == shape_of_groups(slow), (service, client)

        shares: dict[str, float] = {}
        for id, share in allowed(evaluation, service, world.availability).items():
            address = world.address_of(id)
            shares[address] = shares.get(address, 0.0) + share
        answer, _ = world.ask(name, client)
        fallback = {"", "192.0.2.255"}
        assert answer in shares or (answer in fallback and "" in shares), (service, client)

        number = 0
        if plan.location != NO_LOCATION:
            family = 1 if client.address.version == 4 else 2
            asking = EngineClient(family, int(client.address), len(maps))
            number = asking.locate(maps, plan.location).number
        counts: Counter[str] = Counter()
        table = plan.build(number)
        for pick in map(plan.picks.__getitem__, table):
            at = pick.addresses[0].endpoint if pick.addresses else -1
            counts[world.address_of(plan.service.endpoints[at].id) if at >= 0 else ""] += 1
        if len(table) > 1:  # else all slots get the same, from whomever
            for address in {*shares, *counts}:
                got = counts[address] / SLOTS
                assert got == pytest.approx(shares.get(address, 0.0), abs=0.045), (service, client)


def test_no_address_inside_of_a_scope_is_answered_otherwise_and_none_is_narrower_than_need_be(
    world: World,
) -> None:
    """Wider by a bit, a scope would hold a client of another ranking or another slot.

    Where rankings differ in what does not matter to a type, scopes are narrower than they could be:
    locations are by ranking, and only a service of which nothing at all matters has a scope of 0.
    """
    rankings: dict[tuple[str, Client], Shape] = {}
    for name, service, client in everyone(world):
        if not next(each for each in world.image.services if each.name == service).sticky:
            continue
        answer, scope = world.ask(name, client)
        version, bits = client.address.version, client.address.max_prefixlen
        low = int(client.address) >> (bits - scope) << (bits - scope)
        high = low | ((1 << (bits - scope)) - 1)
        inside = [
            at
            for at in (low, high, world.random.randint(low, high), *boundaries(world, version))
            if low <= at <= high
        ]
        for at in inside:
            other = client_at(at, version, world.places)
            assert world.ask(name, other)[0] == answer, (client, scope, other)
        if scope == 0 or is_slot_group(client, scope):
            continue
        network = IPv4Network if version == 4 else IPv6Network
        wider = network((low >> (bits - scope + 1) << (bits - scope + 1), scope - 1))
        first, last = int(wider[0]), int(wider[-1])
        others = [at for at in boundaries(world, version) if first <= at <= last]
        found = set()
        for at in (first, last, *others):
            each = client_at(at, version, world.places)
            if (service, each) not in rankings:
                tiers = Evaluation(world.settings, each).tiers(service)
                rankings[service, each] = shape_of_groups(tiers)
            found.add(rankings[service, each])
        assert len(found) > 1 or borders_on_embedded(wider), (client, scope)


def boundaries(world: World, version: int) -> list[int]:
    """The first address of everything that can make a difference."""
    starts = [start for known, start, _ in world.places if known == version]
    for prefix in world.prefixes:
        if prefix.version == version:
            starts += [int(prefix.network_address), int(prefix.broadcast_address) + 1]
    return [start for start in starts if start < 1 << _BITS[version]]


def is_slot_group(client: Client, scope: int) -> bool:
    """Whether it is the scope of those who share a slot: a /24 of IPv4, a /48 of IPv6."""
    if client.address.version == 4:
        return scope == 24
    inside = carried(client.address)
    if inside.version == 6:
        return scope == 48
    offset = 16 if client.address in ip_network("2002::/16") else 96
    return scope == offset + 24


def borders_on_embedded(network: IPv4Network | IPv6Network) -> bool:
    """Whether it holds or lies in networks whose addresses are looked up as IPv4 addresses."""
    return network.version == 6 and any(network.overlaps(ip_network(each)) for each in _EMBEDDING)
