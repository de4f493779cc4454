"""What changes from one latency table to another."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, NamedTuple

from geodns.latency.figure import Table

_MOST_SHOWN = 4  # figures of a row that a line names

Kind = Literal["added", "changed", "dropped"]


class Change(NamedTuple):
    """A client's row that is not as it was; ms by region, None where there was no row."""

    kind: Kind
    client: str
    before: dict[str, float] | None
    after: dict[str, float] | None

    def __str__(self) -> str:
        if self.before is None or self.after is None:
            figures = self.after or self.before or {}
            return _listed([f"{region} {ms:g}" for region, ms in figures.items()])
        return _listed(list(_differences(self.before, self.after)))


def _listed(words: list[str]) -> str:
    more = len(words) - _MOST_SHOWN
    return ", ".join(words[:_MOST_SHOWN]) + (f" and {more} more" if more > 0 else "")


def _differences(before: dict[str, float], after: dict[str, float]) -> Iterator[str]:
    for region in dict.fromkeys([*before, *after]):
        old, new = before.get(region), after.get(region)
        if old == new:
            continue
        words = ["none" if ms is None else f"{ms:g}" for ms in (old, new)]
        yield f"{region} {words[0]} -> {words[1]}"


def changes(before: Table, after: Table) -> list[Change]:
    """The rows that differ in some figure, in the order of the new table, dropped ones last."""
    old, new = _milliseconds(before), _milliseconds(after)
    found = []
    for client, figures in new.items():
        if client not in old:
            found.append(Change("added", client, None, figures))
        elif old[client] != figures:
            found.append(Change("changed", client, old[client], figures))
    gone = (client for client in old if client not in new)
    return found + [Change("dropped", client, old[client], None) for client in gone]


def _milliseconds(table: Table) -> dict[str, dict[str, float]]:
    return {
        row.client: {region: figure.ms for region, figure in row.figures.items()}
        for row in table.rows
    }
