"""Latency tables for people: what counts, how old it is, what was built, what would change."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from rich.console import RenderableType
from rich.table import Table as Grid
from rich.text import Text

from geodns.config.latency import LatencyAge
from geodns.latency.age import age, state
from geodns.latency.build import Built
from geodns.latency.diff import Change
from geodns.latency.figure import Figure, Table
from geodns.latency.fit import Errors
from geodns.latency.lookup import Placed, Reckoned

_DAY = 86_400.0
_STYLES = {"fresh": "", "old": "yellow", "dropped": "red"}
_WHERE = {
    "fitted estimate": "estimated by the table's line",
    "default estimate": "estimated by default",
    "unknown": "the client's place is unknown",
}


@dataclass(frozen=True)
class Ages:
    """How old is too old, and what time it is, in seconds since 1970."""

    limits: LatencyAge
    now: float

    def words(self, measured: date | None) -> Text:
        """``23 days``, coloured by how much that still counts."""
        if measured is None:
            return Text("unknown", style="dim")
        days = int(age(measured, self.now) // _DAY)
        found = state(measured, self.limits, self.now)
        note = {"fresh": "", "old": ", old", "dropped": ", not used"}[found]
        return Text(f"{days} day{'s' * (days != 1)}{note}", style=_STYLES[found])


def tables(found: Sequence[tuple[Table, Table]], ages: Ages) -> Grid:
    """The files: each table as it stands in its file, and what is left of it."""
    grid = _grid("table", "measured", "age", ">rows", ">figures", ">used", "estimate")
    for whole, left in found:
        grid.add_row(
            str(whole.file),
            _measured(whole),
            ages.words(whole.measured),
            str(len(whole.rows)),
            str(_figures(whole)),
            str(_figures(left)),
            _estimate(whole, left),
        )
    return grid


def _measured(table: Table) -> str:
    days = {figure.measured for row in table.rows for figure in row.figures.values()}
    own = sorted(day for day in days - {table.measured} if day)
    if not own:
        return str(table.measured or "not said")
    ends = sorted({own[0], own[-1], *filter(None, (table.measured,))})
    return " to ".join(map(str, dict.fromkeys((ends[0], ends[-1]))))


def _figures(table: Table) -> int:
    return sum(len(row.figures) for row in table.rows)


def _estimate(whole: Table, left: Table) -> str:
    if whole.estimate is None:
        return "-"
    line = whole.estimate.everywhere
    words = f"{line.base:.1f} ms + {line.per_km * 1000:.1f} ms/1000 km"
    cells = len(whole.estimate.cells)
    more = f", {cells} of their own" if cells else ""
    return f"{words}{more}" + ("" if left.estimate else " (too old)")


def rows(found: Iterable[Placed], regions: Sequence[str], ages: Ages) -> Grid:
    """The rows that count, a line for each figure."""
    grid = _grid("client", "region", ">ms", ">samples", ">confidence", "age")
    for key, figures, _ in found:
        for region in (region for region in regions if region in figures):
            grid.add_row(key.text, region, *_known(figures[region], ages))
        if not figures:
            grid.add_row(key.text, Text("all are estimated", style="dim"))
    return grid


def reckoned(found: Iterable[Reckoned], row: Placed | None, ages: Ages) -> Grid:
    """A client's way to each region, the shortest first."""
    grid = _grid("region", ">ms", "from", ">km", ">samples", ">confidence", "age")
    for way in in_order(found):
        where = _WHERE.get(way.origin, "")
        if way.origin == "row" and row is not None:
            where = f"row {row.key.text} of {row.file.name}"
        figure = _known(way.figure, ages)[1:] if way.figure else ("", "", "")
        grid.add_row(
            way.region,
            "?" if way.ms is None else f"{way.ms:.1f}",
            Text(where, style="" if way.origin == "row" else "dim"),
            "?" if way.km is None else f"{way.km:.0f}",
            *figure,
        )
    return grid


def in_order(found: Iterable[Reckoned]) -> list[Reckoned]:
    """The shortest way first, unknown ones last."""
    return sorted(found, key=lambda way: (way.ms is None, way.ms or 0.0))


