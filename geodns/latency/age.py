"""Which figures of a table still count: old ones are used with a warning, then not at all."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Literal

from geodns.config.latency import LatencyAge
from geodns.latency.figure import Figure, Table, TableRow
from geodns.problem import Problem

State = Literal["fresh", "old", "dropped"]
_DAY = 86_400.0


def age(measured: date, now: float) -> float:
    """Seconds from the start of that day (UTC) to ``now``, seconds since 1970; never negative.

    A day in the future is as fresh as today: clocks and time zones differ.
    """
    start = datetime(measured.year, measured.month, measured.day, tzinfo=UTC)
    return max(0.0, now - start.timestamp())


def state(measured: date | None, limits: LatencyAge, now: float) -> State:
    """How a figure of that day stands; without a day it has no age, and is fresh."""
    if measured is None:
        return "fresh"
    seconds = age(measured, now)
    if limits.drop and seconds > limits.drop:
        return "dropped"
    return "old" if seconds > limits.warn else "fresh"


def counting(table: Table, limits: LatencyAge, now: float) -> tuple[Table, list[Problem]]:
    """The table without what is too old, and a warning for what is old or too old.

    A row that loses all of its figures is gone, as if it had not been written. The estimate is as
    old as the table.
    """
    dropped = _first_within(limits.drop, now) if limits.drop else date.min
    warned = max(dropped, _first_within(limits.warn, now))
    rows = tuple(kept for row in table.rows if (kept := _without(row, dropped)) is not None)
    gone = table.measured is not None and table.measured < dropped
    counted = replace(table, rows=rows, estimate=None if gone else table.estimate)
    return counted, list(_warnings(table, warned, dropped, now))


def _first_within(limit: float, now: float) -> date:
    """The first day whose start is not yet further back than the limit, in seconds."""
    try:
        edge = datetime.fromtimestamp(now - limit, UTC)
    except (OverflowError, ValueError, OSError):  # further back than there are years
        return date.min
    day = edge.date()
    return day if edge.time() == time.min else day + timedelta(days=1)


def _without(row: TableRow, before: date) -> TableRow | None:
    kept = {
        region: figure
        for region, figure in row.figures.items()
        if figure.measured is None or figure.measured >= before
    }
    return TableRow(row.client, kept) if kept or not row.figures else None


def _warnings(table: Table, warned: date, dropped: date, now: float) -> Iterator[Problem]:
    figures = [figure for row in table.rows for figure in row.figures.values()]

    def among(test: Callable[[date], bool]) -> list[Figure]:
        return [figure for figure in figures if figure.measured and test(figure.measured)]

    yield from _warning(
        "dropped-latency", "are not used", among(lambda day: day < dropped), table, now
    )
    yield from _warning(
        "old-latency", "are old", among(lambda day: dropped <= day < warned), table, now
    )


def _warning(
    id: str, what: str, figures: list[Figure], table: Table, now: float
) -> Iterator[Problem]:
    if not figures:
        return
    oldest = min(figures, key=lambda figure: (figure.measured or date.max, figure.line))
    assert oldest.measured is not None
    total = sum(len(row.figures) for row in table.rows)
    days = int(age(oldest.measured, now) // _DAY)
    share = "all" if len(figures) == total else f"{len(figures)} of {total}"
    yield Problem(
        id,
        f"{share} figures {what}: measured up to {days} days ago, on {oldest.measured}",
        table.file,
        oldest.line,
        1 if oldest.line else 0,
        hint="measure again, or set latency_age in the server file",
        severity="warning",
    )
