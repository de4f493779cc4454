"""Adds up what workers count, so that the sums outlive the workers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol


class Counts(Protocol):
    """What one worker has counted since it started.

    ``queries`` by (transport, type, rcode), ``answers`` by (service, region, AZ, reason),
    ``dropped`` datagrams by reason; ``connections`` is the number of open TCP connections.
    """

    @property
    def queries(self) -> Mapping[tuple[str, str, str], int]: ...
    @property
    def answers(self) -> Mapping[tuple[str, str, str, str], int]: ...
    @property
    def dropped(self) -> Mapping[str, int]: ...
    @property
    def connections(self) -> int: ...


@dataclass
class Totals:
    """A sum of counts."""

    queries: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    answers: Counter[tuple[str, str, str, str]] = field(default_factory=Counter)
    dropped: Counter[str] = field(default_factory=Counter)
    connections: int = 0

    def add(self, counts: Counts) -> None:
        """Add a living worker's counts."""
        self.add_ended(counts)
        self.connections += counts.connections

    def add_ended(self, counts: Counts) -> None:
        """Add the last counts of a worker that has ended; its connections have ended with it."""
        self.queries.update(counts.queries)
        self.answers.update(counts.answers)
        self.dropped.update(counts.dropped)
