"""The figures of a large zone as a table on the terminal, as Markdown and as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from rich.console import Console

from benchmarks import sheets
from benchmarks.sheets import Sheet
from benchmarks.zones import RECORDS, Figures


def _table(figures: Sequence[Figures]) -> Sheet:
    columns = ("server", "load s", "memory MB", "AXFR s", "change s", "update s", "IXFR ms")
    rows = [
        (
            one.server,
            f"{one.load:.1f}",
            f"{one.memory / 1e6:.0f}",
            f"{one.whole:.2f}",
            f"{one.changed:.1f}",
            "-" if one.updated is None else f"{one.updated:.2f}",
            "whole zone" if one.difference is None else f"{1e3 * one.difference:.1f}",
        )
        for one in figures
    ]
    return Sheet("A zone of a million records", columns, rows)


def show(figures: Sequence[Figures], console: Console) -> None:
    """Print the table, which fits 80 columns."""
    sheets.show(_table(figures), console)


def markdown(figures: Sequence[Figures], machine: dict[str, str], when: datetime, note: str) -> str:
    """The section of docs/benchmarks.md; ``note`` is what else a reader has to know."""
    method = f"""\
Measured on {when:%Y-%m-%d} with `scripts/bench zones`.

- A master file of {RECORDS:,} A records, each with a name of its own, served by one worker.
- load: from the start until the SOA is answered; memory: of all processes then, what is shared \
once.
- AXFR: the whole zone over TCP, read and not looked at. IXFR: one added record.
- change: of the file, from the signal to reload until the new serial is answered. This server \
reads the file anew in Python, compiles it and compares, in another process than those that answer.
- update: a dynamic update of one record over TCP, until it is acknowledged. This server does so \
when its workers answer it. NSD takes none, and Knot DNS was not asked. The least of 5."""
    parts = ["## A zone of a million records", method]
    if note:
        parts.append(f"- {note}")
    words = ", ".join(f"{name} {value}" for name, value in machine.items())
    return "\n\n".join([*parts, sheets.markdown(_table(figures)), f"Machine: {words}."])


def as_json(figures: Sequence[Figures], machine: dict[str, str], when: datetime) -> dict[str, Any]:
    """The figures, in seconds and bytes."""
    return {
        "when": when.astimezone(UTC).isoformat(),
        "machine": machine,
        "records": RECORDS,
        "servers": [one._asdict() for one in figures],
    }
