"""The figures as a table on the terminal, as Markdown and as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from rich import box
from rich.console import Console
from rich.table import Table

from benchmarks.figures import Row, Verdict, ratio, verdicts
from benchmarks.load import OUTSTANDING

COLUMNS = ("scenario", "server", "CPU µs/query", "min-max", "queries/s", "x gdnsd", "x PowerDNS")
_NARROW = ("scenario", "server", "median", "min-max", "queries/s", "x gdnsd", "x PowerDNS")
SCENARIOS = {
    "plain": "A of 1,000 static names, no EDNS",
    "edns": "the same with EDNS",
    "geo": "A of 100 geo names, located by the resolver's address (no client subnet, no EDNS)",
    "subnet": "the same names with EDNS client subnet: 50,000 different, really allocated /24s",
    "many": "the same with 300,000 different /24s, more than a server would remember one by one",
}


@dataclass(frozen=True)
class Run:
    """One run with all that a reader needs to judge it."""

    when: datetime
    machine: dict[str, str]
    versions: dict[str, str]
    seconds: float
    rounds: int
    pinned: bool
    load_before: float
    rows: tuple[Row, ...]


def cells(row: Row, rows: Sequence[Row]) -> tuple[str, ...]:
    """A measured row under ``COLUMNS``; a rate that the server did not limit has ``≥``."""
    median, least, most = row.cpu
    return (
        row.scenario,
        row.name,
        f"{median:.2f}",
        f"{least:.2f}-{most:.2f}",
        f"{'' if row.saturated else '≥ '}{row.rate:,.0f}",
        _times(ratio(row, rows, "gdnsd")),
        _times(ratio(row, rows, "PowerDNS")),
    )


def _times(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"


def _notes(run: Run) -> Iterator[str]:
    """What a reader has to know beside the table, a sentence each."""
    measured = [row for row in run.rows if row.samples]
    if any(not row.saturated for row in measured):
        yield (
            "≥: the server used less than 95 % of its CPU, so the load generator was the limit, "
            "or another program took the CPU."
        )
    for row in measured:
        if row.lost:
            yield f"{row.name}, {row.scenario}: {row.lost} queries went unanswered."
    for (name, reason), scenarios in _left_out(run.rows).items():
        yield f"Left out: {name} ({', '.join(scenarios)}): {reason}."
    if run.load_before > 0.5:
        yield f"The machine was not idle: its load average was {run.load_before:.1f} at the start."


def _left_out(rows: Sequence[Row]) -> dict[tuple[str, str], list[str]]:
    found: dict[tuple[str, str], list[str]] = {}
    for row in rows:
        if row.left_out is not None:
            found.setdefault((row.name, row.left_out.rstrip(".")), []).append(row.scenario)
    return found


def _judgement(verdict: Verdict) -> str:
    if verdict.met is None or verdict.measured is None:
        return "not measured"
    return f"{verdict.measured:.2f}, {'met' if verdict.met else 'not met'}"


def show(run: Run, console: Console) -> None:
    """Print the table, which fits 80 columns, the notes and the expectations."""
    table = Table(
        title="CPU µs per query, one worker or thread each",
        box=box.SIMPLE,
        padding=(0, 1, 0, 0),
        pad_edge=False,
        show_edge=False,
    )
    for number, column in enumerate(_NARROW):
        table.add_column(column, justify="left" if number < 2 else "right", no_wrap=True)
    previous = ""
    for row in run.rows:
        if not row.samples:
            continue
        if previous and row.scenario != previous:
            table.add_section()
        previous = row.scenario
        style = "bold" if row.server == "geodns" else None
        table.add_row(*cells(row, run.rows), style=style)
    console.print(table)
    for note in _notes(run):
        console.print(note, markup=False)
    for verdict in verdicts(run.rows):
        console.print(
            f"{verdict.scenario}: at most {verdict.limit:g} x {verdict.peer}: {_judgement(verdict)}"
        )


def markdown(run: Run) -> str:
    """The section of docs/benchmarks.md."""
    parts = [
        "## Queries",
        _method(run),
        "\n".join(f"- `{name}`: {text}" for name, text in SCENARIOS.items()),
        _markdown_table(
            COLUMNS, [cells(row, run.rows) for row in run.rows if row.samples], numbers_from=2
        ),
        "\n".join(f"- {note}" for note in _notes(run)),
        "### Expectations",
        "One worker of this server: at most 2 x gdnsd's CPU per query, at most half of PowerDNS's.",
        _markdown_table(
            ("scenario", "expectation", "measured"),
            [
                (one.scenario, f"at most {one.limit:g} x {one.peer}", _judgement(one))
                for one in verdicts(run.rows)
            ],
            numbers_from=3,
        ),
        "### Machine and programs",
        _markdown_table(("", ""), [*run.machine.items(), *run.versions.items()], numbers_from=2),
    ]
    return "\n\n".join(part for part in parts if part)


def _method(run: Run) -> str:
    where = (
        "The servers run on one CPU and the load generator on another."
        if run.pinned
        else "The servers and the load generator share one CPU."
    )
    return f"""\
