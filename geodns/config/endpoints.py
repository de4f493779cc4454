"""The endpoints of a service, whether they stand in the topology or in a dynamic record's pools."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from geodns.config.settings import Configuration, Endpoint, Topology


class Placed(NamedTuple):
    """An endpoint and where it is; a value of a pool has the pool's name for both."""

    id: str
    service: str
    region: str
    availability_zone: str
    settings: Endpoint


def endpoints_of(configuration: Configuration, services: Iterable[str]) -> list[Placed]:
    """Those of these services, in the order of the topology, then of the zone files."""
    names = list(services)
    placed = [name for name in names if name not in configuration.pools]
    topology = configuration.topology if placed else Topology()
    found = [
        Placed(f"{name}@{az_name}", name, region_name, az_name, az.endpoints[name])
        for region_name, region in topology.regions.items()
        for az_name, az in region.availability_zones.items()
        for name in placed
        if name in az.endpoints
    ]
    for name in names:
        found.extend(
            Placed(each.id, name, each.pool, each.pool, each.settings)
            for each in configuration.pools.get(name, ())
        )
    return found
