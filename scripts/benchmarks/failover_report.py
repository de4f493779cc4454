"""From failures to changed answers: the figures on the terminal, as Markdown and as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from rich.console import Console

from benchmarks import sheets
from benchmarks.failover import FALL, INTERVAL, SLACK, TIMEOUT, Times, bound
from benchmarks.sheets import Sheet


def table(times: Sequence[Times]) -> Sheet:
    """One row for each failure; seconds."""
    columns = ("failure", "rounds", "bound s", "least s", "median s", "most s", "met")
    rows = [
        (
            one.name,
            str(len(one.seconds)),
            f"{bound():.2f}",
            f"{min(one.seconds):.2f}",
            f"{one.median:.2f}",
            f"{max(one.seconds):.2f}",
            "yes" if one.met else "no",
        )
        for one in times
    ]
    return Sheet("From a failure to a changed answer", columns, rows)


def show(times: Sequence[Times], console: Console) -> None:
    """Print the table, which fits 80 columns."""
    sheets.show(table(times), console)


def markdown(times: Sequence[Times], machine: dict[str, str], when: datetime, note: str) -> str:
    """The section of docs/benchmarks.md; ``note`` is what else a reader has to know."""
    sheet = table(times)
    ways = "\n".join(f"- {one.name}: {one.words}" for one in times)
    words = ", ".join(f"{name} {value}" for name, value in machine.items())
    parts = [f"## {sheet.title}", _method(when), *([f"- {note}"] if note else [])]
    return "\n\n".join([*parts, ways, sheets.markdown(sheet), f"Machine: {words}."])


def _method(when: datetime) -> str:
    return f"""\
Measured on {when:%Y-%m-%d} with `scripts/bench failover`, end to end over real sockets.

- A `geodns serve` with one worker checks endpoints, each a process of its own, by `http` or \
`https` with `interval` {INTERVAL:g} s, `fall` {FALL} and `timeout` {TIMEOUT:g} s, and answers \
with the first endpoint of a service or, when that is down, with another.
- At a random moment the first endpoint is made to fail, and its name is asked by UDP without a \
pause until the answer is another one. The time begins before the failure is made.
- The bound is `interval` x `fall` + `timeout` + {1000 * SLACK:.0f} ms."""


def as_json(times: Sequence[Times], machine: dict[str, str], when: datetime) -> dict[str, Any]:
    """Everything, with unrounded figures in seconds."""
    return {
        "date": when.astimezone(UTC).isoformat(timespec="seconds"),
        "machine": machine,
        "interval": INTERVAL,
        "fall": FALL,
        "timeout": TIMEOUT,
        "bound": bound(),
        "failures": [
            {"name": one.name, "how": one.words, "seconds": one.seconds, "met": one.met}
            for one in times
        ],
    }
