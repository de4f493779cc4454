"""How much a configuration holds, in numbers."""

from __future__ import annotations

from typing import NamedTuple

from geodns.config.settings import Configuration


class Extent(NamedTuple):
    """Counts. ``records`` are single records, GEO names included; ``latency_rows`` are clients."""

    regions: int
    availability_zones: int
    endpoints: int
    services: int
    checks: int
    latency_rows: int
    zones: int
    records: int

    def __str__(self) -> str:
        return ", ".join(
            f"{count} {_NAMES[name][count != 1]}" for name, count in self._asdict().items()
        )


_NAMES = {
    "regions": ("region", "regions"),
    "availability_zones": ("availability zone", "availability zones"),
    "endpoints": ("endpoint", "endpoints"),
    "services": ("service", "services"),
    "checks": ("check", "checks"),
    "latency_rows": ("latency row", "latency rows"),
    "zones": ("zone", "zones"),
    "records": ("record", "records"),
}


def extent(configuration: Configuration) -> Extent:
    """Counts what a configuration holds."""
    regions = configuration.topology.regions.values()
    datacenters = [az for region in regions for az in region.availability_zones.values()]
    local = (*configuration.zones, *configuration.overlays)
    nodes = [node for zone in local for node in zone.nodes.values()]
    return Extent(
        regions=len(regions),
        availability_zones=len(datacenters),
        endpoints=sum(len(az.endpoints) for az in datacenters)
        + sum(map(len, configuration.pools.values())),
        services=len(configuration.services.services),
        checks=len(configuration.services.checks),
        latency_rows=len(configuration.latency),
        zones=len(configuration.zones) + len(configuration.server.secondary.zones),
        records=sum(
            sum(map(len, node.rdatasets.values())) + (node.geo is not None) for node in nodes
        ),
    )
