"""Rules for what services need: other services that are checked in the same AZs, without a loop."""

from __future__ import annotations

from collections.abc import Iterator

from geodns.config.loops import way_back
from geodns.config.sources import PlacedEndpoint, Rule, Sources
from geodns.problem import Problem
from geodns.wording import did_you_mean


def undefined_need(sources: Sources) -> Iterator[Problem]:
    """The services that one needs are defined, each named once."""
    known = sources.service_names()
    for name, service in sources.services.settings.services.items():
        for index, needed in enumerate(service.needs):
            path = ("services", name, "needs", index)
            if needed not in known:
                yield sources.services.document.problem(
                    "undefined-service",
                    f"there is no service {needed!r}",
                    path,
                    hint=did_you_mean(needed, known),
                )
            elif needed in service.needs[:index]:
                yield sources.services.document.problem(
                    "repeated-need", f"{needed!r} is named twice", path
                )


def need_of_branches(sources: Sources) -> Iterator[Problem]:
    """Only endpoints can need each other, and a service with branches has none."""
    services = sources.services.settings.services
    for name, service in services.items():
        if service.needs and service.branches:
            yield sources.services.document.problem(
                "need-of-branches",
                f"the service {name!r} is made of branches, so it has no endpoints that could need "
                "others",
                ("services", name, "needs"),
                key=True,
                hint="give needs to its branches",
            )
        for index, needed in enumerate(service.needs):
            if needed in services and services[needed].branches:
                yield sources.services.document.problem(
                    "need-of-branches",
                    f"the service {needed!r} is made of branches, so it has no endpoints to be "
                    "needed",
                    ("services", name, "needs", index),
                    hint="name the branches that are needed: "
                    + ", ".join(services[needed].branches),
                )


def looping_needs(sources: Sources) -> Iterator[Problem]:
    """No service needs itself, however far down: once down, none of them would come up again."""
    services = sources.services.settings.services
    for name in services:
        loop = way_back(name, lambda at: services[at].needs if at in services else ())
        if loop is not None:
            yield sources.services.document.problem(
                "need-loop",
                f"{name!r} needs itself: {' → '.join(loop)}",
                ("services", name, "needs"),
            )


def need_elsewhere(sources: Sources) -> Iterator[Problem]:
    """What is needed is in the same AZ, else an endpoint there does without it."""
    if sources.topology.broken:
        return  # what is needed may stand in the part that could not be read
    endpoints = list(sources.endpoints())
    ids = {endpoint.id for endpoint in endpoints}
    for endpoint, needed in _needs(sources, endpoints):
        if f"{needed}@{endpoint.az}" not in ids:
            yield sources.topology.document.problem(
                "need-elsewhere",
                f"{endpoint.id} needs {needed!r}, which has no endpoint in {endpoint.az}, so that "
                "it does without",
                endpoint.path,
                key=True,
                severity="warning",
                hint=f"add {needed} to this availability zone",
            )


def unchecked_need(sources: Sources) -> Iterator[Problem]:
    """What has no check, and needs nothing itself, is never down."""
    services = sources.services.settings.services
    for name, service in services.items():
        for index, needed in enumerate(service.needs):
            other = services.get(needed)
            if other is None or other.branches or other.check or other.needs:
                continue
            if sources.services.sound(("services", needed)):
                yield sources.services.document.problem(
                    "unchecked-need",
                    f"{needed!r} has no check, so that it is never down for {name!r}",
                    ("services", name, "needs", index),
                    severity="warning",
                    hint=f"give {needed} a check",
                )


def _needs(
    sources: Sources, endpoints: list[PlacedEndpoint]
) -> Iterator[tuple[PlacedEndpoint, str]]:
    """Each endpoint with each of the services that it needs, as far as these are sound."""
    services = sources.services.settings.services
    for endpoint in endpoints:
        service = services.get(endpoint.service)
        for needed in dict.fromkeys(service.needs if service else ()):
            if needed in services and not services[needed].branches:
                yield endpoint, needed


NEEDS_RULES: tuple[Rule, ...] = (
    undefined_need,
    need_of_branches,
    looping_needs,
    need_elsewhere,
    unchecked_need,
)
