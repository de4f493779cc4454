"""Rules for steering: what chains and branches refer to, and what fits together."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from geodns.config.settings import Service
from geodns.config.sources import Rule, Sources
from geodns.config.steering import Failover, PlanFilter, Preset, Stage, names_in
from geodns.problem import Problem
from geodns.wording import did_you_mean
from geodns.yamlfile import Keys

_PLACED = ("latency", "nearest", "geoproximity", "cost")
"""Filters that go by where a region is, or what it costs: a branch has neither."""


def undefined_place(sources: Sources) -> Iterator[Problem]:
    """What steering names exists: regions and AZs, or the branches of a service that has some."""
    if not sources.topology.readable:
        return
    places = dict.fromkeys([*sources.region_names(), *sources.az_names()])
    for name, service in sources.services.settings.services.items():
        known: Collection[str] = service.branches or places
        what = "branch" if service.branches else "region or availability zone"
        for place, path, key in _names(name, service):
            if place not in known:
                yield sources.services.document.problem(
                    "undefined-branch" if service.branches else "undefined-region",
                    f"there is no {what} {place!r}",
                    _written(sources, path),
                    key=key,
                    hint=did_you_mean(place, known),
                )


def repeated_in_order(sources: Sources) -> Iterator[Problem]:
    """A failover order names each region and AZ once."""
    for name, service in sources.services.settings.services.items():
        for stage, path in stages_of(name, service):
            if not isinstance(stage.options, Failover):
                continue
            seen: set[str] = set()
            for index, place in enumerate(stage.options.order):
                if place in seen:
                    yield sources.services.document.problem(
                        "repeated-in-order",
                        f"{place!r} stands in this order twice",
                        (*path, "failover", "order", index),
                    )
                seen.add(place)


def undefined_branch(sources: Sources) -> Iterator[Problem]:
    """A branch is a service, and a service with branches has no endpoints of its own."""
    known = sources.service_names()
    document = sources.services.document
    for name, service in sources.services.settings.services.items():
        for index, branch in enumerate(service.branches):
            if branch not in known:
                yield document.problem(
                    "undefined-service",
                    f"there is no service {branch!r}",
                    _branch_path(sources, name, branch, index),
                    key=not _is_list(sources, name),
                    hint=did_you_mean(branch, known),
                )
        for endpoint in sources.endpoints() if service.branches else ():
            if endpoint.service != name:
                continue
            yield sources.topology.document.problem(
                "endpoint-of-branches",
                f"the service {name!r} is made of branches, so it has no endpoints of its own",
                endpoint.path,
                key=True,
                hint="make it an endpoint of one of the branches",
            )


def branch_loop(sources: Sources) -> Iterator[Problem]:
    """No service is a branch of itself, however far down."""
    services = sources.services.settings.services
    for name, service in services.items():
        for index, branch in enumerate(service.branches):
            if name in sources.with_branches([branch]):
                way = f"{name} > {branch}" + (f" > ... > {name}" if branch != name else "")
                yield sources.services.document.problem(
                    "branch-loop",
                    f"the branch {branch!r} leads back to {name!r}: {way}",
                    _branch_path(sources, name, branch, index),
                    key=not _is_list(sources, name),
                )


def placeless_branch(sources: Sources) -> Iterator[Problem]:
    """Branches can't be ranked by place: they are services, which are in many places."""
    for name, service in sources.services.settings.services.items():
        for stage, path in stages_of(name, service):
            if service.branches and stage.name in _PLACED:
                yield sources.services.document.problem(
                    "placeless-branch",
                    f"{stage.name} can't rank branches, which are in no one place",
                    path,
                    hint="rank them by failover, weighted, geo, subnet, prefer or priority; "
                    f"inside a branch, {stage.name} may be used",
                )


def plan_behind_sort(sources: Sources) -> Iterator[Problem]:
    """A plan shares out tiers, so it comes before what leaves each region a tier of its own."""
    for name, service in sources.services.settings.services.items():
        sorting: str | None = None
        for stage, path in stages_of(name, service):
            if isinstance(stage.options, PlanFilter) and sorting is not None:
                yield sources.services.document.problem(
                    "plan-behind-sort",
                    f"{sorting} leaves no two regions equal, so the plan has nothing to share",
                    path,
                    severity="warning",
                    hint=f"put plan before {sorting}",
                )
            if getattr(stage.options, "within", 0) is None or isinstance(stage.options, Failover):
                sorting = sorting or stage.name


def _names(name: str, service: Service) -> Iterator[tuple[str, Keys, bool]]:
    for stage, path in stages_of(name, service):
        for place, within, key in names_in(stage):
            yield place, (*path, *within), key


def stages_of(name: str, service: Service) -> Iterator[tuple[Stage | Preset, Keys]]:
    """The stages of a service's chain, or its preset, each with its path in the services file."""
    path: Keys = ("services", name, "steering")
    if isinstance(service.steering, Preset):
        yield service.steering, path
        return
    for index, stage in enumerate(service.steering):
        yield stage, (*path, index)


def _written(sources: Sources, path: Keys) -> Keys:
    """Where a name stands, in a bare word as well as in a list of one."""
    return path if path in sources.services.document.values else path[:-1]


def _branch_path(sources: Sources, service: str, branch: str, index: int) -> Keys:
    return ("services", service, "branches", index if _is_list(sources, service) else branch)


def _is_list(sources: Sources, service: str) -> bool:
    return ("services", service, "branches", 0) in sources.services.document.values


STEERING_RULES: tuple[Rule, ...] = (
    undefined_place,
    repeated_in_order,
    undefined_branch,
    branch_loop,
    placeless_branch,
    plan_behind_sort,
)
