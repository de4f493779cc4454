"""The status for a terminal: what is well in a line, what is not with its reason."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from geodns.control.age import age
from geodns.control.copy_rows import COLUMNS as COPY_COLUMNS
from geodns.control.copy_rows import NUMBERS, CopyRow, copy_rows, foremost_copies
from geodns.control.expiry import COLUMNS, certificate_rows
from geodns.control.glance import Line, RegionGlance, Tone, ZoneGlance, regions
from geodns.control.loads import HEADS, foremost_loads, load_rows
from geodns.control.order_words import standing
from geodns.control.summary import ago, current, extent, findings, foremost, last_reload, pair_line

_STYLES = {Tone.WELL: "green", Tone.WAITING: "cyan", Tone.PART: "yellow", Tone.BAD: "red"}
_SYMBOLS = {Tone.WELL: "✓", Tone.WAITING: "○", Tone.PART: "◐", Tone.BAD: "✗"}
_QUIET = "dim"
_GAP = Text("")


def render(
    status: dict[str, Any], *, everything: bool = False, rate: float | None = None
) -> RenderableType:
    """What ``/v1/status`` told, drawn. ``status`` is as ``geodns.control.view.status`` makes it.

    With ``everything``, what is well is shown as fully as what is not. ``rate`` is in queries per
    second, where two looks allow to tell.
    """
    found = regions(status)
    expanded = [region for region in found if everything or region.tone is not Tone.WELL]
    well = [region for region in found if region not in expanded]
    return Group(
        *_head(status, found, rate),
        *_notes(status["configuration"], everything),
        *_orders(status),
        *(_GAP for _ in expanded[:1]),
        *(row for region in expanded for row in _region(region, status["at"], everything)),
        *((_GAP, _well(well)) if well else ()),
        *_loads(status, everything),
        *_certificates(status, everything),
        *_copies(status, everything),
        _GAP,
        *_workers(status),
        _data(status, everything),
    )


def _head(
    status: dict[str, Any], found: Sequence[RegionGlance], rate: float | None
) -> Iterator[RenderableType]:
    name = status["identity"] or "geodns"
    wrong = findings(status, found)
    text = Text()
    text.append(name, style="bold")
    if not wrong:
        text.append(": all well", style=_STYLES[Tone.WELL])
    for number, (tone, words) in enumerate(wrong):
        text.append("; " if number else ": ")
        text.append(words, style=_STYLES[tone])
    yield _row(0, max((tone for tone, _ in wrong), default=Tone.WELL), text)
    yield _row(0, None, Text(extent(found, status), style=_QUIET))
    yield _row(0, None, Text(", ".join(_running(status, rate)), style=_QUIET))
    if status.get("pair") is not None:
        yield _row(0, None, Text(pair_line(status["pair"], status["at"]), style=_QUIET))


def _running(status: dict[str, Any], rate: float | None) -> Iterator[str]:
    traffic = status["traffic"]
    yield f"up {age(status['at'] - status['started'])}"
    yield _counted(traffic["queries"], "query")
    if rate is not None:
        yield f"{rate:,.0f} per second" if rate >= 10 or not rate else f"{rate:.1f} per second"
    reasons: Counter[str] = Counter()
    for answer in traffic["answers"]:
        reasons[answer["reason"]] += answer["count"]
    if reasons:
        yield f"geo answers: {' + '.join(f'{n:,} {reason}' for reason, n in reasons.most_common())}"
    words, at = last_reload(status["configuration"])
    yield f"{words} {ago(status['at'], at)}".rstrip()


def _notes(configuration: dict[str, Any], everything: bool) -> Iterator[RenderableType]:
    last = configuration["last_reload"]
    if last and not last["ok"]:
        yield _GAP
        text = (
            f"the last reload was refused, the configuration before it is in use: {last['error']}"
        )
        yield _row(0, Tone.BAD, Text(text, style=_STYLES[Tone.BAD]))
        yield from _problems(last["problems"], everything)
    if configuration["warnings"]:
        yield _GAP
        yield _row(0, Tone.PART, Text("warnings of the configuration in use"))
        yield from _problems(configuration["warnings"], everything)


def _orders(status: dict[str, Any]) -> Iterator[RenderableType]:
    orders = status.get("orders", ())
    yield from (_GAP for _ in orders[:1])
    for order in orders:
        text = Text(order["text"], style=_STYLES[Tone.PART])
        text.append(f" ({standing(order, status['at'])})", style=_QUIET)
        yield _row(0, Tone.PART, text)


def _problems(problems: list[dict[str, Any]], everything: bool) -> Iterator[RenderableType]:
    for line in [problem["text"] for problem in problems] if everything else foremost(problems):
        yield _row(0, None, Text(line))


def _region(region: RegionGlance, now: float, everything: bool) -> Iterator[RenderableType]:
    yield _row(0, region.tone, _group(region, now))
    for zone in region.zones:
        if zone.tone is Tone.WELL:
            text = Text(zone.name, style="bold")
            text.append(f"  {_counted(len(zone.lines), 'endpoint')}", style=_QUIET)
            text.append(_checked(zone.milliseconds), style=_QUIET)
            yield _row(2, zone.tone, text)
        else:
            yield _row(2, zone.tone, _group(zone, now))
        for line in zone.lines if everything else zone.trouble:
            yield _row(4, line.tone, _line(line, now, everything))


def _group(group: RegionGlance | ZoneGlance, now: float) -> Text:
    text = Text(group.name, style="bold")
    if group.title:
        text.append(f" {group.title}", style="not bold")
    style = _STYLES[Tone.WELL if group.state == "in service" else group.tone]
    text.append(f"  {group.state}", style=f"not bold {style}")
    text.append(f" for {age(now - group.since)}: {group.reason}", style="not bold")
    return text


def _line(line: Line, now: float, everything: bool) -> Text:
    text = Text(", ".join(line.services))
    text.append(f"  {', '.join(line.where)}", style=_QUIET)
    text.append(f"  {line.state}", style=_STYLES[line.tone])
    if line.since is not None:
        text.append(f" for {age(now - line.since)}")
    if line.reason and line.reason != "not checked":
        text.append(f", {line.reason}" if line.tone is not Tone.BAD else f": {line.reason}")
    if everything:
        text.append(_checked(line.milliseconds), style=_QUIET)
    return text


def _well(found: Iterable[RegionGlance]) -> Table:
    table = _table("", "region", "title", ">AZs", ">endpoints", ">slowest check")
    for region in found:
        table.add_row(
            Text(_SYMBOLS[region.tone], style=_STYLES[region.tone]),
            Text(region.name, style="bold"),
            Text(region.title),
            str(len(region.zones)),
            str(region.endpoints),
            "none" if region.milliseconds is None else f"{region.milliseconds:.1f} ms",
        )
    return table


def _certificates(status: dict[str, Any], everything: bool) -> Iterator[RenderableType]:
    shown = [row for row in certificate_rows(status) if everything or row.soon]
    if not shown:
        return
    table = _table(*COLUMNS[:-1], f">{COLUMNS[-1]}")
    for row in shown:
        style = _STYLES[Tone.PART] if row.soon else None
        table.add_row(*(Text(cell) for cell in row.cells), style=style)
    yield _GAP
    yield table


def _loads(status: dict[str, Any], everything: bool) -> Iterator[RenderableType]:
    rows = load_rows(status)
    shown, more = (rows, 0) if everything else foremost_loads(rows)
    if not shown:
        return
    table = _table(HEADS[0], *(f">{head}" for head in HEADS[1:-1]), HEADS[-1])
    for row in shown:
        style = _STYLES[Tone.PART] if row.notable else None
        table.add_row(*(Text(cell) for cell in row.cells), style=style)
    yield _GAP
    yield table
    if more:
        yield Text(f"and {more} more that tell their load: geodns status --all", style=_QUIET)


def _copies(status: dict[str, Any], everything: bool) -> Iterator[RenderableType]:
    rows, more = copy_rows(status.get("secondaries", []), status["at"]), 0
    if not everything:
        rows, more = foremost_copies(rows)
    if not rows:
        return
    yield _GAP
    yield copy_table(rows)
    if more:
        yield Text(f"and {more} more that are copied: geodns status --all", style=_QUIET)


def copy_table(rows: Iterable[CopyRow]) -> Table:
    """Zones that are copied from primaries."""
    table = _table(*COPY_COLUMNS[:-NUMBERS], *(f">{head}" for head in COPY_COLUMNS[-NUMBERS:]))
    for row in rows:
        style = None if row.tone is Tone.WELL else _STYLES[row.tone]
        table.add_row(*(Text(cell) for cell in row.cells), style=style)
    return table


def _workers(status: dict[str, Any]) -> Iterator[RenderableType]:
    """One line where all are well, else one for each that is not."""
    workers = status["workers"]
    restarts = sum(worker["restarts"] for worker in workers)
    again = f", {_counted(restarts, 'restart')} since the start" if restarts else ""
    uptodate = [worker for worker in workers if worker["pid"] and current(worker, status)]
    image, vector = status["image_generation"], status["availability_generation"]
    newest = f"image {image}, availability {vector}"
    well = len(uptodate) == len(workers)
    said = f"{'all' if well else len(uptodate)} up to date"
    text = f"{_counted(len(workers), 'worker')}, {said} ({newest}){again}"
    yield _row(0, Tone.WELL if well else Tone.PART, Text(text))
    for worker in workers:
        if worker in uptodate:
            continue
        said = (
            f"image {worker['image_generation']}, availability {worker['availability_generation']}"
            if worker["pid"]
            else "no process"
        )
        yield _row(2, Tone.PART, Text(f"worker {worker['number']}: {said}"))


def _data(status: dict[str, Any], everything: bool) -> RenderableType:
    table = _table("", "zone or file", "content", "as of")
    for zone in status["zones"]:
        content = f"{_counted(zone['names'], 'name')}, {zone['geo']} geo"
        table.add_row("", Text(zone["origin"]), content, f"serial {zone['serial']}")
    for source in (*status["databases"], *status["latency_tables"]):
        name = source["file"] if everything else Path(source["file"]).name
        table.add_row("", Text(name), Text(source["description"]), f"{age(source['age'])} old")
    return table


def _row(indent: int, tone: Tone | None, text: Text) -> RenderableType:
    """A symbol and a text that wraps to the right of it."""
    grid = Table.grid(padding=(0, 1, 0, 0))
    grid.add_column(width=1)
    grid.add_column(overflow="fold")
    symbol = Text() if tone is None else Text(_SYMBOLS[tone], style=_STYLES[tone])
    grid.add_row(symbol, text)
    return Padding(grid, (0, 0, 0, indent), expand=False)


def _table(*heads: str) -> Table:
    """A head that begins with ``>`` is that of numbers."""
    table = Table(box=None, header_style=_QUIET, pad_edge=False, padding=(0, 2, 0, 0))
    for head in heads:
        table.add_column(
            head.removeprefix(">"),
            justify="right" if head.startswith(">") else "left",
            overflow="fold",
            min_width=1,
        )
    return table


def _counted(number: int, thing: str) -> str:
    if number == 1:
        return f"1 {thing}"
    return f"{number:,} {f'{thing[:-1]}ie' if thing.endswith('y') else thing}s"


def _checked(milliseconds: float | None) -> str:
    return "" if milliseconds is None else f", checked in {milliseconds:.1f} ms"
