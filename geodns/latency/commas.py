"""Reads a latency table in CSV (RFC 4180): ``client,region,ms``, and columns that may be absent.

Those are ``samples``, ``measured``, ``confidence``, and the estimate's ``base``, ``per_1000_km``.
Measurements come line by line, so a client's row is all the lines that name it. A quoted cell ends
in its line: nothing in such a table has a line break in it. A line with ``base`` and
``per_1000_km`` holds no figure but a line of the estimate: for a continent and a region, or for
``default``.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

from geodns.latency.draft import TableDraft
from geodns.latency.figure import Figure
from geodns.problem import Problem
from geodns.wording import did_you_mean, shown
from geodns.yamlfile import Position

_REQUIRED = ("client", "region", "ms")
_ESTIMATE = ("base", "per_1000_km")
_COLUMNS = (*_REQUIRED, "samples", "measured", "confidence", *_ESTIMATE)
_CELL = re.compile(r'[ \t]*"((?:[^"]|"")*)"[ \t]*(?=,|\Z)|([^",]*)(?=,|\Z)')
_NUMBER = re.compile(r"\d+(\.\d*)?([eE][+-]?\d{1,3})?", re.ASCII)
_COUNT = re.compile(r"\d{1,18}", re.ASCII)


class _Cell(NamedTuple):
    text: str
    at: Position


def read_csv(draft: TableDraft) -> None:
    """Fills a draft from its file; what is wrong becomes a problem."""
    text = read_text(draft.file)
    if isinstance(text, Problem):
        draft.problems.append(text)
        return
    lines = ((at, line) for at, line in enumerate(text.split("\n"), start=1) if line.strip())
    first = next(lines, None)
    header = _cells(draft, first[1], first[0]) if first else []
    columns = None if header is None else _columns(draft, header)
    if columns is None:
        return
    for number, line in lines:
        cells = _cells(draft, line, number)
        if cells is None:
            continue
        if len(cells) != len(columns):
            draft.problem(
                "wrong-cells",
                f"has {len(cells)} cells where the header has {len(columns)}",
                (number, 1),
            )
            continue
        _add(draft, dict(zip(columns, cells, strict=True)))


def read_text(file: Path) -> str | Problem:
    """The text of a file, or why there is none."""
    try:
        return file.read_text(encoding="utf-8-sig")  # spreadsheets write a byte order mark
    except OSError as error:
        reason = error.strerror or type(error).__name__
        return Problem("unreadable-file", f"can't be read: {reason}", file)
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        return Problem("not-utf-8", f"is not UTF-8 at byte {error.start}", file, line, 1)
    except ValueError as error:  # a file name that no file can have, with a NUL in it
        return Problem("unreadable-file", f"can't be read: {error}", file)


def _cells(draft: TableDraft, line: str, number: int) -> list[_Cell] | None:
    """The cells of a line; None, and a problem, if it is no CSV."""
    cells: list[_Cell] = []
    start = 0
    while (match := _CELL.match(line, start)) is not None:
        quoted, bare = match.groups()
        text = bare if quoted is None else quoted.replace('""', '"')
        cells.append(_Cell(text.strip(), (number, start + 1)))
        if match.end() == len(line):
            return cells
        start = match.end() + 1
    draft.problem(
        "bad-quotes",
        "a quotation mark stands where none can",
        (number, start + 1),
        "quote whole cells, and write a mark inside one twice",
    )
    return None


def _columns(draft: TableDraft, header: list[_Cell]) -> list[str] | None:
    """The names of the columns; None if these do not make a table."""
    names = [cell.text.lower() for cell in header]
    for position, (name, cell) in enumerate(zip(names, header, strict=True)):
        if name not in _COLUMNS:
            hint = did_you_mean(name, _COLUMNS) or f"the columns are {', '.join(_COLUMNS)}"
            draft.problem("unknown-column", f"unknown column {shown(cell.text)}", cell.at, hint)
        elif name in names[:position]:
            draft.problem("duplicate-column", f"column {name} stands here twice", cell.at)
    at = header[0].at if header else (1, 1)
    missing = [name for name in _REQUIRED if name not in names]
    for name in missing:
        hint = f"the first line must be {','.join(_REQUIRED)}"
        draft.problem("missing-column", f"has no column {name}", at, hint)
    return None if missing or len(set(names)) < len(names) else names


def _add(draft: TableDraft, cells: dict[str, _Cell]) -> None:
    written = {name: cell for name, cell in cells.items() if cell.text or name in _REQUIRED}
    if any(name in written for name in _ESTIMATE):
        _add_line(draft, written)
        return
    client, region, ms = (written[name] for name in _REQUIRED)
    milliseconds = draft.milliseconds(_number(ms.text), ms.at)
    samples, measured, confidence = map(written.get, ("samples", "measured", "confidence"))
    figure = None
    if milliseconds is not None:
        figure = Figure(
            milliseconds,
            draft.samples(_count(samples.text), samples.at) if samples else None,
            draft.date(measured.text, measured.at) if measured else None,
            draft.confidence(_number(confidence.text), confidence.at) if confidence else None,
            ms.at[0],
        )
    key = draft.client(client.text, client.at)
    if key is not None:
        draft.add(key, region.text, figure, region.at)


def _add_line(draft: TableDraft, cells: dict[str, _Cell]) -> None:
    client, region, ms = (cells[name] for name in _REQUIRED)
    if ms.text:
        draft.problem(
            "bad-estimate", "a line of the estimate has no milliseconds of its own", ms.at
        )
        return
    key = draft.client(client.text, client.at)
    base, slope = (_number(cells[name].text) if name in cells else "" for name in _ESTIMATE)
    if key is not None:
        everybody = key == "default"
        draft.line(None if everybody else key, region.text or None, base, slope, client.at)


def _number(text: str) -> float | str:
    return float(text) if _NUMBER.fullmatch(text) else text


def _count(text: str) -> int | str:
    return int(text) if _COUNT.fullmatch(text) else text
