"""Puts verdicts, targets and reasons together into one Status."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from math import isfinite

from geodns.health.availability import Availability
from geodns.health.guarding import Guarding
from geodns.health.judge import Judge, Standing
from geodns.health.plan import Plan, TargetKey
from geodns.health.status import (
    AvailabilityZoneStatus,
    EndpointStatus,
    GroupVerdict,
    GuardStatus,
    LoadStatus,
    RegionStatus,
    Status,
    TargetStatus,
)
from geodns.health.target import Target

Loaded = Callable[[str], LoadStatus]


def report(
    judge: Judge,
    targets: Mapping[TargetKey, Target],
    availability: Availability,
    wall: float,
    load: Loaded = lambda _id: LoadStatus(),
    guarding: Guarding | None = None,
) -> Status:
    """The state of everything at ``wall``, in seconds since 1970; ``load`` is by endpoint."""
    return Status(
        wall,
        availability.generation,
        tuple(_region(name, judge, availability, wall, load) for name in judge.plan.regions),
        tuple(_target(target, judge.plan, guarding) for target in targets.values()),
        replace(
            guarding.status() if guarding else GuardStatus(), waiting=len(judge.keeping.waiting())
        ),
    )


def _region(
    name: str, judge: Judge, availability: Availability, wall: float, load: Loaded
) -> RegionStatus:
    planned = judge.plan.regions[name]
    standing = judge.regions.get(name)
    return RegionStatus(
        name,
        planned.title,
        *_standing(standing, wall),
        tuple(_zone(part, judge, availability, wall, load) for part in planned.parts),
    )


def _zone(
    name: str, judge: Judge, availability: Availability, wall: float, load: Loaded
) -> AvailabilityZoneStatus:
    planned = judge.plan.availability_zones[name]
    return AvailabilityZoneStatus(
        name,
        planned.title,
        *_standing(judge.availability_zones.get(name), wall),
        tuple(_endpoint(id, judge, availability, load) for id in planned.endpoints),
    )


def _standing(
    standing: Standing | None, wall: float
) -> tuple[GroupVerdict, float, str, float, int]:
    if standing is None:  # it has no endpoint, so nothing ever judged it
        return "in service", wall, "it has no endpoint", 1.0, 0
    group = standing.group
    state: GroupVerdict = "in service" if group.in_service else "withdrawn"
    return state, standing.since, standing.reason, group.share, group.checked


def _endpoint(id: str, judge: Judge, availability: Availability, load: Loaded) -> EndpointStatus:
    planned = judge.plan.endpoints[id]
    verdict, since = judge.endpoints[id]
    current = availability.endpoints[id]
    return EndpointStatus(
        id,
        planned.service,
        verdict.state,
        since,
        current.availability,
        current.reason,
        tuple(zip(map(str, planned.endpoint.addresses), current.addresses, strict=True)),
        planned.endpoint.cname,
        load(id),
        current.steady if isfinite(current.steady) else None,
        judge.keeping.keeps(id),
    )


def _target(target: Target, plan: Plan, guarding: Guarding | None) -> TargetStatus:
    last = target.last
    endpoints = plan.endpoints
    return TargetStatus(
        target.name,
        target.key.check.type,
        str(target.key.address),
        target.machine.state.value,
        target.machine.since,
        last.ok if last else None,
        target.checked,
        last.duration if last else None,
        target.detail,
        target.endpoints,
        target.expires,
        target.expires_soon,
        guarding is not None and guarding.keeps(target.key),
        plan.targets[target.key].reference,
        tuple(id for id in target.endpoints if target.key not in endpoints[id].targets),
    )
