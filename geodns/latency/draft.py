"""A latency table while it is being read: checks each client, region and figure where it stands."""

from __future__ import annotations

import re
from collections.abc import Collection
from datetime import date
from pathlib import Path

from geodns.config.settings import LatencyRow
from geodns.latency.client import ClientKeyError, parse_client
from geodns.problem import Problem
from geodns.wording import did_you_mean, shown
from geodns.yamlfile import Position

MOST_MILLISECONDS = 100_000
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_MOST_SHOWN = 60  # characters of a wrong value that a message repeats


class TableDraft:
    """Collects rows and problems. Positions are (line, column), counted from 1."""

    def __init__(self, file: Path, regions: Collection[str]) -> None:
        self.file = file
        self.problems: list[Problem] = []
        self._regions = regions
        self._rows: dict[str, dict[str, float]] = {}
        self._lines: dict[tuple[str, str], int] = {}
        self._canonical: dict[str, str] = {}

    def rows(self) -> list[LatencyRow]:
        """The rows so far, in the order of their first mention."""
        return [LatencyRow(client, figures) for client, figures in self._rows.items()]

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
        milliseconds: object,
        region_at: Position,
        milliseconds_at: Position,
    ) -> None:
        """One figure of a client's row; ``milliseconds`` is whatever stands there."""
        figure = _figure(milliseconds)
        if figure is None:
            self.problem(
                "bad-milliseconds",
                f"{shown(milliseconds)} is not a round-trip time",
                milliseconds_at,
                f"write a number of milliseconds from 0 to {MOST_MILLISECONDS}",
            )
        if region not in self._regions:
            self.problem(
                "undefined-region",
                f"region {shown(region)} is not in the topology",
                region_at,
                did_you_mean(region, self._regions),
            )
        elif (client, region) in self._lines:
            self.problem(
                "duplicate-figure",
                f"{client} to {region} stands here a second time; "
                f"first in line {self._lines[client, region]}",
                region_at,
            )
        elif figure is not None:
            self._rows.setdefault(client, {})[region] = figure
            self._lines[client, region] = region_at[0]

    def check_measured(self, value: object, at: Position) -> None:
        """The day of a measurement."""
        text = str(value)
        if _DATE.fullmatch(text) is not None:
            try:
                date.fromisoformat(text)
            except ValueError:
                pass
            else:
                return
        self.problem("bad-date", f"{shown(value)} is not a date", at, "write it as in 2026-11-01")


def _figure(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if 0 <= value <= MOST_MILLISECONDS else None
