"""What was measured, and what follows from it: medians, ratios, expectations. Pure."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

GDNSD_LIMIT = 2.0  # at most this many times gdnsd's CPU per query
POWERDNS_LIMIT = 0.5  # at most this part of PowerDNS's
_SATURATED = 0.95  # of one CPU: below, the load generator was the limit


@dataclass(frozen=True)
class Sample:
    """One run of the load against one server. CPU is the server's, in seconds."""

    answered: int
    lost: int
    seconds: float
    cpu_seconds: float


@dataclass(frozen=True)
class Row:
    """One server in one scenario: its samples, or the reason why there are none."""

    server: str
    setup: str
    scenario: str
    samples: tuple[Sample, ...] = ()
    left_out: str | None = None

    @property
    def name(self) -> str:
        """The server with its set-up."""
        return f"{self.server} ({self.setup})" if self.setup else self.server

    @property
    def cpu(self) -> tuple[float, float, float]:
        """CPU per answered query in microseconds: median, least, most."""
        each = [1e6 * sample.cpu_seconds / sample.answered for sample in self.samples]
        return statistics.median(each), min(each), max(each)

    @property
    def rate(self) -> float:
        """Answered queries per second, median."""
        return statistics.median(sample.answered / sample.seconds for sample in self.samples)

    @property
    def busy(self) -> float:
        """The part of its CPU that the server used, median."""
        return statistics.median(sample.cpu_seconds / sample.seconds for sample in self.samples)

    @property
    def saturated(self) -> bool:
        """Whether the server, not the load generator, was the limit of ``rate``."""
        return self.busy >= _SATURATED

    @property
    def lost(self) -> int:
        """Queries without an answer, in all samples."""
        return sum(sample.lost for sample in self.samples)


def ratio(row: Row, rows: Iterable[Row], server: str) -> float | None:
    """The row's CPU per query relative to another server's in the same scenario; None: not both."""
    for other in rows:
        if other.server == server and other.scenario == row.scenario:
            if row.samples and other.samples:
                return row.cpu[0] / other.cpu[0]
            return None
    return None


@dataclass(frozen=True)
class Verdict:
    """One expectation in one scenario; ``measured`` is None where a side was not measured."""

    scenario: str
    peer: str
    limit: float
    measured: float | None

    @property
    def met(self) -> bool | None:
        """None: not measured."""
        return None if self.measured is None else self.measured <= self.limit


def verdicts(rows: Sequence[Row], server: str = "geodns") -> list[Verdict]:
    """The expectations of this server against gdnsd and PowerDNS, scenario by scenario."""
    return [
        Verdict(row.scenario, peer, limit, ratio(row, rows, peer))
        for row in rows
        if row.server == server
        for peer, limit in (("gdnsd", GDNSD_LIMIT), ("PowerDNS", POWERDNS_LIMIT))
    ]
