"""Rules for checks: what they ask can be done, and their times fit together."""

from __future__ import annotations

import ssl
from collections.abc import Iterator

from geodns.config.settings import HttpCheck
from geodns.config.sources import Rule, Sources
from geodns.health.kits.exec import ExecCheck, runnable
from geodns.health.kits.grpc import GrpcCheck
from geodns.health.kits.kit import ConnectingCheck, ProbingCheck, TlsSettings
from geodns.problem import Problem


def slow_timeout(sources: Sources) -> Iterator[Problem]:
    """A probe that may last longer than the interval delays the next one, and the verdict."""
    for name, check in sources.services.settings.checks.items():
        if not isinstance(check, ProbingCheck):
            continue
        key, interval = "interval", check.interval
        if check.timeout <= interval and check.fast_interval is not None:
            key, interval = "fast_interval", check.fast_interval
        if check.timeout > interval:
            written = sources.services.names("checks", name)
            yield sources.services.document.problem(
                f"timeout-over-{key.replace('_', '-')}",
                f"the timeout of {check.timeout:g} s is longer than the {key} of "
                f"{interval:g} s, so a probe that fails delays the next one",
                ("checks", name, "timeout" if "timeout" in written else key),
                severity="warning",
            )


def slow_haste(sources: Sources) -> Iterator[Problem]:
    """Where something is uncertain, probes come no more slowly than else."""
    for name, check in sources.services.settings.checks.items():
        if check.fast_interval is not None and check.fast_interval > check.interval:
            yield sources.services.document.problem(
                "slow-fast-interval",
                f"the fast_interval of {check.fast_interval:g} s is longer than the interval of "
                f"{check.interval:g} s",
                ("checks", name, "fast_interval"),
                hint="write a shorter one, or leave it out",
            )


def idle_connect_timeout(sources: Sources) -> Iterator[Problem]:
    """A limit for a part of the probe that is above the limit for all of it is never met."""
    for name, check in sources.services.settings.checks.items():
        if not isinstance(check, ConnectingCheck) or check.connect_timeout is None:
            continue
        if check.connect_timeout > check.timeout:
            yield sources.services.document.problem(
                "idle-connect-timeout",
                f"the connect_timeout of {check.connect_timeout:g} s is longer than the timeout of "
                f"{check.timeout:g} s, which is for the whole probe",
                ("checks", name, "connect_timeout"),
                severity="warning",
                hint="raise timeout, or leave connect_timeout out",
            )


def unnamed_certificate(sources: Sources) -> Iterator[Problem]:
    """RFC 9110 4.3.4: a certificate is verified against the host of the request."""
    for name, check in sources.services.settings.checks.items():
        if not isinstance(check, TlsSettings) or not _speaks_tls(check) or not check.verify:
            continue
        key = _naming(check)
        if not check.server_name and not getattr(check, key):
            yield sources.services.document.problem(
                "https-without-host" if isinstance(check, HttpCheck) else "tls-without-name",
                f"{name!r} has no {key}, so that a certificate must hold the endpoint's address",
                ("checks", name),
                key=True,
                severity="warning",
                hint=f"add {key}: with the name that the certificates are for",
            )


def idle_tls_settings(sources: Sources) -> Iterator[Problem]:
    """Authorities are of no use without TLS."""
    for name, check in sources.services.settings.checks.items():
        if isinstance(check, TlsSettings) and check.ca is not None and not _may_speak_tls(check):
            http = isinstance(check, HttpCheck)
            yield sources.services.document.problem(
                "ca-without-https" if http else "ca-without-tls",
                f"{name!r} speaks no TLS, so that it verifies no certificate",
                ("checks", name, "ca"),
                severity="warning",
                hint=f"set {'type: https' if http else 'tls: true'}, or leave ca out",
            )


def unusable_authorities(sources: Sources) -> Iterator[Problem]:
    """The file of authorities holds certificates. One that is missing is found with other files."""
    for name, check in sources.services.settings.checks.items():
        if not isinstance(check, TlsSettings) or not (check.ca and check.verify):
            continue
        if not _may_speak_tls(check):
            continue
        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(check.ca)
        except ssl.SSLError:
            yield sources.services.document.problem(
                "unusable-authorities",
                f"{check.ca} holds no certificates in PEM",
                ("checks", name, "ca"),
            )
        except (OSError, ValueError):  # no such file, or one for the server's user alone
            continue


def program_not_runnable(sources: Sources) -> Iterator[Problem]:
    """A program that can't be run judges nobody: its endpoints stay unknown."""
    for name, check in sources.services.settings.checks.items():
        reason = runnable(check.command) if isinstance(check, ExecCheck) else None
        if reason is not None:
            yield sources.services.document.problem(
                "program-not-runnable",
                f"{reason}, so that {name!r} judges nobody",
                ("checks", name, "command", 0),
                severity="warning",
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


def _speaks_tls(check: TlsSettings) -> bool:
    if isinstance(check, HttpCheck):
        return check.type == "https"
    return check.tls if isinstance(check, GrpcCheck) else True


def _may_speak_tls(check: TlsSettings) -> bool:
    """Also where a redirect may lead there."""
    return _speaks_tls(check) or (isinstance(check, HttpCheck) and check.redirects > 0)


def _naming(check: TlsSettings) -> str:
    """The setting that names the other side where there is no ``server_name``."""
    if isinstance(check, HttpCheck):
        return "host"
    return "authority" if isinstance(check, GrpcCheck) else "server_name"


PROBING_RULES: tuple[Rule, ...] = (
    slow_timeout,
    slow_haste,
    idle_connect_timeout,
    unnamed_certificate,
    idle_tls_settings,
    unusable_authorities,
    program_not_runnable,
    body_of_head,
)
