"""A simulation says what asking the engine again and again does, before and after."""

from __future__ import annotations

import dataclasses
import math
from collections import Counter
from collections.abc import Callable, Iterator
from ipaddress import IPv4Address, ip_network
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import dns.message
import pytest
from building import query
from worlds import ChainWorld, World

from geodns.answer.cold import Identity
from geodns.answer.compile import compile_image, steering_of
from geodns.answer.engine import Engine
from geodns.answer.resolve import A
from geodns.answer.service import EndpointState, States
from geodns.config.settings import Configuration, Service, Services
from geodns.geo.place import NOWHERE
from geodns.geo.ranges import value_at
from geodns.simulation.results import Simulation
from geodns.simulation.simulate import Given, Wish, simulate
from geodns.simulation.weights import by_addresses
from geodns.steering.clients import Clients

_SAMPLES = 1500
_NOBODY = ""


class Answer(NamedTuple):
    """The first address of an answer, and the AZ whose it is; empty where there is none."""

    address: str
    zone: str


class Ask:
    """One side's engine."""

    def __init__(self, world: World, configuration: Configuration, states: States) -> None:
        image = compile_image(configuration, world.locations)
        self._engine = Engine(image, Identity(), states=states)
        self._zones = {
            str(address): az
            for region in configuration.topology.regions.values()
            for az, zone in region.availability_zones.items()
            for endpoint in zone.endpoints.values()
            for address in endpoint.addresses
        }

    def answer(self, address: int) -> Answer:
        packet = query("www.example.test", "A", subnet=f"{IPv4Address(address)}/32")
        reply = dns.message.from_wire(self._engine.respond(packet, "192.0.2.1") or b"")
        if not reply.answer:
            return Answer(_NOBODY, _NOBODY)
        text = str(reply.answer[0][0])
        return Answer(text, self._zones.get(text, _NOBODY))


class Change:
    """A world before and after: another availability, and perhaps another steering."""

    def __init__(self, world: World, states: States, steering: Any | None) -> None:
        self.world = world
        self.settings = (world.settings, world.settings)
        if steering is not None:
            services = dict(world.settings.services.services)
            changed = {**services["web"].model_dump(exclude_unset=True), "steering": steering}
            services["web"] = Service.model_validate(changed)
            after = dataclasses.replace(world.settings, services=Services(services=services))
            self.settings = (world.settings, after)
        self.states = (world.available.states(), states)
        self.before, self.after = (
            Ask(world, settings, states)
            for settings, states in zip(self.settings, self.states, strict=True)
        )

    def simulate(self) -> Simulation:
        before, after = (
            Given(settings, self.world.locations, states, "")
            for settings, states in zip(self.settings, self.states, strict=True)
        )
        return simulate(before, after, Wish(lambda kinds, _: by_addresses(kinds), ("web",), A))


def random_change(world: World, steering: Any | None) -> Change:
    states = {
        f"{service}@{az}": EndpointState(world.random.choice([0.0, 0.3, 1.0]))
        for region in world.settings.topology.regions.values()
        for az, zone in region.availability_zones.items()
        for service in zone.endpoints
        if world.random.random() < 0.5
    }
    return Change(world, states, steering)


def counted(world: World) -> Callable[[int], bool]:
    """Which addresses count: those that are somewhere, if any is."""
    if all(world.locations.places[int(place)] == NOWHERE for place in world.locations.v4.values):
        return lambda _: True
    return lambda address: world.place_of(IPv4Address(address)) != NOWHERE


def close(share: float, seen: int, of: int) -> bool:
    """Within five standard deviations of what chance makes of a share."""
    error = 5 * math.sqrt(max(share * (1 - share), 1 / of) / of)
    return abs(share - seen / of) <= error


