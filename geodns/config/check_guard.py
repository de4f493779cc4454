"""Rules for the guard: its reference targets can be probed, and there are as many as needed."""

from __future__ import annotations

from collections.abc import Iterator

from geodns.config.probing import CombinedCheck, PushCheck
from geodns.config.sources import Rule, Sources
from geodns.problem import Problem
from geodns.wording import did_you_mean


def unprobed_reference(sources: Sources) -> Iterator[Problem]:
    """A reference's check is defined, and probes by itself."""
    services = sources.services
    known = services.names("checks")
    for index, reference in enumerate(services.settings.health.guard.references):
        path = ("health", "guard", "references", index, "check")
        check = services.settings.checks.get(reference.check)
        if reference.check not in known:
            yield services.document.problem(
                "undefined-check",
                f"the check {reference.check!r} is not defined",
                path,
                hint=did_you_mean(reference.check, known),
            )
        elif isinstance(check, PushCheck | CombinedCheck):
            yield services.document.problem(
                "unprobed-reference",
                f"{reference.check!r} is of type {check.type}, which probes nothing itself",
                path,
                hint="name a check that connects, as of type tcp",
            )


def unreachable_references(sources: Sources) -> Iterator[Problem]:
    """There are as many reference targets as must answer."""
    guard = sources.services.settings.health.guard
    having = sum(len(set(reference.addresses)) for reference in guard.references)
    if guard.references and guard.references_needed > having:
        yield sources.services.document.problem(
            "unreachable-references",
            f"there are {having} reference targets, so {guard.references_needed} never answer",
            ("health", "guard", "references_needed"),
        )


GUARD_RULES: tuple[Rule, ...] = (unprobed_reference, unreachable_references)
