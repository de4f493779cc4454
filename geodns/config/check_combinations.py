"""Rules for checks made of others: every part is defined, and none contains itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from geodns.config.loops import way_back
from geodns.config.probing import Check, CombinedCheck
from geodns.config.sources import Rule, Sources
from geodns.problem import Problem
from geodns.wording import did_you_mean


def undefined_part(sources: Sources) -> Iterator[Problem]:
    """The checks that a combination names are defined, each named once."""
    known = sources.services.names("checks")
    for name, check in sources.services.settings.checks.items():
        if not isinstance(check, CombinedCheck):
            continue
        for index, part in enumerate(check.checks):
            path = ("checks", name, "checks", index)
            if part not in known:
                yield sources.services.document.problem(
                    "undefined-check",
                    f"the check {part!r} is not defined",
                    path,
                    hint=did_you_mean(part, known),
                )
            elif part in check.checks[:index]:
                yield sources.services.document.problem(
                    "repeated-check", f"{part!r} is named twice", path
                )


def looping_combination(sources: Sources) -> Iterator[Problem]:
    """No combination is made of itself, however far down."""
    checks = sources.services.settings.checks
    for name in checks:
        loop = way_back(name, lambda at: _parts(at, checks))
        if loop is not None:
            yield sources.services.document.problem(
                "check-loop",
                f"{name!r} is made of itself: {' → '.join(loop)}",
                ("checks", name, "checks"),
            )


def _parts(name: str, checks: Mapping[str, Check]) -> tuple[str, ...]:
    check = checks.get(name)
    return check.checks if isinstance(check, CombinedCheck) else ()


def narrower_part(sources: Sources) -> Iterator[Problem]:
    """Every part can judge each address that the combination is for."""
    checks = sources.services.settings.checks
    for name, check in checks.items():
        for index, part in enumerate(_parts(name, checks)):
            lacks = [
                family
                for family in check.families
                if part in checks and family not in checks[part].families
            ]
            if lacks:
                yield sources.services.document.problem(
                    "families-of-part",
                    f"{part!r} is not for {' and '.join(lacks)}, which {name!r} is for",
                    ("checks", name, "checks", index),
                    hint="give both the same families",
                )


COMBINATION_RULES: tuple[Rule, ...] = (undefined_part, looping_combination, narrower_part)
