"""How the writer of a YAML zone file writes, so that what is added looks like the rest."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from geodns.zone.editing.yaml_text import block, flow, scalar
from geodns.zone.editing.yaml_tree import Part


@dataclass(frozen=True, slots=True)
class Style:
    """``indent`` and ``dash``: columns of mappings and of lists relative to the key above them;
    ``alphabetical``: the keys of a record are sorted; ``sorted_names``: so are the names."""

    flow: bool = True
    indent: int = 2
    dash: int = 2
    alphabetical: bool = False
    sorted_names: bool = False

    def after_key(self, records: list[dict[str, Any]], column: int) -> str:
        """What stands after ``name:`` for records; ``column`` is that of the name."""
        if len(records) == 1:
            if self.flow:
                return f" {flow(records[0])}"
            return _lines(block(records[0], column + self.indent, self.dash))
        return "".join(_lines(self.item(record, column + self.dash)) for record in records)

    def item(self, record: dict[str, Any], column: int) -> list[str]:
        """The lines of a record in a list whose dashes stand in a column."""
        if self.flow:
            return [f"{' ' * column}- {flow(record)}"]
        found = block(record, column + 2, self.dash)
        return [f"{' ' * column}- {found[0].lstrip()}", *found[1:]]

    def pair(self, name: str, records: list[dict[str, Any]], column: int) -> list[str]:
        """The lines of a name and its records."""
        return f"{' ' * column}{scalar(name)}:{self.after_key(records, column)}".split("\n")


def style_of(root: Part) -> Style:
    """How a file is written; where it doesn't show, as the examples of this program are."""
    mappings = list(_records(root))
    in_flow = sum(part.flow for part in mappings)
    orders = [
        pair_keys.index("ttl") < pair_keys.index("type")
        for pair_keys in ([key.text for key, _ in part.pairs] for part in mappings)
        if "ttl" in pair_keys and "type" in pair_keys
    ]
    names = [natural(key.text) for key, _ in root.pairs]
    return Style(
        flow=root.flow or not mappings or in_flow * 2 >= len(mappings),
        indent=max(1, _column(root, "mapping", 2)),
        dash=_column(root, "sequence", 2),
        alphabetical=bool(orders) and sum(orders) * 2 >= len(orders),
        sorted_names=len(names) > 1 and names == sorted(names),
    )


def natural(name: str) -> list[tuple[int, str]]:
    """Sorts as octoDNS demands by default: numbers in a name by their value."""
    return [
        (int(piece), "") if piece.isdecimal() else (-1, piece)
        for piece in re.split(r"(\d+)", name)
        if piece
    ]


def _records(root: Part) -> Iterator[Part]:
    for _, value in root.pairs:
        for part in value.items if value.kind == "sequence" else [value]:
            if part.kind == "mapping":
                yield part


def _column(root: Part, kind: str, default: int) -> int:
    """The column of the first collection of a kind in block style, relative to its key."""
    for key, value in root.pairs:
        if value.kind == kind and not value.flow and value.line > key.line:
            return value.column - key.column
    for part in _records(root) if kind == "sequence" else ():
        for key, value in part.pairs:
            if value.kind == kind and not value.flow:
                return value.column - key.column
    return default


def _lines(lines: list[str]) -> str:
    return "".join(f"\n{line}" for line in lines)
