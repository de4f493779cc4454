"""Tables of figures, as they stand on the terminal and in docs/benchmarks.md."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from rich import box
from rich.console import Console
from rich.table import Table


class Sheet(NamedTuple):
    """One table; the first column is text, and so is each that has a cell which is no number."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]


def show(sheet: Sheet, console: Console) -> None:
    """Print it."""
    table = Table(
        title=sheet.title,
        title_justify="left",
        box=box.SIMPLE,
        padding=(0, 1, 0, 0),
        pad_edge=False,
        show_edge=False,
    )
    for number, column in enumerate(sheet.columns):
        table.add_column(column, justify="right" if _is_number(sheet, number) else "left")
    for row in sheet.rows:
        table.add_row(*row)
    console.print(table)
    console.print()


def markdown(sheet: Sheet) -> str:
    """The table without its title."""
    rule = ["---:" if _is_number(sheet, number) else "---" for number in range(len(sheet.columns))]
    lines = (sheet.columns, rule, *sheet.rows)
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _is_number(sheet: Sheet, column: int) -> bool:
    cells = [row[column] for row in sheet.rows if row[column]]
    return all(cell[0].isdigit() for cell in cells) and column > 0