@pytest.mark.parametrize("seed", range(14))
def test_shares_are_those_of_random_clients(seed: int, tmp_path: Path) -> None:
    world = ChainWorld(3000 + seed, tmp_path, (0.0, 0.4, 1.0), branches=seed % 2 == 1, sticky=True)
    steering = None if seed % 3 else world.chain_of_web()
    change = random_change(world, steering)
    found = change.simulate()
    counts, moved, before, after = counted(world), 0, Counter[str](), Counter[str]()
    addresses: list[int] = []
    while len(addresses) < _SAMPLES:
        address = world.random.getrandbits(32)
        if counts(address):
            addresses.append(address)
    for address in addresses:
        one, other = change.before.answer(address), change.after.answer(address)
        moved += one != other
        before[one.zone] += 1
        after[other.zone] += 1
    assert close(found.total.moved, moved, _SAMPLES)
    zones = {area.name: area for area in found.zones}
    for name in {*zones, *before, *after} - {_NOBODY}:
        area = zones.get(name)
        assert close(area.before if area is not None else 0.0, before[name], _SAMPLES)
        assert close(area.after if area is not None else 0.0, after[name], _SAMPLES)
    assert sum(flow.share for flow in found.total.zones) <= found.total.moved + 1e-9


def pieces(world: World) -> Iterator[tuple[int, int]]:
    """(first address, size) of everything that no boundary cuts."""
    edges = {int(start) for start in world.locations.v4.starts} | {1 << 32}
    for prefix in world.prefixes:
        edges |= {int(prefix.network_address), int(prefix.broadcast_address) + 1}
    ordered = sorted(edges)
    for start, end in pairwise(ordered):
        yield start, end - start


class OneAnswerWorld(World):
    """Every region has one AZ, so that all clients of a class have one answer."""

    def _region(self, number: int, name: str) -> dict[str, Any]:
        region = super()._region(number, name)
        zones = region["availability_zones"]
        first = next(iter(zones))
        zones[first]["endpoints"]["web"] = {"addresses": [f"10.{number}.1.1"]}
        return {**region, "availability_zones": {first: zones[first]}}

    def _service(self, regions: list[str]) -> dict[str, Any]:
        return {**super()._service(regions), "steering": "latency", "when_down": "nodata"}


@pytest.mark.parametrize("seed", range(12))
def test_shares_and_latencies_are_exact_where_a_class_has_one_answer(
    seed: int, tmp_path: Path
) -> None:
    world = OneAnswerWorld(4000 + seed, tmp_path, (0.0, 1.0))
    regions = world.settings.topology.regions.values()
    ids = [f"web@{az}" for region in regions for az in region.availability_zones]
    down = {id: EndpointState(0.0) for id in ids if world.random.random() < 0.4}
    change = Change(world, down, None)
    found = change.simulate()
    counts, whole, moved = counted(world), 0.0, 0.0
    unanswered, total, known = 0.0, 0.0, 0.0
    for first, size in pieces(world):
        if not counts(first):
            continue
        one, other = change.before.answer(first), change.after.answer(first)
        whole += size
        moved += size * (one != other)
        unanswered += size * (other.zone == _NOBODY)
        cost = _cost(world, first, other.zone)
        if not math.isnan(cost):
            total, known = total + size * cost, known + size
    assert found.total.moved == pytest.approx(moved / whole)
    assert found.total.after.unanswered == pytest.approx(unanswered / whole)
    assert found.total.weight == pytest.approx(whole / 256)
    latency = found.total.after.latency
    assert latency.known == pytest.approx(known / whole)
    if known:
        assert latency.mean == pytest.approx(total / known, rel=1e-4)


def _cost(world: World, address: int, zone: str) -> float:
    """What the service's own steering reckons from an address to the region of an AZ."""
    if zone == _NOBODY:
        return math.nan
    policy = steering_of(world.settings, "web")
    inside = [prefix for prefix in policy.prefixes if IPv4Address(address) in ip_network(prefix)]
    best = max(inside, key=lambda prefix: prefix.prefixlen, default=None)
    row = policy.prefixes.index(best) if best is not None else -1
    place = world.locations.places[value_at(world.locations.v4, IPv4Address(address))]
    said = policy.explain(Clients.of_one(place, row, policy.prefixes))
    return next(each.cost for each in said if zone.startswith(f"{each.name}-"))
