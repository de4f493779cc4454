"""Rules for services and verdicts: what they refer to, and figures that fit together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from geodns.config.check_combinations import COMBINATION_RULES
from geodns.config.check_guard import GUARD_RULES
from geodns.config.check_load import LOAD_RULES
from geodns.config.check_needs import NEEDS_RULES
from geodns.config.check_probing import PROBING_RULES
from geodns.config.settings import with_branches
from geodns.config.sources import Rule, Sources
from geodns.config.ttl import TtlRange
from geodns.health.flapping import Rules
from geodns.problem import Problem
from geodns.wording import did_you_mean


def undefined_check(sources: Sources) -> Iterator[Problem]:
    """A service's check is defined."""
    known = sources.services.names("checks")
    for name, service in sources.services.settings.services.items():
        if service.check is not None and service.check not in known:
            yield sources.services.document.problem(
                "undefined-check",
                f"the check {service.check!r} is not defined",
                ("services", name, "check"),
                hint=did_you_mean(service.check, known),
            )


def crossed_thresholds(sources: Sources) -> Iterator[Problem]:
    """What is restored must not be withdrawn again at once."""
    health = sources.services.settings.health
    for group, thresholds in (
        ("availability_zone", health.availability_zone),
        ("region", health.region),
    ):
        if thresholds.withdraw_below > thresholds.restore_above:
            yield sources.services.document.problem(
                "crossed-thresholds",
                f"withdraw_below ({thresholds.withdraw_below:.0%}) is above restore_above "
                f"({thresholds.restore_above:.0%})",
                ("health", group, "withdraw_below"),
                hint="restore_above must be at least withdraw_below",
            )


def crossed_penalties(sources: Sources) -> Iterator[Problem]:
    """RFC 2439 4.2: the reuse threshold is below the cutoff, or nothing is ever held out."""
    recovery = sources.services.settings.health.recovery
    if recovery.suppress is not None and recovery.reuse >= recovery.suppress:
        written = sources.services.names("health", "recovery")
        yield sources.services.document.problem(
            "crossed-penalties",
            f"reuse ({recovery.reuse:g}) is not below suppress ({recovery.suppress:g})",
            ("health", "recovery", "reuse" if "reuse" in written else "suppress"),
            hint="write them as in suppress: 3, reuse: 1",
        )


def unreachable_suppress(sources: Sources) -> Iterator[Problem]:
    """RFC 2439 4.2: the ceiling bounds penalties, and a cutoff above it suppresses nothing."""
    recovery = sources.services.settings.health.recovery
    rules = Rules(**recovery.model_dump())
    if rules.suppress is not None and rules.reuse < rules.suppress > rules.ceiling:
        yield sources.services.document.problem(
            "unreachable-suppress",
            f"no penalty reaches {rules.suppress:g}: more than {rules.ceiling:g} would take longer "
            f"than longest ({rules.longest:g}s) to decay to reuse ({rules.reuse:g})",
            ("health", "recovery", "suppress"),
            hint="lower suppress or half_life, or raise longest",
            severity="warning",
        )


def unreachable_minimum(sources: Sources) -> Iterator[Problem]:
    """A service has as many endpoints as must be available."""
    if not sources.topology.readable:
        return
    counts = Counter(endpoint.service for endpoint in sources.endpoints())
    services = sources.services.settings.services
    for name, service in services.items():
        least, having = service.min_available, sum(counts[n] for n in with_branches(services, name))
        if isinstance(least, int) and least > having:
            yield sources.services.document.problem(
                "unreachable-minimum",
                f"{name!r} has {having} endpoints, so {least} are never available",
                ("services", name, "min_available"),
                hint="write a smaller number, or a share as in 50%",
            )


def crossed_ttls(sources: Sources) -> Iterator[Problem]:
    """The shortest TTL is not longer than the longest."""
    for name, service in sources.services.settings.services.items():
        ttl = service.ttl
        if isinstance(ttl, TtlRange) and ttl.min > ttl.max:
            yield sources.services.document.problem(
                "crossed-ttls",
                f"min ({ttl.min:g} s) is above max ({ttl.max:g} s)",
                ("services", name, "ttl", "min"),
                hint="max must be at least min",
            )


SERVICES_RULES: tuple[Rule, ...] = (
    undefined_check,
    crossed_thresholds,
    crossed_penalties,
    unreachable_suppress,
    unreachable_minimum,
    crossed_ttls,
    *PROBING_RULES,
    *COMBINATION_RULES,
    *GUARD_RULES,
    *LOAD_RULES,
    *NEEDS_RULES,
)
