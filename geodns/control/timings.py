"""How often each check succeeded or failed, and how long its probes took."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, field

from geodns.health.probe import Observation

# Seconds. A probe over a good network takes milliseconds, the usual time limit is two seconds.
BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0)


@dataclass
class CheckTimings:
    """``buckets[i]`` counts the probes that took at most ``BOUNDS[i]``; the last one the rest."""

    ok: int = 0
    failed: int = 0
    total: float = 0.0
    buckets: list[int] = field(default_factory=lambda: [0] * (len(BOUNDS) + 1))

    def add(self, observation: Observation) -> None:
        """Count one finished probe."""
        self.ok += observation.ok
        self.failed += not observation.ok
        self.total += observation.duration
        self.buckets[bisect_left(BOUNDS, observation.duration)] += 1

    def copy(self) -> CheckTimings:
        """One that does not change any more."""
        return CheckTimings(self.ok, self.failed, self.total, list(self.buckets))
