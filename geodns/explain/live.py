"""Asks the running server how available its endpoints are, and waits a moment for it at most."""

from __future__ import annotations

from ipaddress import ip_address
from math import inf
from threading import Thread
from typing import Any

from geodns.config.settings import Admin
from geodns.control.client import NoServerError, ask
from geodns.errors import GeodnsError
from geodns.explain.explanation import HealthFinding
from geodns.health.availability import EndpointAvailability

PATIENCE = 1.0
"""Seconds until a server that does not answer counts as not running."""

_PATH = "/v1/availability"

Known = dict[str, EndpointAvailability]


class _NotUnderstoodError(GeodnsError):
    """What answers is something else than this program, or of another version."""


def ask_server(admin: Admin, patience: float = PATIENCE) -> tuple[Known | None, HealthFinding]:
    """The endpoints by id, as the server of this configuration has them.

    None, with the reason, where no server answers within ``patience`` seconds.
    """
    found: list[Known] = []
    failures: list[GeodnsError] = []

    def run() -> None:
        try:
            found.append(parse_availability(ask(admin, _PATH)))
        except GeodnsError as error:
            failures.append(error)

    # In a thread: each of the client's steps may take its time, and what matters here is the sum.
    asking = Thread(target=run, daemon=True)
    asking.start()
    asking.join(patience)
    if found:
        return found[0], HealthFinding("live", "live: the availability that the server has now")
    if not failures:
        return None, _assumed("the server does not answer")
    if isinstance(failures[0], NoServerError):
        return None, _assumed("no server is running")
    return None, _assumed(str(failures[0]))


def assumed_up() -> HealthFinding:
    """What is said when no server was to be asked."""
    return _assumed("the server was not asked")


def parse_availability(data: Any) -> Known:
    """The endpoints of ``GET /v1/availability``. Raises GeodnsError where it is something else."""
    try:
        return {
            str(id): EndpointAvailability(
                float(entry["availability"]),
                tuple(bool(flag) for flag in entry["addresses"]),
                str(entry["reason"]),
                frozenset(ip_address(text).packed for text in entry["failing"]),
                float(entry.get("factor", 1.0)),
                inf if entry.get("steady") is None else float(entry["steady"]),
            )
            for id, entry in data["endpoints"].items()
        }
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise _NotUnderstoodError("the server's answer is not understood") from error


def _assumed(why: str) -> HealthFinding:
    return HealthFinding("assumed", f"{why}: everything is taken as available")
