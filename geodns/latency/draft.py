"""A latency table while it is being read: checks each client, region and figure where it stands."""

from __future__ import annotations

import re
from collections.abc import Collection
from datetime import date
from pathlib import Path

from geodns.config.values import parse_share
from geodns.latency.client import CONTINENTS, ClientKeyError, parse_client
from geodns.latency.estimate import Estimate, Line
from geodns.latency.figure import Figure, Table, TableRow
from geodns.problem import Problem
from geodns.wording import did_you_mean, shown
from geodns.yamlfile import Position

MOST_MILLISECONDS = 100_000
MOST_SLOPE = 1000  # ms for each 1000 km, a hundred times light in glass
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)


class TableDraft:
    """Collects rows and problems. Positions are (line, column), counted from 1."""

    def __init__(self, file: Path, regions: Collection[str]) -> None:
        self.file = file
        self.problems: list[Problem] = []
        self.measured: date | None = None
        self.regions = regions
        self._rows: dict[str, dict[str, Figure]] = {}
        self._canonical: dict[str, str] = {}
        self._everywhere: Line | None = None
        self._cells: dict[tuple[str, str], Line] = {}

    def table(self) -> Table:
        """What was read so far, in the order of the first mention of each client."""
        rows = (TableRow(client, figures) for client, figures in self._rows.items())
        if self.measured is not None:
            rows = (_dated(row, self.measured) for row in rows)
        return Table(self.file, tuple(rows), self.measured, self._estimate(), tuple(self.problems))

    def _estimate(self) -> Estimate | None:
        if self._everywhere is None:
            return None
        return Estimate(self._everywhere, self._cells, fitted=True)

    def problem(self, id: str, message: str, at: Position, hint: str | None = None) -> None:
        """Notes a finding."""
        self.problems.append(Problem(id, message, self.file, *at, hint=hint))

    def client(self, text: str, at: Position) -> str | None:
        """The canonical form of a client key; None, and a problem, if it is none."""
        if text not in self._canonical:
            try:
                self._canonical[text] = parse_client(text).text
            except ClientKeyError as error:
                self.problem("bad-client", str(error), at, error.hint)
                return None
        return self._canonical[text]

    def add_row(self, client: str) -> None:
        """Makes sure that there is a row for a client, even if it names no region."""
        self._rows.setdefault(client, {})

    def add(
        self,
        client: str,
        region: str,
        figure: Figure | None,
        region_at: Position,
    ) -> None:
        """One figure of a client's row; None where it was wrong, which has been noted."""
        first = self._rows.get(client, {}).get(region)
        if not self.region(region, region_at):
            return
        if first is not None:
            self.problem(
                "duplicate-figure",
                f"{client} to {region} stands here a second time; first in line {first.line}",
                region_at,
            )
        elif figure is not None:
            self._rows.setdefault(client, {})[region] = figure

    def region(self, name: str, at: Position) -> bool:
        """Whether there is such a region; a problem if not."""
        if name in self.regions:
            return True
        self.problem(
            "undefined-region",
            f"region {shown(name)} is not in the topology",
            at,
            did_you_mean(name, self.regions),
        )
        return False

    def milliseconds(self, value: object, at: Position) -> float | None:
        """A round-trip time; ``value`` is whatever stands there."""
        figure = _number(value, MOST_MILLISECONDS)
        if figure is None:
            self.problem(
                "bad-milliseconds",
                f"{shown(value)} is not a round-trip time",
                at,
                f"write a number of milliseconds from 0 to {MOST_MILLISECONDS}",
            )
        return figure

    def date(self, value: object, at: Position) -> date | None:
        """The day of a measurement."""
        text = str(value)
        if _DATE.fullmatch(text) is not None:
            try:
                return date.fromisoformat(text)
            except ValueError:
                pass
        self.problem("bad-date", f"{shown(value)} is not a date", at, "write it as in 2026-11-01")
        return None

    def samples(self, value: object, at: Position) -> int | None:
        """How many measurements there were."""
        if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
            return value
        self.problem("bad-samples", f"{shown(value)} is not a number of samples", at)
        return None

    def confidence(self, value: object, at: Position) -> float | None:
        """How far a figure is to be trusted."""
        try:
            return parse_share(value)
        except ValueError:
            self.problem(
                "bad-confidence",
                f"{shown(value)} is not a confidence",
                at,
                "write a number from 0 to 1, or a percentage",
            )
        return None

    def line(
        self, continent: str | None, region: str | None, base: object, slope: object, at: Position
    ) -> None:
        """A line of the estimate: of one continent's clients to one region, or of all (None)."""
        milliseconds, per_1000_km = _number(base, MOST_MILLISECONDS), _number(slope, MOST_SLOPE)
        if milliseconds is None or per_1000_km is None:
            self.problem(
                "bad-estimate",
                f"{shown(base)} and {shown(slope)} are no line of an estimate",
                at,
                "write base in ms and per_1000_km in ms for each 1000 km",
            )
        elif continent is None or region is None:
            if self._everywhere is not None:
                self.problem("duplicate-estimate", "the estimate stands here a second time", at)
            self._everywhere = Line(milliseconds, per_1000_km / 1000)
        elif continent not in CONTINENTS:
            self.problem(
                "bad-estimate",
                f"{shown(continent)} is not a continent",
                at,
                f"one of {', '.join(CONTINENTS)}",
            )
        elif self.region(region, at):
            self._cells[continent, region] = Line(milliseconds, per_1000_km / 1000)


def _number(value: object, most: float) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if 0 <= value <= most else None


def _dated(row: TableRow, measured: date) -> TableRow:
    return TableRow(
        row.client,
        {
            region: figure._replace(measured=figure.measured or measured)
            for region, figure in row.figures.items()
        },
    )
