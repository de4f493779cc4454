"""What a configuration asks to be checked: targets, endpoints that rely on them, their groups."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from geodns.config.settings import Address, Check, Configuration, Endpoint, Thresholds


class TargetKey(NamedTuple):
    """A distinct target. Checks with equal settings are one, whatever their names."""

    check: Check
    address: Address


class PlannedEndpoint(NamedTuple):
    """An endpoint and, for each of its addresses, the target that watches it (None: no probe)."""

    id: str
    service: str
    endpoint: Endpoint
    availability_zone: str
    region: str
    targets: tuple[TargetKey | None, ...]

    @property
    def checked(self) -> bool:
        """Whether any of its addresses is probed."""
        return any(self.targets)


@dataclass(frozen=True, slots=True)
class PlannedGroup:
    """An AZ or a region (``kind``), with the ids of all of its endpoints and of the checked ones.

    ``parts`` are the names of a region's AZs.
    """

    kind: str
    name: str
    title: str | None
    thresholds: Thresholds
    endpoints: tuple[str, ...]
    checked: tuple[str, ...]
    parts: tuple[str, ...] = ()


@dataclass(slots=True)
class PlannedTarget:
    """The name of the (first) check that asks for a target and the ids that rely on it."""

    check: str
    endpoints: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Plan:
    """All of it. ``availability_zones`` and ``regions`` are by name, in the order of the file."""

    endpoints: dict[str, PlannedEndpoint] = field(default_factory=dict)
    availability_zones: dict[str, PlannedGroup] = field(default_factory=dict)
    regions: dict[str, PlannedGroup] = field(default_factory=dict)
    targets: dict[TargetKey, PlannedTarget] = field(default_factory=dict)


def plan(configuration: Configuration) -> Plan:
    """What the configuration asks to be checked."""
    made = Plan()
    thresholds = configuration.services.health
    for region_name, region in configuration.topology.regions.items():
        in_region: list[PlannedEndpoint] = []
        for az_name, az in region.availability_zones.items():
            in_az = [
                _endpoint(made, configuration, service, endpoint, az_name, region_name)
                for service, endpoint in az.endpoints.items()
            ]
            made.availability_zones[az_name] = _group(
                "availability zone", az_name, az.title, thresholds.availability_zone, in_az
            )
            in_region += in_az
        made.regions[region_name] = _group(
            "region",
            region_name,
            region.title,
            thresholds.region,
            in_region,
            tuple(region.availability_zones),
        )
    return made


def _endpoint(
    made: Plan,
    configuration: Configuration,
    service: str,
    endpoint: Endpoint,
    az: str,
    region: str,
) -> PlannedEndpoint:
    settings = configuration.services.services.get(service)
    name = settings.check if settings else None
    check = configuration.services.checks[name] if name else None
    planned = PlannedEndpoint(
        f"{service}@{az}",
        service,
        endpoint,
        az,
        region,
        tuple(
            TargetKey(check, address)
            if check and f"ipv{address.version}" in check.families
            else None
            for address in endpoint.addresses
        ),
    )
    made.endpoints[planned.id] = planned
    for key in planned.targets:
        if key is not None:
            made.targets.setdefault(key, PlannedTarget(name or "")).endpoints.append(planned.id)
    return planned


def _group(
    kind: str,
    name: str,
    title: str | None,
    thresholds: Thresholds,
    endpoints: list[PlannedEndpoint],
    parts: tuple[str, ...] = (),
) -> PlannedGroup:
    return PlannedGroup(
        kind,
        name,
        title,
        thresholds,
        tuple(endpoint.id for endpoint in endpoints),
        tuple(endpoint.id for endpoint in endpoints if endpoint.checked),
        parts,
    )
