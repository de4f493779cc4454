"""Reads tables of other programs: other headers, a column for each region, other client names."""

from __future__ import annotations

import csv
import io
from collections.abc import Collection, Iterator
from dataclasses import replace
from datetime import date
from ipaddress import ip_network
from pathlib import Path

from geodns.geo.countries import country_centre
from geodns.latency.client import CONTINENTS
from geodns.latency.columns import SPELLINGS
from geodns.latency.commas import read_csv, read_text
from geodns.latency.draft import TableDraft
from geodns.latency.figure import Figure, Table, TableRow
from geodns.latency.table import KINDS, read_document
from geodns.problem import Problem

_OURS = {"client", "region", "ms"}
_EXTRA = {
    "samples": ("samples", "count", "n", "measurements"),
    "confidence": ("confidence",),
    "measured": ("measured", "date", "day"),
}


def read_foreign(
    file: Path,
    regions: Collection[str],
    *,
    measured: date | None = None,
    skip_unknown: bool = False,
) -> Table:
    """A table in our own shapes or one like them, and everything that is wrong with it.

    ``measured`` is the day of figures that have none; ``skip_unknown`` leaves out regions that the
    topology lacks. CSV may have the usual other names of columns, or one column for each region.
    YAML and JSON may map clients to regions at the top.
    """
    draft = _Lenient(file, regions, skip_unknown=skip_unknown)
    kind = file.suffix.lower()
    if kind in {".csv", ".tsv", ".txt"}:
        _read_csv(draft)
    elif kind in KINDS:
        read_document(draft, bare=True)
    else:
        draft.problem("unknown-format", "is neither .csv nor .yaml nor .json", (0, 0))
    if draft.measured is None:
        draft.measured = measured
    return draft.table()


class _Lenient(TableDraft):
    """Takes ``DE`` for ``EU-DE``, ``4134`` for ``AS4134``, an address for a prefix."""

    def __init__(self, file: Path, regions: Collection[str], *, skip_unknown: bool) -> None:
        super().__init__(file, regions)
        self._skip_unknown = skip_unknown

    def client(self, text: str, at: tuple[int, int]) -> str | None:
        return super().client(usual(text), at)

    def region(self, name: str, at: tuple[int, int]) -> bool:
        return (name in self.regions) if self._skip_unknown else super().region(name, at)


def usual(text: str) -> str:
    """A client as a latency table names it, where it is clear who is meant; else the text."""
    word = text.strip()
    upper = word.upper().replace("_", "-")
    if word.isascii() and word.isdigit():
        return f"AS{word}"
    if word in {"*", "", "any", "all", "world"}:
        return "default"
    country = upper.split("-")[0]
    if country not in CONTINENTS and (centre := country_centre(country)) is not None:
        return f"{centre.continent}-{upper}"
    try:
        return str(ip_network(word, strict=False))
    except ValueError:
        return word


def _read_csv(draft: _Lenient) -> None:
    text = read_text(draft.file)
    if isinstance(text, Problem):
        draft.problems.append(text)
        return
    first = next((line for line in text.splitlines() if line.strip()), "")
    delimiter = max(",\t;|", key=first.count)
    header = [name.strip().strip('"').lower() for name in first.split(delimiter)]
    if delimiter == "," and set(header) >= _OURS:
        read_csv(draft)
        return
    rows = csv.reader(io.StringIO(text), delimiter=delimiter)
    names = [name.strip() for name in next((row for row in rows if row), [])]
    lower = [name.lower().replace(" ", "_") for name in names]
    client = _find(lower, SPELLINGS["client"] + ("network", "cidr", "country", "asn", "key"))
    if client is None:
        draft.problem(
            "missing-column", "has no column for the client", (1, 1), "call it client or prefix"
        )
        return
    region, ms = _find(lower, SPELLINGS["region"]), _find(lower, SPELLINGS["ms"])
    cells = ((rows.line_num, row) for row in rows if any(cell.strip() for cell in row))
    if region is None or ms is None:
        _wide(draft, names, client, cells)
        return
    extra = {what: _find(lower, spellings) for what, spellings in _EXTRA.items()}
    for line, row in _full(draft, len(names), cells):
        key = draft.client(row[client], (line, 1))
        figure = _figure(draft, row[ms], line)
        if figure is not None:
            known = {what: row[at].strip() for what, at in extra.items() if at is not None}
            figure = _known(draft, figure, known, line)
        if key is not None:
            draft.add(key, row[region].strip(), figure, (line, 1))


def _wide(
    draft: _Lenient, names: list[str], client: int, rows: Iterator[tuple[int, list[str]]]
) -> None:
    """One line for each client, one column for each region; an empty cell is no figure."""
    columns = [
        at for at, name in enumerate(names) if at != client and draft.region(name, (1, at + 1))
    ]
    for line, row in _full(draft, len(names), rows):
        key = draft.client(row[client], (line, 1))
        for at in columns:
            if key is not None and row[at].strip() not in {"", "-", "NA", "nan", "null"}:
                draft.add(key, names[at], _figure(draft, row[at], line), (line, 1))


def _full(
    draft: _Lenient, width: int, rows: Iterator[tuple[int, list[str]]]
) -> Iterator[tuple[int, list[str]]]:
    for line, row in rows:
        if len(row) == width:
            yield line, row
        else:
            draft.problem(
                "wrong-cells", f"has {len(row)} cells where the header has {width}", (line, 1)
            )


def _find(names: list[str], spellings: tuple[str, ...]) -> int | None:
    return next((names.index(name) for name in spellings if name in names), None)


def _figure(draft: _Lenient, text: str, line: int) -> Figure | None:
    ms = draft.milliseconds(_number(text.strip()), (line, 1))
    return None if ms is None else Figure(ms, line=line)


def _known(draft: _Lenient, figure: Figure, known: dict[str, str], line: int) -> Figure:
    """The figure with what other columns say of it."""
    samples, confidence, measured = map(known.get, ("samples", "confidence", "measured"))
    if samples:
        count = int(samples) if samples.isascii() and samples.isdigit() else samples
        figure = figure._replace(samples=draft.samples(count, (line, 1)))
    if confidence:
        figure = figure._replace(confidence=draft.confidence(_number(confidence), (line, 1)))
    if measured:
        figure = figure._replace(measured=draft.date(measured, (line, 1)))
    return figure


def _number(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text


def merged(old: Table, new: Table) -> Table:
    """The new table, with the rows and the estimate of the old one that it lacks."""
    ours = {row.client for row in new.rows}
    kept = tuple(row for row in old.rows if row.client not in ours)
    return replace(new, rows=(*new.rows, *kept), estimate=new.estimate or old.estimate)


def named(table: Table, file: Path) -> Table:
    """The same table under another name, without the lines it stood in."""
    rows = tuple(
        TableRow(
            row.client,
            {region: figure._replace(line=0) for region, figure in row.figures.items()},
        )
        for row in table.rows
    )
    return replace(table, file=file, rows=rows, problems=())
