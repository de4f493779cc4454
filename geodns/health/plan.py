"""What a configuration asks to be checked: targets, endpoints that rely on them, their groups."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from geodns.config.probing import CombinedCheck
from geodns.config.settings import (
    Address,
    AvailabilityZone,
    Check,
    Configuration,
    Endpoint,
    PoolEndpoint,
    Service,
    Thresholds,
    with_branches,
)

_NEVER = Thresholds(withdraw_below=0.0, restore_above=0.0, hold=0.0)


class TargetKey(NamedTuple):
    """A distinct target. Checks with equal settings are one, whatever their names."""

    check: Check
    address: Address


class PlannedEndpoint(NamedTuple):
    """An endpoint and, for each of its addresses, the target that watches it (None: no probe).

    ``needs`` are the endpoints of the same AZ that it is down without.
    """

    id: str
    service: str
    endpoint: Endpoint
    availability_zone: str
    region: str
    targets: tuple[TargetKey | None, ...]
    needs: tuple[str, ...] = ()

    @property
    def checked(self) -> bool:
        """Whether any of its addresses is probed."""
        return any(self.targets)


@dataclass(frozen=True, slots=True)
class PlannedGroup:
    """An AZ or a region, with the ids of all of its endpoints and of the checked ones.

    ``kind`` is what it is, in words: a pool stands where an AZ does, and a dynamic record where a
    region does. ``parts`` are the names of a region's AZs.
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
    """The name of the (first) check that asks for a target and the ids that rely on it.

    ``parts`` are, for a combination, the checks that it is made of, by name. ``decides`` is False
    for a target that is only a part. ``reference``: it tells whether the prober reaches anything.
    """

    check: str
    endpoints: list[str] = field(default_factory=list)
    parts: tuple[tuple[str, TargetKey], ...] = ()
    decides: bool = False
    reference: bool = False


@dataclass(slots=True)
class Plan:
    """All of it. ``availability_zones`` and ``regions`` are by name, in the order of the file.

    ``timed`` are the ids of endpoints in answers whose TTL follows health.
    """

    endpoints: dict[str, PlannedEndpoint] = field(default_factory=dict)
    availability_zones: dict[str, PlannedGroup] = field(default_factory=dict)
    regions: dict[str, PlannedGroup] = field(default_factory=dict)
    targets: dict[TargetKey, PlannedTarget] = field(default_factory=dict)
    timed: frozenset[str] = frozenset()


def wholes(plan: Plan) -> dict[TargetKey, list[TargetKey]]:
    """For each part of a combination, the combinations that it is a part of."""
    found: dict[TargetKey, list[TargetKey]] = {}
    for key, target in plan.targets.items():
        for part in dict.fromkeys(part for _, part in target.parts):
            found.setdefault(part, []).append(key)
    return found


def plan(configuration: Configuration) -> Plan:
    """What the configuration asks to be checked."""
    made = Plan()
    thresholds = configuration.services.health
    for region_name, region in configuration.topology.regions.items():
        in_region: list[PlannedEndpoint] = []
        for az_name, az in region.availability_zones.items():
            in_az = [
                _endpoint(made, configuration, service, az, az_name, region_name)
                for service in az.endpoints
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
    for service, endpoints in configuration.pools.items():
        _dynamic_record(made, configuration, service, endpoints)
    for reference in thresholds.guard.references:
        check = configuration.services.checks[reference.check]
        for address in reference.addresses:
            target = PlannedTarget(reference.check)
            made.targets.setdefault(TargetKey(check, address), target).reference = True
    made.timed = _timed(made, configuration.services.services)
    return made


def _timed(made: Plan, services: Mapping[str, Service]) -> frozenset[str]:
    following = [name for name, service in services.items() if service.least_ttl is not None]
    whole = frozenset(with_branches(services, *following))
    return frozenset(id for id, each in made.endpoints.items() if each.service in whole)


def _dynamic_record(
    made: Plan, configuration: Configuration, service: str, endpoints: Iterable[PoolEndpoint]
) -> None:
    """A record is a group of pools, and these of values, so that each of them can be drained.

    No share of them ever withdraws the rest: what follows on a pool that fails is its fallback.
    """
    pools: dict[str, list[PlannedEndpoint]] = {}
    for each in endpoints:
        name = configuration.services.services[service].check if each.checked else None
        planned = PlannedEndpoint(
            each.id,
            service,
            each.settings,
            each.group,
            service,
            _targets(configuration, name, each.settings),
        )
        _add(made, configuration, name, planned)
        pools.setdefault(each.group, []).append(planned)
    for group, values in pools.items():
        made.availability_zones[group] = _group("pool", group, None, _NEVER, values)
    every = [planned for values in pools.values() for planned in values]
    made.regions[service] = _group("dynamic record", service, None, _NEVER, every, tuple(pools))


def _endpoint(
    made: Plan,
    configuration: Configuration,
    service: str,
    within: AvailabilityZone,
    az: str,
    region: str,
) -> PlannedEndpoint:
    endpoint = within.endpoints[service]
    settings = configuration.services.services.get(service)
    needs = settings.needs if settings else ()
    name = settings.check if settings else None
    planned = PlannedEndpoint(
        f"{service}@{az}",
        service,
        endpoint,
        az,
        region,
        _targets(configuration, name, endpoint),
        tuple(f"{needed}@{az}" for needed in needs if needed in within.endpoints),
    )
    _add(made, configuration, name, planned)
    return planned


def _targets(
    configuration: Configuration, name: str | None, endpoint: Endpoint
) -> tuple[TargetKey | None, ...]:
    check = configuration.services.checks[name] if name else None
    return tuple(
        TargetKey(check, address) if check and f"ipv{address.version}" in check.families else None
        for address in endpoint.addresses
    )


def _add(
    made: Plan, configuration: Configuration, name: str | None, planned: PlannedEndpoint
) -> None:
    made.endpoints[planned.id] = planned
    for key in planned.targets:
        if key is not None:
            _target(made, configuration, name or "", key, planned.id).decides = True


def _target(
    made: Plan, configuration: Configuration, name: str, key: TargetKey, endpoint: str
) -> PlannedTarget:
    """The target of this key, which the endpoint relies on; before it, those that it is made of."""
    parts = []
    if isinstance(key.check, CombinedCheck):
        for part in key.check.checks:
            made_of = TargetKey(configuration.services.checks[part], key.address)
            _target(made, configuration, part, made_of, endpoint)
            parts.append((part, made_of))
    target = made.targets.setdefault(key, PlannedTarget(name, parts=tuple(parts)))
    if endpoint not in target.endpoints[-1:]:
        target.endpoints.append(endpoint)
    return target


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
