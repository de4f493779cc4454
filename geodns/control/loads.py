"""What is known of endpoints' load and speed, as rows for terminal and page. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

HEADS = ("endpoint", "load", "capacity", "used", "checked in", "in service", "factor", "")
"""Of the columns of LoadRow.cells; all but the first and the last are numbers."""

_MOST = 10  # rows where not everything is asked for


class LoadRow(NamedTuple):
    """One endpoint; ``cells`` go with HEADS. ``used`` is -1 where no load is known."""

    id: str
    used: float
    notable: bool
    cells: tuple[str, ...]


def load_rows(status: dict[str, Any]) -> list[LoadRow]:
    """The endpoints of which a load, or why there is none, or a factor is known; fullest first."""
    endpoints = (
        endpoint
        for region in status["health"]["regions"]
        for zone in region["availability_zones"]
        for endpoint in zone["endpoints"]
    )
    rows = (_row(endpoint) for endpoint in endpoints if _known(endpoint["load"]))
    return sorted(rows, key=lambda row: -row.used)


def foremost_loads(rows: Sequence[LoadRow]) -> tuple[list[LoadRow], int]:
    """The few that are worth a look, in the order given, and how many are left out."""
    notable = [row for row in rows if row.notable]
    others = [row for row in rows if not row.notable]
    chosen = {row.id for row in [*notable, *others][:_MOST]}
    return [row for row in rows if row.id in chosen], len(rows) - len(chosen)


def faults(status: dict[str, Any]) -> list[tuple[str, str]]:
    """The endpoints whose last answer told no load, and why."""
    return [(row.id, row.cells[-1]) for row in load_rows(status) if row.cells[-1]]


def _known(load: dict[str, Any]) -> bool:
    by_measure = load["share_by"] in {"load", "response_time"}
    return load["load"] is not None or bool(load["fault"]) or by_measure


def _row(endpoint: dict[str, Any]) -> LoadRow:
    load = endpoint["load"]
    used = load["utilisation"]
    sheds = load["availability"] < 1
    seconds = load["response_time"]
    cells = (
        endpoint["id"],
        "" if load["load"] is None else f"{load['load']:,.6g}{' pushed' * load['pushed']}",
        "" if load["capacity"] is None else f"{load['capacity']:,.6g}",
        "" if used is None else f"{used:.0%}",
        "" if seconds is None else f"{seconds * 1000:.1f} ms",
        f"{endpoint['availability']:.0%}",
        f"{load['factor']:.2f}",
        load["fault"],
    )
    notable = sheds or bool(load["fault"])
    return LoadRow(endpoint["id"], -1.0 if used is None else used, notable, cells)
