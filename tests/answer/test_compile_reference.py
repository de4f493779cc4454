"""The compiled image answers every address as a direct, slow evaluation does, scope included."""

from __future__ import annotations

import random
from ipaddress import ip_address, ip_network
from math import isnan
from pathlib import Path
from typing import Any

import dns.message
import numpy as np
import pytest
from building import configuration, query, scope_of

from geodns.answer.cold import Identity
from geodns.answer.compile import compile_image, steering_of
from geodns.answer.engine import Engine
from geodns.answer.service import EndpointState, States
from geodns.config.settings import Configuration, LatencyRow
from geodns.geo.locations import Locations, Ranges
from geodns.geo.place import NOWHERE, Place
from geodns.geo.places import PlaceTable
from geodns.geo.ranges import merge_neighbours, value_at
from geodns.steering.clients import Clients
from geodns.steering.policy import Finding

_COUNTRIES = [("EU", "DE"), ("EU", "FR"), ("NA", "US"), ("AS", "JP"), ("SA", "BR"), ("AF", "ZA")]
ZONE = """
"":
  - {type: NS, value: ns.elsewhere.test.}
www: {type: GEO, service: web}
"""


def by_cost(findings: list[Finding]) -> list[str]:
    """The names of units in the order of their costs; unknown ones last, equal ones as they are."""
    return [
        each.name for each in sorted(findings, key=lambda one: (isnan(one.cost), one.cost or 0.0))
    ]


class World:
    """A random configuration, with addresses near all of its boundaries."""

    def __init__(self, seed: int, folder: Path) -> None:
        self.random = random.Random(seed)
        self.regions = [f"r{n}" for n in range(self.random.randint(2, 5))]
        self.prefixes = [self._prefix() for _ in range(self.random.randint(0, 5))]
        self.settings: Configuration = configuration(
            folder,
            regions={name: self._region(name) for name in self.regions},
            services={"web": {"steering": self.random.choice(["latency", "nearest", "failover"])}},
            zone=ZONE,
            rows=tuple(self._row(client) for client in self._row_clients()),
        )
        self.locations = self._locations()
        self.engine = Engine(compile_image(self.settings, self.locations), Identity())

    def _region(self, name: str) -> dict[str, Any]:
        number = self.regions.index(name)
        azs = {
            f"{name}-{az}": {"endpoints": {"web": {"addresses": [f"192.0.{number}.{az}"]}}}
            for az in range(1, self.random.randint(2, 4))
        }
        place = self.random.uniform(-60, 70), self.random.uniform(-180, 180)
        return {"location": place, "availability_zones": azs}

    def _row_clients(self) -> list[str]:
        some = ["default", "EU", "EU-DE", "NA-US", "AS64500", *map(str, self.prefixes)]
        return [client for client in some if self.random.random() < 0.6]

    def _row(self, client: str) -> LatencyRow:
        named = [region for region in self.regions if self.random.random() < 0.7]
        return LatencyRow(client, {region: self.random.randint(1, 200) for region in named})

    def _prefix(self) -> Any:
        length = self.random.choice([8, 12, 20, 25, 28])
        start = self.random.getrandbits(32) >> (32 - length) << (32 - length)
        return ip_network((start, length))

    def _place(self) -> Place:
        continent, country = self.random.choice(_COUNTRIES)
        asn = self.random.choice([None, 64500])
        return Place(
            self.random.uniform(-60, 70),
            self.random.uniform(-180, 180),
            continent,
            country,
            asn=asn,
        )

    def _locations(self) -> Locations:
        places = [NOWHERE, *(self._place() for _ in range(6))]
        starts = sorted(
            {
                0,
                *(
                    self.random.getrandbits(32) & -(1 << self.random.choice([4, 8, 16, 20]))
                    for _ in range(12)
                ),
            }
        )
        values = [self.random.randrange(len(places)) for _ in starts]
        v4 = Ranges(np.array(starts, np.uint32), None, np.array(values, np.int32))
        v6 = Ranges(np.zeros(1, np.uint64), np.zeros(1, np.uint64), np.zeros(1, np.int32))
        return Locations(merge_neighbours(v4), v6, PlaceTable.of(places))

    def addresses(self) -> list[int]:
        edges = [int(start) for start in self.locations.v4.starts]
        for prefix in self.prefixes:
            edges += [int(prefix.network_address), int(prefix.broadcast_address) + 1]
        near = [edge + step for edge in edges for step in (-257, -1, 0, 1, 300)]
        anywhere = [self.random.getrandbits(32) for _ in range(40)]
        return [address for address in near + anywhere if 0 <= address < 2**32]

    def slow_region(self, address: int, states: States) -> str:
        """The region that answers an address, found without any table of the image."""
        steering = steering_of(self.settings, "web")
        rows = [network for network in steering.prefixes if ip_address(address) in network]
        best = max(rows, key=lambda network: network.prefixlen, default=None)
        number = steering.prefixes.index(best) if best is not None else -1
        place = self.locations.places[value_at(self.locations.v4, ip_address(address))]
        units = {unit.name: unit for unit in steering.units}
        for name in by_cost(steering.explain(Clients.of_one(place, number, steering.prefixes))):
            endpoints = [self.endpoint_ids()[position] for position in units[name].endpoints]
            if any(id not in states for id in endpoints):
                return name
        return ""

    def endpoint_ids(self) -> list[str]:
        regions = self.settings.topology.regions.values()
        return [f"web@{az}" for region in regions for az in region.availability_zones]

    def ask(self, address: int) -> tuple[str, int]:
        """(answered address, scope) for a client at an address."""
        packet = query("www.example.test", subnet=f"{ip_address(address)}/32")
        reply = dns.message.from_wire(self.engine.respond(packet, "192.0.2.1") or b"")
        scope = scope_of(reply)
        assert scope is not None
        return str(reply.answer[0][0]), scope


def _region_of(answer: str) -> str:
    return f"r{answer.split('.')[2]}"


@pytest.mark.parametrize("seed", range(25))
def test_every_answer_is_the_slow_evaluations_and_holds_in_its_whole_scope(
    seed: int, tmp_path: Path
) -> None:
    world = World(seed, tmp_path)
    ids = world.endpoint_ids()
    down = world.random.sample(ids, world.random.randrange(len(ids)))
    states = {id: EndpointState(0.0) for id in down}
    world.engine.set_states(states)
    for address in world.addresses():
        answer, scope = world.ask(address)
        assert _region_of(answer) == world.slow_region(address, states)
        low = address >> (32 - scope) << (32 - scope)
        high = low | ((1 << (32 - scope)) - 1)
        for other in (low, high, world.random.randint(low, high)):
            assert world.ask(other)[0] == answer, f"{ip_address(address)}/{scope}"
