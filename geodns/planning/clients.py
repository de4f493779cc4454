"""The clients of a plan: wide ones taken apart, small ones put together. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from geodns.latency.client import ClientKey, Level, parse_client
from geodns.planning.demand import DemandRow
from geodns.planning.latencies import Outlook

MOST_CLIENTS = 3000
"""Rows that a plan keeps as they are given, those with most demand first. Solving takes seconds for
so many, and the rest of a list of every network has next to no demand."""


def take_apart(rows: Sequence[DemandRow], seen: Outlook) -> list[DemandRow] | None:
    """The rows, each whose clients are steered to several regions as the areas within it.

    A share of a whole country would go to either coast, whichever of them a client is on. The
    demand goes to the areas in proportion to their addresses. None: there is nothing to do.
    """
    if all(len(parts) < 2 for parts in seen.parts):
        return None
    found: list[DemandRow] = []
    for row, parts in zip(rows, seen.parts, strict=True):
        if len(parts) < 2:
            found.append(row)
            continue
        found += [
            DemandRow(parse_client(name), row.demand * share) for name, share in parts.items()
        ]
    return merged(found)


def put_together(rows: Sequence[DemandRow], seen: Outlook, most: int) -> list[DemandRow] | None:
    """The rows, all but the ``most`` largest as part of the area around them; None: not needed."""
    if len(rows) <= most:
        return None
    largest = sorted(range(len(rows)), key=lambda at: -rows[at].demand)[:most]
    kept = set(largest)
    return merged(
        row if at in kept else DemandRow(_area(seen.around[at]), row.demand)
        for at, row in enumerate(rows)
    )


def merged(rows: Iterable[DemandRow]) -> list[DemandRow]:
    """Rows for the same client as one."""
    sums: dict[str, DemandRow] = {}
    for row in rows:
        former = sums.get(row.client.text)
        demand = row.demand + (former.demand if former is not None else 0.0)
        sums[row.client.text] = DemandRow(row.client, demand)
    return list(sums.values())


def _area(around: Sequence[str]) -> ClientKey:
    """The closest of the keys around a client that is an area."""
    keys = map(parse_client, around)
    return next((key for key in keys if key.level < Level.ASN), parse_client("default"))