Measured on {run.when:%Y-%m-%d} with `scripts/bench queries`, all in one run over loopback UDP.

- Every server serves the same zones with one worker or thread, and locates clients with the same \
country database and the same map of countries to ten datacenters. Health checks are off, caches \
have their defaults. {where}
- dnsperf sends prepared packets (`-B`) as fast as answers come back, {OUTSTANDING} outstanding. \
Before that, samples of every scenario are asked, and a server whose answers are not exactly the \
expected address is left out.
- CPU per query is user and system time of all of a server's processes and threads \
(/proc/PID/stat) divided by the queries answered: the median of {run.rounds} rounds of \
{run.seconds:g} s after a warm-up. The servers take turns in each round. Ratios are of CPU per \
query, in the same scenario.
- PowerDNS answers nearly all static queries here from its packet cache and none of the geo \
queries (by its own counters): these are different tests of it.
- On loopback the kernel's work for a packet is charged to its sender: the way of the query into \
the server's socket to dnsperf, the way of the answer to the server, for all servers alike."""


def _markdown_table(
    columns: Sequence[str], rows: Sequence[Sequence[str]], *, numbers_from: int
) -> str:
    if not rows:
        return ""
    rule = ["---:" if place >= numbers_from else "---" for place in range(len(columns))]
    return "\n".join("| " + " | ".join(line) + " |" for line in (columns, rule, *rows))


def as_json(run: Run) -> dict[str, object]:
    """Everything, with unrounded figures; times in microseconds."""
    return {
        "date": run.when.astimezone(UTC).isoformat(timespec="seconds"),
        "machine": run.machine,
        "versions": run.versions,
        "seconds": run.seconds,
        "rounds": run.rounds,
        "pinned": run.pinned,
        "load_before": run.load_before,
        "rows": [_json_row(row, run.rows) for row in run.rows],
        "expectations": [
            {
                "scenario": one.scenario,
                "peer": one.peer,
                "limit": one.limit,
                "measured": one.measured,
                "met": one.met,
            }
            for one in verdicts(run.rows)
        ],
    }


def _json_row(row: Row, rows: Sequence[Row]) -> dict[str, object]:
    named: dict[str, object] = {
        "server": row.server,
        "setup": row.setup,
        "scenario": row.scenario,
    }
    if not row.samples:
        return named | {"left_out": row.left_out}
    median, least, most = row.cpu
    return named | {
        "cpu_us": {"median": median, "min": least, "max": most},
        "qps": row.rate,
        "busy": row.busy,
        "lost": row.lost,
        "vs_gdnsd": ratio(row, rows, "gdnsd"),
        "vs_powerdns": ratio(row, rows, "PowerDNS"),
    }
