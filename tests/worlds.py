"""Random worlds for explanations: a configuration, locations, availability, and an engine."""

from __future__ import annotations

import random
from collections.abc import Callable
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from pathlib import Path
from typing import Any, ClassVar

import dns.message
import numpy as np
from building import ZONE, configuration, query

from geodns.answer.cold import Identity
from geodns.answer.compile import compile_image
from geodns.answer.engine import Engine
from geodns.config.settings import Endpoint, LatencyRow
from geodns.explain.build import Given, explain
from geodns.explain.explanation import Explanation, HealthFinding
from geodns.explain.question import Address, parse_question
from geodns.explain.whatif import Availabilities
from geodns.geo.locations import Locations, Ranges
from geodns.geo.place import NOWHERE, Place
from geodns.geo.places import PlaceTable
from geodns.geo.ranges import merge_neighbours, value_at
from geodns.health.availability import EndpointAvailability

_COUNTRIES = [("EU", "DE"), ("EU", "FR"), ("NA", "US"), ("AS", "JP"), ("SA", "BR"), ("AF", "ZA")]
_V6 = 0x2001_0DB8 << 96
_AREAS = ["default", "EU", "EU-DE", "NA", "AS", "AS64500"]
_POOLS = ("pool-a", "pool-b")


class World:
    """A random configuration of two services, with locations, availability and an engine."""

    def __init__(self, seed: int, folder: Path, levels: tuple[float, ...]) -> None:
        self.random = random.Random(seed)
        self.prefixes = [self._network(32) for _ in range(self.random.randint(0, 4))]
        names = [f"r{number}" for number in range(self.random.randint(1, 5))]
        self.settings = configuration(
            folder,
            regions={name: self._region(number, name) for number, name in enumerate(names)},
            services=self._services(names),
            zone=ZONE.replace("both:", "other: {type: GEO, service: other}\nboth:"),
            rows=tuple(
                LatencyRow(client, {name: self.random.randint(1, 200) for name in names})
                for client in ["default", "EU", "EU-DE", "AS64500", *map(str, self.prefixes)]
                if self.random.random() < 0.6
            ),
        )
        self.locations = self._locations()
        self.available = Availabilities(
            {
                f"{service}@{az}": self._availability(endpoint, levels)
                for region in self.settings.topology.regions.values()
                for az, content in region.availability_zones.items()
                for service, endpoint in content.endpoints.items()
                if self.random.random() < 0.6
            },
            live=True,
        )
        # All services and zones at once, as a server has it; explaining compiles less.
        self.image = compile_image(self.settings, self.locations)
        self.engine = self.fresh_engine()

    def fresh_engine(self) -> Engine:
        """One that has answered nobody yet."""
        return Engine(self.image, Identity(), states=self.available.states(), stream=True)

    def _availability(self, endpoint: Endpoint, levels: tuple[float, ...]) -> EndpointAvailability:
        flags = tuple(self.random.random() < 0.8 for _ in endpoint.addresses)
        failing = frozenset(
            address.packed for address, ok in zip(endpoint.addresses, flags, strict=True) if not ok
        )
        return EndpointAvailability(self.random.choice(levels), flags, "made up", failing)

    def _services(self, regions: list[str]) -> dict[str, dict[str, Any]]:
        return {name: self._service(regions) for name in ("other", "web")}

    def _service(self, _regions: list[str]) -> dict[str, Any]:
        return {
            "steering": self.random.choice(["latency", "nearest", "failover"]),
            "answers": self.random.choice([1, 1, 2]),
            "https": {"alpn": ["h2"]},
            "when_down": self.random.choice(["serve_all", "nodata", {"addresses": ["192.0.2.80"]}]),
        }

    def _region(self, number: int, name: str) -> dict[str, Any]:
        place = self.random.uniform(-60, 70), self.random.uniform(-180, 180)
        azs = {
            f"{name}-{az}": {"endpoints": self._endpoints(number, az)}
            for az in range(1, self.random.randint(2, 4))
        }
        return {"location": place, "availability_zones": azs}

    def _endpoints(self, region: int, az: int) -> dict[str, Any]:
        return {
            "web": self._endpoint(f"10.{region}.{az}.1", f"2001:db8:{region}:{az}::1"),
            "other": {"addresses": [f"10.{region}.{az}.2"]},
        }

    def _endpoint(self, v4: str, v6: str) -> dict[str, Any]:
        addresses = self.random.choice([[v4], [v4, v6], [v6]])
        return {"addresses": addresses, "weight": self.random.choice([0, 1, 100, 100])}

    def _network(self, bits: int) -> Any:
        length = self.random.choice([8, 12, 20, 25, 28])
        return ip_network(
            (self.random.getrandbits(bits) >> (bits - length) << (bits - length), length)
        )

    def _locations(self) -> Locations:
        places = [NOWHERE]
        for _ in range(6):
            coordinates = self.random.uniform(-60, 70), self.random.uniform(-180, 180)
            area = self.random.choice(_COUNTRIES)
            places.append(Place(*coordinates, *area, asn=self.random.choice([None, 64500])))
        v4 = sorted({0, *(self.random.getrandbits(32) & -(1 << 12) for _ in range(12))})
        high = [0, *sorted({(_V6 >> 64) + self.random.getrandbits(30) for _ in range(6)})]
        return Locations(
            merge_neighbours(Ranges(np.array(v4, np.uint32), None, self._values(len(v4)))),
            merge_neighbours(
                Ranges(
                    np.array(high, np.uint64),
                    np.zeros(len(high), np.uint64),
                    self._values(len(high)),
                )
            ),
            PlaceTable.of(places),
        )

    def _values(self, count: int) -> Any:
        return np.array([self.random.randrange(7) for _ in range(count)], np.int32)

    def client(self) -> str:
        """A random client subnet of either family, some of them carrying IPv4."""
        v4 = self.random.getrandbits(32)
        kind = self.random.randrange(6)
        if kind < 3:
            edges = [int(start) for start in self.locations.v4.starts]
            edges += [int(prefix.network_address) for prefix in self.prefixes]
            near = self.random.choice(edges) + self.random.choice([-257, -1, 0, 1, 300])
            address: Address = IPv4Address(self.random.choice([v4, near % 2**32]))
            return str(ip_network((address, self.random.choice([16, 24, 24, 32])), strict=False))
        if kind == 3:
            return f"{IPv6Address(0x2002 << 112 | v4 << 80)}/48"
        if kind == 4:
            return f"{IPv6Address(0x0064FF9B << 96 | v4)}/128"
        address = IPv6Address(_V6 + self.random.getrandbits(94))
        return str(ip_network((address, self.random.choice([32, 48, 56])), strict=False))

    def explain(self, name: str, type: str, client: str, *, resolver: bool = False) -> Explanation:
        given = Given(
            self.settings,
            HealthFinding("live", "made up"),
            self.available,
            lambda: self.locations,
            lambda address: [],
        )
        return explain(given, parse_question(name, type, client, resolver=resolver))

    def answer(self, name: str, type: str, client: str) -> dns.message.Message:
        """The engine's reply, over the image of the whole configuration."""
        packet = query(name, type, subnet=client)
        return dns.message.from_wire(self.engine.respond(packet, "192.0.2.1") or b"")

    def place_of(self, address: Address) -> Place:
        """Where an address is, found the slow way."""
        ranges = self.locations.v4 if address.version == 4 else self.locations.v6
        return self.locations.places[value_at(ranges, address)]

    def region_of(self, address: str) -> str:
        """The region whose endpoint has an address."""
        return next(
            name
            for name, region in self.settings.topology.regions.items()
            for az in region.availability_zones.values()
            for endpoint in az.endpoints.values()
            if ip_address(address) in endpoint.addresses
        )


