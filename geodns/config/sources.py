"""All configuration files together, as the rules that look across them see them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

from geodns.config.settings import (
    AvailabilityZone,
    Endpoint,
    Region,
    Server,
    Services,
    Topology,
    with_branches,
)
from geodns.config.source import Source
from geodns.problem import Problem
from geodns.yamlfile import Keys
from geodns.zone.content import Zone


class PlacedAZ(NamedTuple):
    """An AZ, the region that it is in, and its path in the topology file."""

    region: str
    name: str
    settings: AvailabilityZone
    path: Keys


class PlacedEndpoint(NamedTuple):
    """An endpoint, where it is, and its path in the topology file."""

    region: str
    az: str
    service: str
    settings: Endpoint
    path: Keys

    @property
    def id(self) -> str:
        """As people name it: ``web@eu-central-1a``."""
        return f"{self.service}@{self.az}"


@dataclass(frozen=True, slots=True)
class Sources:
    """The files' settings and positions, and the zones as far as they could be read."""

    server: Source[Server]
    topology: Source[Topology]
    services: Source[Services]
    zones: tuple[Zone, ...] = ()
    overlays: tuple[Zone, ...] = ()

    @property
    def local(self) -> tuple[Zone, ...]:
        """All that is read from zone files: whole zones, and what is laid over copied ones."""
        return (*self.zones, *self.overlays)

    def regions(self) -> Iterator[tuple[str, Region, Keys]]:
        """Each region's name, settings and path in the topology file."""
        for name, region in self.topology.settings.regions.items():
            yield name, region, ("regions", name)

    def availability_zones(self) -> Iterator[PlacedAZ]:
        """Each AZ, in file order."""
        for name, region, path in self.regions():
            for az, settings in region.availability_zones.items():
                yield PlacedAZ(name, az, settings, (*path, "availability_zones", az))

    def endpoints(self) -> Iterator[PlacedEndpoint]:
        """Each endpoint, in file order."""
        for az in self.availability_zones():
            for service, endpoint in az.settings.endpoints.items():
                path = (*az.path, "endpoints", service)
                yield PlacedEndpoint(az.region, az.name, service, endpoint, path)

    def address_path(self, endpoint: PlacedEndpoint, index: int) -> Keys:
        """Where an endpoint's address stands, in a bare list as well as in a mapping."""
        bare = (*endpoint.path, index)
        written = bare in self.topology.document.values
        return bare if written else (*endpoint.path, "addresses", index)

    def region_names(self) -> Collection[str]:
        """All regions, also those whose settings are wrong."""
        return self.topology.names("regions")

    def az_names(self) -> Collection[str]:
        """All AZs, also those whose settings are wrong."""
        names: dict[str, None] = {}
        for region in self.region_names():
            names.update(
                dict.fromkeys(self.topology.names("regions", region, "availability_zones"))
            )
        return names.keys()

    def service_names(self) -> Collection[str]:
        """All services, also those whose settings are wrong."""
        return self.services.names("services")

    def used_services(self) -> set[str]:
        """The services that some zone's GEO records name, and those that they are made of."""
        nodes = (node for zone in self.local for _, node in zone.steered())
        return self.with_branches(node.geo.service for node in nodes if node.geo)

    def with_branches(self, names: Iterable[str]) -> set[str]:
        """The services, and all that these are made of."""
        return set(with_branches(self.services.settings.services, *names))

    def with_zones(self, zones: tuple[Zone, ...], overlays: tuple[Zone, ...] = ()) -> Sources:
        """The same with the zones."""
        return replace(self, zones=zones, overlays=overlays)


Rule = Callable[[Sources], Iterator[Problem]]
