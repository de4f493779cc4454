"""Demand per place, as a file tells it: ``client,demand`` in CSV, or a mapping in YAML.

A row's demand is that of the clients which no more specific row covers: next to ``EU-DE``, a row
for ``EU`` is the rest of Europe.
"""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from geodns import yamlfile
from geodns.latency.client import ClientKey, ClientKeyError, parse_client
from geodns.problem import Problem
from geodns.wording import did_you_mean, shown
from geodns.yamlfile import Position

MOST_DEMAND = 1e15
_COLUMNS = ("client", "demand")
_KEYS = ("measured", "demand")
_YAML = {".yaml", ".yml", ".json"}  # JSON is YAML
_NUMBER = re.compile(r"\d+(\.\d*)?([eE][+-]?\d{1,3})?", re.ASCII)


class DemandRow(NamedTuple):
    """What the clients of a key ask for, in any unit of which capacity is a multiple."""

    client: ClientKey
    demand: float


def read_demand(file: Path) -> tuple[list[DemandRow], list[Problem]]:
    """The rows of a file, and everything that is wrong with it. No exception leaves this."""
    draft = _Draft(file)
    kind = file.suffix.lower()
    if kind == ".csv":
        draft.read_csv()
    elif kind in _YAML:
        draft.read_yaml()
    else:
        draft.problem(
            "unknown-format", "is no demand file by its name", (0, 0), "name it .csv or .yaml"
        )
    if not draft.problems and not any(row.demand for row in draft.rows.values()):
        draft.problem("no-demand", "holds no demand", (0, 0), "write rows as in EU-DE,1200")
    return list(draft.rows.values()), draft.problems


class _Draft:
    """Collects rows and problems. Positions are (line, column), counted from 1."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.rows: dict[str, DemandRow] = {}
        self.problems: list[Problem] = []
        self._lines: dict[str, int] = {}

    def problem(self, id: str, message: str, at: Position, hint: str | None = None) -> None:
        self.problems.append(Problem(id, message, self.file, *at, hint=hint))

    def read_csv(self) -> None:
        try:
            text = self.file.read_text(encoding="utf-8-sig")  # spreadsheets write a mark
        except (OSError, ValueError) as error:  # not UTF-8 is a ValueError, and a NUL in a name
            reason = getattr(error, "strerror", None) or str(error)
            self.problem("unreadable-file", f"can't be read: {reason}", (0, 0))
            return
        lines = ((at, line) for at, line in enumerate(text.split("\n"), 1) if line.strip())
        header = next(lines, (1, ""))
        columns = self._columns(*header)
        for number, line in lines if columns else ():
            cells = self._cells(number, line)
            if cells is not None and len(cells) == len(columns):
                named = dict(zip(columns, cells, strict=True))
                (client, client_at), (demand, demand_at) = named["client"], named["demand"]
                figure = float(demand) if _NUMBER.fullmatch(demand) else demand
                self._add(client, client_at, figure, demand_at)
            elif cells is not None:
                message = f"has {len(cells)} cells where the header has {len(columns)}"
                self.problem("wrong-cells", message, (number, 1))

    def read_yaml(self) -> None:
        document, problems = yamlfile.read(self.file)
        self.problems.extend(problems)
        data = document.data
        if data is None:
            return
        if not isinstance(data, dict) or not isinstance(data.get("demand", {}), dict):
            self.problem("wrong-type", "is no demand file", (1, 1), "write demand: {EU-DE: 1200}")
            return
        for key in data:
            if key not in _KEYS:
                hint = did_you_mean(key, _KEYS) or f"the keys are {' and '.join(_KEYS)}"
                message = f"unknown key {shown(key)}"
                self.problem("unknown-key", message, document.key_at((key,)), hint)
        for client, figure in data.get("demand", {}).items():
            path = ("demand", client)
            self._add(client, document.key_at(path), figure, document.value_at(path))

    def _columns(self, number: int, line: str) -> list[str]:
        """The names of the columns; none, and a problem, if they do not make a demand file."""
        names = [text.lower() for text, _ in self._cells(number, line) or ()]
        if sorted(names) == sorted(_COLUMNS):
            return names
        self.problem(
            "wrong-columns",
            f"the first line names the columns {', '.join(map(shown, names)) or 'not at all'}",
            (number, 1),
            f"it must be {','.join(_COLUMNS)}",
        )
        return []

    def _cells(self, number: int, line: str) -> list[tuple[str, Position]] | None:
        """The cells of a line and where they stand; None, and a problem, if it is no CSV."""
        try:
            texts = next(csv.reader([line.rstrip("\r")], strict=True, skipinitialspace=True))
        except csv.Error as error:
            self.problem("bad-quotes", f"is no CSV: {error}", (number, 1))
            return None
        positions = _positions(line) if '"' not in line else iter([1] * len(texts))
        return [(text.strip(), (number, at)) for text, at in zip(texts, positions, strict=False)]

    def _add(self, text: str, at: Position, figure: object, figure_at: Position) -> None:
        try:
            key = parse_client(text)
        except ClientKeyError as error:
            self.problem("bad-client", str(error), at, error.hint)
            return
        if key.text in self.rows:
            message = f"{key.text} stands here a second time; first in line {self._lines[key.text]}"
            self.problem("duplicate-client", message, at, "add the two up")
        elif not _is_demand(figure):
            message = f"{shown(figure)} is not a demand"
            self.problem("bad-demand", message, figure_at, "write a number of 0 or more")
        else:
            assert isinstance(figure, int | float)
            self.rows[key.text] = DemandRow(key, float(figure))
            self._lines[key.text] = at[0]


def _is_demand(figure: object) -> bool:
    if isinstance(figure, bool) or not isinstance(figure, int | float):
        return False
    return math.isfinite(figure) and 0 <= figure <= MOST_DEMAND


def _positions(line: str) -> Iterator[int]:
    """The column that each cell begins in, where no cell is quoted."""
    column = 1
    for cell in line.split(","):
        yield column
        column += len(cell) + 1
