"""Rules for the age of latency tables."""

from __future__ import annotations

from collections.abc import Iterator

from geodns.config.sources import Rule, Sources
from geodns.problem import Problem


def crossed_ages(sources: Sources) -> Iterator[Problem]:
    """A figure is warned of before it is dropped."""
    age = sources.server.settings.latency_age
    if age.drop and age.warn > age.drop:
        written = sources.server.names("latency_age")
        yield sources.server.document.problem(
            "crossed-ages",
            f"figures are dropped after {age.drop / 86_400:g} days, before they are warned of "
            f"after {age.warn / 86_400:g}",
            ("latency_age", "drop" if "drop" in written else "warn"),
            hint="warn must not be above drop",
        )


LATENCY_RULES: tuple[Rule, ...] = (crossed_ages,)
