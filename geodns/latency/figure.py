"""A latency table as it was read: rows of figures, each with what is known of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import NamedTuple

from geodns.latency.estimate import Estimate
from geodns.problem import Problem


class Figure(NamedTuple):
    """Milliseconds from a client to a region.

    ``samples`` are the measurements behind it, ``confidence`` is from 0 to 1, ``line`` is where it
    stands in its file; None and 0 are unknown.
    """

    ms: float
    samples: int | None = None
    measured: date | None = None
    confidence: float | None = None
    line: int = 0


class TableRow(NamedTuple):
    """The figures of a client by region; ``client`` is a key in canonical form."""

    client: str
    figures: dict[str, Figure]


@dataclass(frozen=True)
class Table:
    """What a file holds, as far as it could be read, and everything that is wrong with it.

    ``measured`` is the day of the figures that have none of their own; figures already hold it.
    """

    file: Path
    rows: tuple[TableRow, ...] = ()
    measured: date | None = None
    estimate: Estimate | None = None
    problems: tuple[Problem, ...] = ()
