"""What a service's regions can take: the capacities of their endpoints, added up."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from geodns.config.settings import Topology


@dataclass(frozen=True)
class EndpointCapacity:
    """One endpoint in service. ``share`` is the part of its region's clients that it gets."""

    id: str
    share: float
    capacity: float | None


@dataclass(frozen=True)
class RegionCapacity:
    """``endpoints`` are those that get clients: in service, and with a weight."""

    name: str
    endpoints: tuple[EndpointCapacity, ...]
    total: float | None

    def overloaded(self, load: float, tolerance: float = 0.01) -> list[tuple[str, float]]:
        """(id, utilisation) of endpoints that get more than they can take of a region's load.

        The region may have room while one AZ has not: where weights do not follow capacities.
        """
        return [
            (endpoint.id, load * endpoint.share / endpoint.capacity)
            for endpoint in self.endpoints
            if endpoint.capacity and load * endpoint.share > endpoint.capacity * (1 + tolerance)
        ]


def capacities(
    topology: Topology,
    service: str,
    down: Collection[str] = (),
    given: Mapping[str, float] | None = None,
) -> list[RegionCapacity]:
    """The regions that serve a service, in the order of the topology file.

    ``down`` are endpoint ids that are left out. The capacity of a region is the sum of its
    endpoints', or what ``given`` says of it; it is None, without a limit, where one has none.
    An endpoint of weight 0 next to others gets no clients, so that it adds nothing.
    """
    found = []
    for name in topology.regions:
        endpoints = _endpoints(topology, name, service, down)
        if endpoints:
            total = _total(endpoints)
            found.append(RegionCapacity(name, endpoints, (given or {}).get(name, total)))
    return found


def _total(endpoints: tuple[EndpointCapacity, ...]) -> float | None:
    each = [endpoint.capacity for endpoint in endpoints]
    return None if None in each else sum(filter(None, each))


def _endpoints(
    topology: Topology, region: str, service: str, down: Collection[str]
) -> tuple[EndpointCapacity, ...]:
    present = [
        (f"{service}@{az}", zone.endpoints[service])
        for az, zone in topology.regions[region].availability_zones.items()
        if service in zone.endpoints and f"{service}@{az}" not in down
    ]
    if any(endpoint.weight for _, endpoint in present):
        present = [(id, endpoint) for id, endpoint in present if endpoint.weight]
    weights = sum(endpoint.weight for _, endpoint in present)
    return tuple(
        EndpointCapacity(
            id,
            endpoint.weight / weights if weights else 1 / len(present),
            endpoint.capacity,
        )
        for id, endpoint in present
    )
