"""The figures of ten thousand targets as tables on the terminal, as Markdown and as JSON."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from rich.console import Console

from benchmarks import sheets
from benchmarks.probes import FALL, FULL, REGIONS, SERVICES, ZONES_EACH, Case
from benchmarks.sheets import Sheet


def tables(cases: Sequence[Case]) -> list[Sheet]:
    """All tables."""
    return [_cost(cases), _steadiness(cases)]


def _cost(cases: Sequence[Case]) -> Sheet:
    columns = ("check", "that hang", "CPU %", "each second %", "µs/probe", "MB", "sockets")
    rows = []
    for case in cases:
        each = sorted(100 * part for part in case.by_second)
        rows.append(
            (
                case.kind,
                f"{case.hanging:,}",
                f"{100 * case.cpu:.0f}",
                f"{each[0]:.0f}-{statistics.median(each):.0f}-{each[-1]:.0f}",
                f"{1e6 * case.probe:.0f}",
                f"{case.memory / 1e6:.0f}",
                f"{case.sockets:,}",
            )
        )
    return Sheet("What probing costs the control process", columns, rows)


def _steadiness(cases: Sequence[Case]) -> Sheet:
    columns = ("check", "that hang", "least", "median", "most", "longest gap s")
    rows = [
        (
            case.kind,
            f"{case.hanging:,}",
            f"{min(case.starts)}",
            f"{statistics.median(case.starts):.0f}",
            f"{max(case.starts)}",
            f"{case.gap:.2f}",
        )
        for case in cases
    ]
    return Sheet("Probes that start in a tenth of a second", columns, rows)


def show(cases: Sequence[Case], console: Console) -> None:
    """Print the tables, which fit 80 columns."""
    for sheet in tables(cases):
        sheets.show(sheet, console)


def markdown(cases: Sequence[Case], machine: dict[str, str], when: datetime, note: str) -> str:
    """The section of docs/benchmarks.md; ``note`` is what else a reader has to know."""
    parts = ["## Ten thousand targets", _method(when)]
    if note:
        parts.append(f"- {note}")
    for sheet in tables(cases):
        parts += [f"### {sheet.title}", sheets.markdown(sheet)]
    words = ", ".join(f"{name} {value}" for name, value in machine.items())
    return "\n\n".join([*parts, f"Machine: {words}."])


def _method(when: datetime) -> str:
    return f"""\
Measured on {when:%Y-%m-%d} with `scripts/bench probes`.

- A `geodns serve` probes {FULL.targets:,} addresses of 127.0.0.0/8 every {FULL.interval:g} s: \
{REGIONS} regions of {ZONES_EACH} AZs with {SERVICES} services each. One other process, on another \
core where there is one, has all endpoints. A `tcp` check expects a greeting, an `http` check asks \
for a path and expects 200; `timeout` is {FULL.timeout:g} s, `fall` {FALL}.
- Each row is {FULL.seconds:g} s, once every target has been judged. First all endpoints answer; \
then a fifth takes connections and says nothing.
- CPU is that of control's threads (/proc/PID/task/*/schedstat) in percent of one core, over all \
and, as least, median and most, over each second. On loopback it has in it the kernel's work for \
both sides of a connection that opens. MB is the most that was resident; sockets are the most that \
were seen open, workers' and admin ones included.
- Starts are counted where connections arrive. The gap is the longest between two probes of an \
endpoint that answers."""


def as_json(cases: Sequence[Case], machine: dict[str, str], when: datetime) -> dict[str, Any]:
    """Everything, with unrounded figures; times in seconds, memory in bytes."""
    return {
        "date": when.astimezone(UTC).isoformat(timespec="seconds"),
        "machine": machine,
        "cases": [
            {
                "check": case.kind,
                "hanging": case.hanging,
                "cpu": case.cpu,
                "cpu_by_second": case.by_second,
                "cpu_per_probe": case.probe,
                "memory": case.memory,
                "sockets": case.sockets,
                "starts": case.starts,
                "longest_gap": case.gap,
            }
            for case in cases
        ],
    }
