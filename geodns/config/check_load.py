"""Rules for load: watermarks in their order, and somebody who tells a load against a capacity."""

from __future__ import annotations

from collections.abc import Iterator

from geodns.config.settings import HttpCheck, Service
from geodns.config.sources import Rule, Sources
from geodns.problem import Problem


def crossed_watermarks(sources: Sources) -> Iterator[Problem]:
    """Between the watermarks there is room to fall."""
    for name, service in sources.services.settings.services.items():
        load = service.load
        if load is not None and load.low >= load.high:
            key = "low" if "low" in sources.services.names("services", name, "load") else "high"
            yield sources.services.document.problem(
                "crossed-watermarks",
                f"low ({load.low:.0%}) is not below high ({load.high:.0%})",
                ("services", name, "load", key),
                hint="write them as in low: 70%, high: 100%",
            )


def load_of_head(sources: Sources) -> Iterator[Problem]:
    """The answer to HEAD has no body that a path could lead into."""
    for name, check in sources.services.settings.checks.items():
        if not isinstance(check, HttpCheck) or check.load is None:
            continue
        if check.method == "HEAD" and check.load.json is not None:
            yield sources.services.document.problem(
                "load-of-head",
                f"{name!r} reads its load from a body, which the answer to HEAD never has",
                ("checks", name, "load", "json"),
                hint="use method: GET, or load: {header: NAME}",
            )


def load_without_capacity(sources: Sources) -> Iterator[Problem]:
    """What an endpoint reports means something only against its capacity."""
    for endpoint in sources.endpoints():
        service = sources.services.settings.services.get(endpoint.service)
        if service is None or endpoint.settings.capacity is not None:
            continue
        if service.load is not None and _sound(sources, endpoint.service):
            yield sources.topology.document.problem(
                "no-capacity",
                f"{endpoint.id} has no capacity, so that it never sheds load",
                endpoint.path,
                key=True,
                severity="warning",
                hint="add capacity: the load that it can take, in the unit that it reports",
            )


def nobody_tells_load(sources: Sources) -> Iterator[Problem]:
    """Watermarks need a report: by a check, or pushed over the admin socket."""
    if sources.server.settings.admin.socket is not None:
        return
    for name, service in sources.services.settings.services.items():
        if service.load is not None and _sound(sources, name) and not _tells(sources, service):
            yield sources.services.document.problem(
                "untold-load",
                f"nobody tells the load of {name!r}: its check has no load, and there is no "
                "admin.socket to push one over",
                ("services", name, "load"),
                key=True,
                severity="warning",
                hint="add load: {json: $.path} or {header: NAME} to its check",
            )


def _sound(sources: Sources, service: str) -> bool:
    return sources.services.sound(("services", service))


def _tells(sources: Sources, service: Service) -> bool:
    check = sources.services.settings.checks.get(service.check or "")
    return isinstance(check, HttpCheck) and check.load is not None


LOAD_RULES: tuple[Rule, ...] = (
    crossed_watermarks,
    load_of_head,
    load_without_capacity,
    nobody_tells_load,
)
