"""The reports of one endpoint: by check from each of its addresses, or pushed; which one holds."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from geodns.health.probe import SeenLoad


class Report(NamedTuple):
    """A load in the endpoint's unit. Times are on the monitor's scale; it holds until ``until``."""

    load: float
    at: float
    until: float


@dataclass(slots=True)
class Reports:
    """What is known; ``fault`` is why the last answer told no load, empty where it did."""

    by_address: dict[str, Report] = field(default_factory=dict)
    pushed: Report | None = None
    fault: str = ""

    def see(self, address: str, seen: SeenLoad, now: float, keep: float) -> bool:
        """Take what a check saw; whether it was a load."""
        self.fault = seen.fault
        if seen.load is not None:
            self.by_address[address] = Report(seen.load, now, now + keep)
        return seen.load is not None

    def push(self, load: float, now: float, seconds: float) -> None:
        """Take a pushed load; while it holds, it stands above those of checks."""
        self.pushed = Report(load, now, now + seconds)

    def expire(self, now: float) -> None:
        """Drop what holds no longer."""
        if self.pushed is not None and self.pushed.until <= now:
            self.pushed = None
        for address in [a for a, report in self.by_address.items() if report.until <= now]:
            del self.by_address[address]

    def current(self, combine: Literal["max", "sum"]) -> Report | None:
        """The report that holds; of several addresses, the load together and the latest time."""
        if self.pushed is not None or not self.by_address:
            return self.pushed
        reports = self.by_address.values()
        loads = [report.load for report in reports]
        return Report(
            sum(loads) if combine == "sum" else max(loads),
            max(report.at for report in reports),
            max(report.until for report in reports),
        )