def _known(figure: Figure, ages: Ages) -> tuple[RenderableType, ...]:
    return (
        f"{figure.ms:g}",
        "" if figure.samples is None else str(figure.samples),
        "" if figure.confidence is None else f"{figure.confidence:.2f}",
        ages.words(figure.measured),
    )


def built(result: Built) -> Iterator[RenderableType]:
    """What was read, what became of it, and how good the estimate is."""
    yield Text(
        f"{result.rows:,} rows read, {result.used:,} used, measured from "
        f"{_date(result.oldest)} to {_date(result.newest)}"
    )
    if result.too_old:
        yield Text(f"{_rows(result.too_old)} older than --max-age", style="yellow")
    for reason, count in result.damage.counts.most_common():
        yield Text(f"{_rows(count)} left out: {reason}", style="yellow")
    for example in result.damage.examples:
        yield Text(f"  {example}", style="dim")
    bare = [region for region, count in result.by_region.items() if not count]
    if bare:
        yield Text(f"no measurement of {', '.join(bare)}", style="yellow")
    grid = _grid("clients", ">with enough samples", ">rows kept")
    for level, groups in result.folded.groups.items():
        name = level.name.lower().replace("asn_country", "AS in a country")
        grid.add_row(name, f"{groups:,}", f"{result.folded.kept[level]:,}")
    yield grid
    yield from _validation(result)


def _validation(result: Built) -> Iterator[RenderableType]:
    checked = result.validation
    if checked is None:
        yield Text("too few places were measured to fit an estimate: the default stays in use")
        return
    yield Text(
        f"estimate, judged by {checked.points:,} figures of {checked.spots:,} places "
        "that were held out:"
    )
    grid = _grid("", ">median error", ">", ">90th percentile", ">")
    for name, errors in (("fitted", checked.fitted), ("default", checked.default)):
        grid.add_row(name, *_errors(errors))
    yield grid
    if result.table.estimate is None:
        yield Text("the fitted estimate is no better, so the default stays in use", style="yellow")


def _errors(errors: Errors) -> tuple[str, ...]:
    return (
        f"{errors.median_ms:.1f} ms",
        f"{errors.median_share:.0%}",
        f"{errors.p90_ms:.1f} ms",
        f"{errors.p90_share:.0%}",
    )


def built_json(result: Built) -> dict[str, Any]:
    """The same for programs."""
    checked = result.validation
    return {
        "rows": result.rows,
        "used": result.used,
        "too_old": result.too_old,
        "damaged": dict(result.damage.counts),
        "examples": result.damage.examples,
        "oldest": _date(result.oldest),
        "newest": _date(result.newest),
        "measurements": dict(result.by_region),
        "clients": {level.name.lower(): n for level, n in result.folded.groups.items()},
        "kept": {level.name.lower(): n for level, n in result.folded.kept.items()},
        "estimate": None
        if checked is None
        else {
            "figures": checked.points,
            "places": checked.spots,
            "used": result.table.estimate is not None,
            "fitted": checked.fitted._asdict(),
            "default": checked.default._asdict(),
        },
    }


def _rows(count: int) -> str:
    return f"{count:,} row{'s' * (count != 1)}"


def _date(time: float) -> str:
    return f"{datetime.fromtimestamp(time, UTC):%Y-%m-%d}"


def changed(found: Sequence[Change], most: int) -> Iterator[Text]:
    """A line for each row that is not as it was, and how many there are."""
    signs = {"added": ("+", "green"), "changed": ("~", "yellow"), "dropped": ("-", "red")}
    for change in found[:most]:
        sign, style = signs[change.kind]
        yield Text(f"{sign} {change.client}: {change}", style=style)
    if len(found) > most:
        yield Text(f"... and {len(found) - most:,} more", style="dim")
    counts = [f"{sum(c.kind == kind for c in found):,} {kind}" for kind in signs]
    yield Text(f"rows: {', '.join(counts)}" if found else "no row changes")


def _grid(*columns: str) -> Grid:
    grid = Grid(box=None, pad_edge=False, header_style="bold")
    for name in columns:
        right = name.startswith(">")
        grid.add_column(name.removeprefix(">"), justify="right" if right else "left", no_wrap=True)
    return grid
