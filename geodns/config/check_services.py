"""Rules for services, checks and thresholds: what they refer to, and figures that fit together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from geodns.config.check_combinations import COMBINATION_RULES
from geodns.config.check_load import LOAD_RULES
from geodns.config.check_needs import NEEDS_RULES
from geodns.config.settings import HttpCheck, with_branches
from geodns.config.sources import Rule, Sources
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


def slow_timeout(sources: Sources) -> Iterator[Problem]:
    """A probe that may last longer than the interval delays the next one, and the verdict."""
    for name, check in sources.services.settings.checks.items():
        if check.timeout > check.interval:
            written = sources.services.names("checks", name)
            key = "timeout" if "timeout" in written else "interval"
            yield sources.services.document.problem(
                "timeout-over-interval",
                f"the timeout of {check.timeout:g} s is longer than the interval of "
                f"{check.interval:g} s, so a probe that fails delays the next one",
                ("checks", name, key),
                severity="warning",
            )


def unnamed_certificate(sources: Sources) -> Iterator[Problem]:
    """RFC 9110 4.3.4: a certificate is verified against the host of the request."""
    for name, check in sources.services.settings.checks.items():
        if (
            isinstance(check, HttpCheck)
            and check.type == "https"
            and not (check.host or check.server_name or not check.verify)
        ):
            yield sources.services.document.problem(
                "https-without-host",
                f"{name!r} has no host, so that a certificate must hold the endpoint's address",
                ("checks", name),
                key=True,
                severity="warning",
                hint="add host: with the name that the certificates are for",
            )


def idle_tls_settings(sources: Sources) -> Iterator[Problem]:
    """Authorities are of no use without TLS."""
    for name, check in sources.services.settings.checks.items():
        if (
            isinstance(check, HttpCheck)
            and check.type == "http"
            and check.ca is not None
            and not check.redirects
        ):
            yield sources.services.document.problem(
                "ca-without-https",
                f"{name!r} is of type http, which verifies no certificate",
                ("checks", name, "ca"),
                severity="warning",
                hint="set type: https, or leave ca out",
            )


def body_of_head(sources: Sources) -> Iterator[Problem]:
    """RFC 9110 9.3.2: the answer to HEAD has no content, so that such a check always fails."""
    for name, check in sources.services.settings.checks.items():
        if (
            isinstance(check, HttpCheck)
            and check.method == "HEAD"
            and (check.expect.body or check.expect.matches)
        ):
            key = "body" if check.expect.body else "matches"
            yield sources.services.document.problem(
                "body-of-head",
                f"{name!r} expects a body, which the answer to HEAD never has",
                ("checks", name, "expect", key),
                hint=f"use method: GET, or leave expect.{key} out",
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


SERVICES_RULES: tuple[Rule, ...] = (
    undefined_check,
    slow_timeout,
    unnamed_certificate,
    idle_tls_settings,
    body_of_head,
    crossed_thresholds,
    unreachable_minimum,
    *COMBINATION_RULES,
    *LOAD_RULES,
    *NEEDS_RULES,
)