class ChainWorld(World):
    """The service ``web`` has a random chain; with ``branches`` it is made of two pools.

    ``sticky``: no chain lets answers take turns.
    """

    def __init__(
        self,
        seed: int,
        folder: Path,
        levels: tuple[float, ...],
        *,
        branches: bool = False,
        sticky: bool = False,
    ) -> None:
        self._branches, self._sticky = branches, sticky
        super().__init__(seed, folder, levels)

    def _services(self, regions: list[str]) -> dict[str, dict[str, Any]]:
        if not self._branches:
            return {"other": {}, "web": self._service(regions)}
        shares = {name: self.random.choice([0, 1, 3]) for name in _POOLS}
        outer = {"steering": self._chain(list(_POOLS), self._BRANCH_MAKERS), "branches": shares}
        pools = {
            name: {
                "steering": self._chain(regions, self._MAKERS),
                "min_available": self.random.choice([None, 1, 2, "50%"]),
            }
            for name in _POOLS
        }
        return {"other": {}, "web": {**super()._service(regions), **outer}, **pools}

    def _service(self, regions: list[str]) -> dict[str, Any]:
        return {**super()._service(regions), "steering": self._chain(regions, self._MAKERS)}

    def _endpoints(self, region: int, az: int) -> dict[str, Any]:
        found = super()._endpoints(region, az)
        if not self._branches:
            return found
        web = found.pop("web")
        for number, name in enumerate(_POOLS):
            if self.random.random() < 0.8 or (region, az) == (0, 1):
                address = f"10.{region}.{az}.{10 + number}"
                found[name] = {**web, "addresses": [address, f"2001:db8:{region}:{az}::{number}"]}
        return found

    def _chain(self, names: list[str], makers: list[Maker]) -> list[Any]:
        chosen = self.random.sample(makers, self.random.randint(1, 4))
        return [maker(self, names) for maker in chosen]

    def _some(self, names: list[str]) -> list[str]:
        return self.random.sample(names, self.random.randint(1, len(names)))

    def _rule(self) -> str:
        return self.random.choice([*_AREAS, *map(str, self.prefixes)])

    def _geofence(self, names: list[str]) -> Any:
        kinds = ({"only": self._some(names)}, {"never": self._some(names)})
        rules = {self._rule(): self.random.choice(kinds) for _ in range(2)}
        return {"geofence": {"rules": rules, "closed": self.random.random() < 0.7}}

    def _prefer(self, names: list[str]) -> Any:
        rules = {self._rule(): self._some(names) for _ in range(2)}
        return {"prefer": {"rules": rules, "only": self.random.random() < 0.3}}

    def _latency(self, _names: list[str]) -> Any:
        return {"latency": self.random.choice([{}, {"within": "30ms"}, {"within": "50%"}])}

    def _nearest(self, _names: list[str]) -> Any:
        return {"nearest": self.random.choice([{}, {"within": "3000km"}])}

    def _priority(self, names: list[str]) -> Any:
        return {"priority": {"of": {name: self.random.randint(1, 2) for name in names}}}

    def _failover(self, names: list[str]) -> Any:
        return {"failover": {"order": self._some(names)}}

    def _cost(self, names: list[str]) -> Any:
        return {"cost": {"of": {name: self.random.randint(1, 2) for name in names}, "within": 0.5}}

    def _weight(self, names: list[str]) -> Any:
        return {
            "weight": {"of": {name: self.random.choice([0, 1, 3]) for name in self._some(names)}}
        }

    def _limit(self, _names: list[str]) -> Any:
        return {"limit": {"tiers": self.random.randint(1, 3)}}

    def _trait(self, _names: list[str]) -> Any:
        traits: list[Any] = [{"spread": "region"}, {"weight": "equal"}]
        return self.random.choice(traits if self._sticky else [*traits, {"sticky": "none"}])

    def chain_of_web(self) -> list[Any]:
        """Another random chain for the service ``web``."""
        if self._branches:
            return self._chain(list(_POOLS), self._BRANCH_MAKERS)
        return self._chain(list(self.settings.topology.regions), self._MAKERS)

    _BRANCH_MAKERS: ClassVar[list[Maker]] = [_geofence, _prefer, _failover, _weight, _limit, _trait]
    _MAKERS: ClassVar[list[Maker]] = [*_BRANCH_MAKERS, _latency, _nearest, _priority, _cost]

    def endpoint_of(self, address: str) -> str:
        """The id of the endpoint that has an address."""
        return next(
            f"{service}@{az}"
            for region in self.settings.topology.regions.values()
            for az, zone in region.availability_zones.items()
            for service, endpoint in zone.endpoints.items()
            if ip_address(address) in endpoint.addresses
        )


Maker = Callable[[ChainWorld, list[str]], Any]


def written(explanation: Explanation) -> list[str]:
    """The records of an explanation's answer, as ``building.lines`` writes a reply's."""
    return [f"{r.owner} {r.ttl} {r.type} {r.data}" for r in explanation.answer.answer]
