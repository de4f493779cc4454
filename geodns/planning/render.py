"""A plan for people: what each region carries before and after, and who would move."""

from __future__ import annotations

import math

from rich import box
from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from geodns.planning.assign import Assignment, Move, Spread, number
from geodns.planning.make import Made

MOST_MOVES = 20
_BAR = 12  # characters of a bar that is full
_BLOCKS = " ▏▎▍▌▋▊▉█"
_NEARLY, _FULL = 0.8, 1.0 + 1e-6  # utilisations from which a bar is yellow, and red


def render(made: Made, *, everything: bool = False) -> RenderableType:
    """The whole picture; without ``everything``, only regions with load, and the largest moves."""
    found = made.assignment
    parts: list[RenderableType] = [_heading(made), _regions(made, everything), _latency(found)]
    parts += [_moves(found, everything), *map(_note, made.notes)]
    return Group(*parts)


def bar(use: float) -> str:
    """A utilisation as a bar of at most so many characters, in eighths of one."""
    eighths = round(min(max(use, 0.0), 1.0) * _BAR * 8)
    return ("█" * (eighths // 8) + _BLOCKS[eighths % 8].strip()).ljust(_BAR)


def _heading(made: Made) -> Text:
    origin = made.plan.origin
    text = Text.assemble(
        (made.plan.service, "bold"),
        f": {number(origin.total)} of demand from {origin.demand}, against {made.present}",
    )
    if origin.down:
        text.append(f", without {', '.join(origin.down)}")
    if origin.headroom:
        text.append(f", {origin.headroom:.0%} of each capacity kept free")
    return text


def _regions(made: Made, everything: bool) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("region", no_wrap=True)
    for name in ("capacity", "before", ""):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("", no_wrap=True)
    for name in ("after", ""):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("", no_wrap=True)
    table.add_column("1 more saves", justify="right", no_wrap=True)
    found = made.assignment
    for at, region in enumerate(made.regions):
        before, after = float(found.load_before[at]), float(found.load_after[at])
        worth = float(found.worth[at])
        if not (before or after or worth or everything):
            continue
        table.add_row(
            escape(region.name),
            "no limit" if region.total is None else number(region.total),
            *_load(before, region.total),
            *_load(after, region.total),
            f"{worth:.3g} ms" if worth > 0.01 else "",
        )
    return table


def _load(load: float, capacity: float | None) -> tuple[str, str, Text]:
    if not capacity:
        return number(load), "", Text("")
    use = load / capacity
    style = "red" if use > _FULL else "yellow" if use > _NEARLY else "green"
    return number(load), f"{use:.0%}", Text(bar(use), style=style)


def _latency(found: Assignment) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("", no_wrap=True)
    for name in ("mean", "p50", "p95", "cost"):
        table.add_column(name, justify="right", no_wrap=True)
    for name, spread, cost in (
        ("before", found.before, found.cost_before),
        ("after", found.after, found.cost_after),
    ):
        table.add_row(name, *_figures(spread), number(cost) if cost else "")
    return table


def _figures(spread: Spread) -> tuple[str, str, str]:
    mean, half, most = (
        "unknown" if value is None else f"{value:.1f} ms"
        for value in (spread.mean, spread.p50, spread.p95)
    )
    return mean, half, most


def _moves(found: Assignment, everything: bool) -> RenderableType:
    if not found.moves:
        return Text("nobody moves")
    total = float(found.task.demand.sum())
    title = Text(f"{number(found.moved)} of demand moves, {found.moved / total:.1%} of all:")
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in ("client", "from", "to"):
        table.add_column(name, no_wrap=True)
    for name in ("demand", "before", "after"):
        table.add_column(name, justify="right", no_wrap=True)
    shown = found.moves if everything else found.moves[:MOST_MOVES]
    for move in shown:
        table.add_row(*_move(move))
    left = len(found.moves) - len(shown)
    more = [Text(f"and {left} more moves, which --all shows")] if left else []
    return Group(title, table, *more)


def _move(move: Move) -> tuple[str, ...]:
    source = "nowhere" if move.source is None else move.source
    return (
        *(escape(move.client), escape(source), escape(move.target)),
        *(number(move.demand), _ms(move.before), _ms(move.after)),
    )


def _ms(value: float) -> str:
    return f"{value:.1f} ms" if math.isfinite(value) else "unknown"


def _note(note: str) -> Text:
    return Text(f"note: {note}", style="yellow")
