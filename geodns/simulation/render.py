"""A simulation for people: the bare facts first, then who moves where, then the loads."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from geodns.simulation.results import AreaLoad, Flow, Found, Load, Simulation

_GAP = (0, 2, 0, 0)
_INDENT = (0, 0, 0, 2)
_BAR = 30  # characters of the longest bar
_MOST_ROWS = 12
_EIGHTHS = " ▏▎▍▌▋▊▉"

_Pair = tuple[str, str | Text]


def render(simulation: Simulation, *, everything: bool = False) -> Group:
    """What changes, in the order in which an operator asks. ``everything``: no row is left out."""
    most = None if everything else _MOST_ROWS
    many = len(simulation.services) > 1
    parts: list[RenderableType] = [_title(simulation), _pairs(_facts(simulation, many=many))]
    if many:
        parts += _section("Services", _services(simulation))
    if simulation.total.regions:
        parts += _section("Moves between regions", *_flows(simulation.total.regions, most))
    if everything and simulation.total.zones:
        parts += _section("Moves between AZs", *_flows(simulation.total.zones, None))
    parts += _section("Load on regions", *_areas(simulation.regions, most))
    parts += _section("Load on AZs", *_areas(simulation.zones, most))
    loads = [load for each in simulation.services for load in each.loads]
    if any(load.utilisation_after is not None for load in loads):
        parts += _section("Capacity", *_capacities(loads, most))
    return Group(*parts)


def _title(simulation: Simulation) -> Text:
    return Text.assemble((simulation.before, "bold"), "  ->  ", (simulation.after, "bold"))


def _facts(simulation: Simulation, *, many: bool) -> Iterator[_Pair]:
    total = simulation.total
    share = Text(percent(total.moved), "yellow" if total.moved else "green")
    if total.moved:
        share.append(f", {_regions_words(total)} to another region")
        if not math.isnan(total.moved_before):
            share.append(f"; their mean latency {change(total.moved_before, total.moved_after)}")
    yield "moved", share
    yield "latency", _latency(total)
    yield from _troubles(total, simulation)
    yield "counted", _counted(simulation, many=many)


def _regions_words(total: Found) -> str:
    part = total.moved_region / total.moved
    return "all" if part > 1 - 1e-9 else "none" if not part else percent(total.moved_region)


def _latency(total: Found) -> Text:
    before, after = total.before.latency, total.after.latency
    if math.isnan(before.mean) and math.isnan(after.mean):
        return Text("unknown: no client has a place, and no latency table has a row for it")
    words = (
        f"mean {change(before.mean, after.mean)}, median {change(before.median, after.median)}, "
        f"95% within {change(before.p95, after.p95)}"
    )
    known = min(before.known, after.known)
    return Text(words + (f" (of the {percent(known)} that are known)" if known < 0.9995 else ""))


def _troubles(total: Found, simulation: Simulation) -> Iterator[_Pair]:
    if total.before.forced or total.after.forced:
        words = f"{_from_to(total.before.forced, total.after.forced)} have nobody available"
        yield "when down", Text(words + " and get what when_down says", "red")
    if total.before.unanswered or total.after.unanswered:
        words = _from_to(total.before.unanswered, total.after.unanswered)
        yield "no answer", Text(f"{words} get no address", "red")
    for load in (load for each in simulation.services for load in each.loads):
        if load.utilisation_after is not None and load.utilisation_after > 1:
            words = f"{load.endpoint} would get {load.utilisation_after:.0%} of its capacity"
            yield "overload", Text(words, "red")
    if simulation.gone:
        yield "gone", Text(f"services that are no longer there: {', '.join(simulation.gone)}")
    if simulation.new:
        yield "new", f"services that were not there before: {', '.join(simulation.new)}"


def _counted(simulation: Simulation, *, many: bool) -> str:
    words = simulation.counted
    if simulation.unplaced >= 0.0005:
        words += f"; {percent(simulation.unplaced)} are of no place that the databases know"
    return words + (", for each service" if many and simulation.unit != "demand" else "")


def _services(simulation: Simulation) -> Table:
    headings = ("service", "moved", "mean", "median", "95% within", "when down", "no answer")
    table = _table([(heading, number > 0) for number, heading in enumerate(headings)])
    for each in simulation.services:
        found = each.found
        before, after = found.before.latency, found.after.latency
        table.add_row(
            Text(each.name + (" (AAAA)" if each.type == "AAAA" else "")),
            Text(percent(found.moved), "yellow" if found.moved else "dim"),
            change(before.mean, after.mean),
            change(before.median, after.median),
            change(before.p95, after.p95),
            _trouble(found.before.forced, found.after.forced),
            _trouble(found.before.unanswered, found.after.unanswered),
        )
    return table


def _flows(flows: Sequence[Flow], most: int | None) -> Iterator[RenderableType]:
    table = _table(
        [("from", False), ("to", False), ("clients", True), ("", False), ("mean latency", True)]
    )
    longest = max((flow.share for flow in flows), default=0.0)
    for flow in flows[:most]:
        table.add_row(
            Text(flow.source),
            Text(flow.target),
            percent(flow.share),
            Text(bar(flow.share, longest), "yellow"),
            change(flow.ms_before, flow.ms_after),
        )
    yield table
    yield from _rest(len(flows), most, sum(flow.share for flow in flows[most:] if most))


def _areas(areas: Sequence[AreaLoad], most: int | None) -> Iterator[RenderableType]:
    table = _table([("", False), ("before", True), ("after", True), ("", False)])
    longest = max((max(area.before, area.after) for area in areas), default=0.0)
    for area in areas[:most]:
        style = "dim" if area.before == area.after else "cyan"
        table.add_row(
            Text(area.name),
            percent(area.before),
            Text(percent(area.after), _style(area.before, area.after)),
            Text(bar(area.after, longest), style),
        )
    yield table
    yield from _rest(len(areas), most, sum(area.after for area in areas[most:] if most))


def _capacities(loads: Iterable[Load], most: int | None) -> Iterator[RenderableType]:
    limited = [load for load in loads if load.utilisation_after is not None]
    limited.sort(key=lambda load: -(load.utilisation_after or 0.0))
    table = _table(
        [("endpoint", False), ("capacity", True), ("before", True), ("after", True), ("", False)]
    )
    for load in limited[:most]:
        used = load.utilisation_after or 0.0
        style = "red" if used > 1 else "cyan"
        table.add_row(
            Text(load.endpoint),
            f"{load.capacity:,.0f}",
            f"{load.load_before:,.0f} ({load.utilisation_before:.0%})",
            Text(f"{load.load_after:,.0f} ({used:.0%})", style if used > 1 else ""),
            Text(bar(min(used, 1.0), 1.0), style),
        )
    yield table
    yield from _rest(len(limited), most, None)


def _rest(count: int, most: int | None, share: float | None) -> Iterator[Text]:
    if most is not None and count > most:
        words = "" if share is None else f", {percent(share)} together"
        yield Text(f"and {count - most} more{words}: --all shows them", "dim")


def _section(heading: str, *parts: RenderableType) -> list[RenderableType]:
    return [Text(), Text(heading, "bold cyan"), *(Padding(part, _INDENT) for part in parts)]


def _pairs(pairs: Iterable[_Pair]) -> Table:
    grid = Table.grid(padding=_GAP)
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    for key, value in pairs:
        grid.add_row(key, value if isinstance(value, Text) else Text(value))
    return grid


def _table(columns: Sequence[tuple[str, bool]]) -> Table:
    """A table with these headings; the flag says that a column is of numbers."""
    table = Table(box=None, pad_edge=False, padding=_GAP, header_style="dim")
    for heading, numbers in columns:
        table.add_column(heading, justify="right" if numbers else "left", no_wrap=True)
    return table


def percent(share: float) -> str:
    """A share with one decimal, but whole where it is all or nothing; never 0 for something."""
    if share in (0.0, 1.0):
        return f"{share:.0%}"
    return "<0.1%" if share < 0.0005 else ">99.9%" if share > 0.9995 else f"{share:.1%}"


def ms(figure: float) -> str:
    """Milliseconds, the small ones with a decimal."""
    if math.isnan(figure):
        return "unknown"
    return f"{figure:.1f} ms" if figure < 10 else f"{figure:.0f} ms"


def change(before: float, after: float) -> str:
    """One figure where nothing changes that is shown, else two."""
    one, other = ms(before), ms(after)
    return one if one == other else f"{one.removesuffix(' ms')} -> {other}"


def bar(figure: float, longest: float) -> str:
    """A bar in eighths of a character; something is never nothing."""
    if longest <= 0 or figure <= 0:
        return ""
    eighths = max(1, round(figure / longest * _BAR * 8))
    return "█" * (eighths // 8) + _EIGHTHS[eighths % 8].strip()


def _from_to(before: float, after: float) -> str:
    one, other = percent(before), percent(after)
    return one if one == other else f"{one} -> {other}"


def _trouble(before: float, after: float) -> Text:
    return Text(_from_to(before, after), "red" if before or after else "dim")


def _style(before: float, after: float) -> str:
    return "dim" if before == after else "yellow" if after > before else "green"
