"""Reports of health from outside: what is told, and of which targets."""

from __future__ import annotations

from typing import NamedTuple

from geodns.config.probing import PushCheck
from geodns.config.values import Address
from geodns.errors import GeodnsError
from geodns.health.plan import Plan, TargetKey
from geodns.health.probe import printable


class ToldError(GeodnsError):
    """Nothing that could be told so."""


class HealthReport(NamedTuple):
    """Whether an endpoint serves, and why; of one ``address``, or of all (None).

    ``load`` is in the endpoint's unit; None: it isn't told.
    """

    up: bool
    reason: str = ""
    address: Address | None = None
    load: float | None = None

    @property
    def words(self) -> str:
        """One short sentence, safe to print."""
        state = "up" if self.up else "down"
        return printable(f"reported {state}: {self.reason}" if self.reason else f"reported {state}")


def no_endpoint(endpoint: str) -> str:
    """What is wrong with an id that no endpoint has."""
    return f"there is no endpoint {endpoint!r}; write service@az"


def not_told(endpoint: str) -> str:
    """What is wrong with a report about an endpoint whose check is another."""
    return f"{endpoint} has no check of type push; give its service one, or drain or force it"


def told_targets(plan: Plan, endpoint: str, report: HealthReport) -> list[TargetKey]:
    """The targets that a report about an endpoint is for, at least one. Raises ToldError."""
    if endpoint not in plan.endpoints:
        raise ToldError(no_endpoint(endpoint))
    addresses = plan.endpoints[endpoint].endpoint.addresses
    if report.address is not None and report.address not in addresses:
        raise ToldError(f"{endpoint} has no address {report.address}")
    found, left = [], [key for key in plan.endpoints[endpoint].targets if key is not None]
    while left:
        key = left.pop()
        left += [part for _, part in plan.targets[key].parts]
        if isinstance(key.check, PushCheck) and report.address in {None, key.address}:
            found.append(key)
    if not found:
        raise ToldError(not_told(endpoint))
    return list(dict.fromkeys(found))
