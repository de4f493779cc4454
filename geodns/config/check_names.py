"""Rules for the names that people choose: an ID can be typed, and read back from a metric."""

from __future__ import annotations

import re
from collections.abc import Iterator

from geodns.config.settings import Services, Topology
from geodns.config.source import Source
from geodns.config.sources import Rule, Sources
from geodns.problem import Problem
from geodns.yamlfile import Keys

_NAME = re.compile(r"[A-Za-z0-9._-]+", re.ASCII)


def bad_names(sources: Sources) -> Iterator[Problem]:
    """``@`` separates service and AZ in an ID; space, comma and slash separate IDs elsewhere."""
    topology, services = sources.topology, sources.services
    for region in topology.names("regions"):
        yield from _bad(topology, "region", ("regions", region))
        for az in topology.names("regions", region, "availability_zones"):
            path = ("regions", region, "availability_zones", az)
            yield from _bad(topology, "availability zone", path)
    for service in services.names("services"):
        yield from _bad(services, "service", ("services", service))
    for check in services.names("checks"):
        yield from _bad(services, "check", ("checks", check))


def _bad(source: Source[Topology] | Source[Services], what: str, path: Keys) -> Iterator[Problem]:
    name = str(path[-1])
    if _NAME.fullmatch(name) is None:
        yield source.document.problem(
            "bad-name",
            f"{name!r} can't be the name of a {what}"
            if what != "availability zone"
            else f"{name!r} can't be the name of an {what}",
            path,
            key=True,
            hint="use letters, digits, dots, hyphens and underscores",
        )


NAME_RULES: tuple[Rule, ...] = (bad_names,)
