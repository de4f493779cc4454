"""The figures of location maps as tables on the terminal, as Markdown and as JSON."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime

from rich.console import Console

from benchmarks.locations import LIMITS, NETWORKS, RECORDS, ROUNDS, Case, Figures
from benchmarks.many_regions import POLICIES, REGIONS, SERVICES, ZONES_EACH
from benchmarks.serving import INTERVAL, WORKERS
from benchmarks.sheets import Sheet
from benchmarks.sheets import markdown as sheet_markdown
from benchmarks.sheets import show as show_sheet

_START = {
    "first": "start with a new city database, until queries are answered",
    "later": "start with a city database that has been expanded before",
}
_PHASES = {
    "nothing": "while nothing changes",
    "zone": "while a zone edit is taken in",
    "database": "while a new city database is taken in",
}


def sheets(figures: Figures) -> list[Sheet]:
    """All tables."""
    return [_building(figures), _maps(figures), _serving(figures), _queries(figures)]


def _building(figures: Figures) -> Sheet:
    columns = ("database", "compiled on top", "load s", "compile s", "peak MB", "places")
    rows = [
        (
            one.database,
            one.configuration or "nothing",
            f"{one.median('load'):.2f}",
            f"{one.median('compile'):.2f}" if one.configuration else "",
            _megabytes(one.median("peak")),
            f"{one.runs[0]['places']:,}",
        )
        for one in figures.cases
    ]
    return Sheet("From a database to maps", columns, rows)


def _maps(figures: Figures) -> Sheet:
    rows: list[tuple[str, ...]] = [
        (
            f"{one.database}: networks with places",
            "",
            f"{one.runs[0]['v4_ranges']:,}",
            f"{one.runs[0]['v6_ranges']:,}",
        )
        for one in figures.cases
        if one.configuration is None
    ]
    rows += [
        (
            f"{one.database}, {one.configuration}: {', '.join(found['services'])}",
            f"{found['classes']:,}",
            f"{found['v4_ranges']:,}",
            f"{found['v6_ranges']:,}",
        )
        for one in figures.cases
        for found in one.runs[0].get("maps", ())
    ]
    return Sheet("Location maps", ("map", "classes", "IPv4 ranges", "IPv6 ranges"), rows)


def _serving(figures: Figures) -> Sheet:
    served = figures.served
    rows = [(text, f"{served.starts[name]:.1f} s") for name, text in _START.items()]
    rows += [
        (f"{text}, until it is answered from", f"{served.phases[name].seconds:.1f} s")
        for name, text in (("zone", "zone edit"), ("database", "new city database"))
    ]
    rows += [(f"most memory, {kind}", f"{_megabytes(peak)} MB") for kind, peak in _peaks(figures)]
    return Sheet("The server with 40 regions", ("what", "measured"), rows)


def _queries(figures: Figures) -> Sheet:
    rows = []
    for name, text in _PHASES.items():
        latencies = sorted(figures.served.phases[name].latencies)
        rows.append(
            (
                text,
                f"{len(latencies):,}",
                *(f"{_quantile(latencies, part) * 1000:.2f}" for part in (0.5, 0.99, 1.0)),
            )
        )
    return Sheet(
        "Queries meanwhile", ("when", "queries", "median ms", "99 % ms", "slowest ms"), rows
    )


def _peaks(figures: Figures) -> list[tuple[str, int]]:
    return [(kind, figures.served.peaks[kind]) for kind in ("compiler", "control", "worker")]


def _quantile(ordered: Sequence[float], part: float) -> float:
    return ordered[max(0, math.ceil(len(ordered) * part) - 1)]


def _megabytes(count: float) -> str:
    return f"{count / 1e6:,.0f}"


def expectations(figures: Figures) -> list[tuple[str, str, str]]:
    """What is expected of each database, what was measured, and whether that is enough."""
    return [
        (one.database, _limits(one), f"{_measured(one)}, {'met' if one.met else 'not met'}")
        for one in figures.cases
        if one.configuration is None
    ]


def _limits(case: Case) -> str:
    limits = LIMITS[case.database]
    memory = "" if limits.peak is None else f", below {_megabytes(limits.peak)} MB"
    return f"ready in less than {limits.seconds:g} s{memory}"


def _measured(case: Case) -> str:
    return f"{case.median('load'):.2f} s, {_megabytes(case.median('peak'))} MB"


def show(figures: Figures, console: Console) -> None:
    """Print the tables, which fit 80 columns, and the expectations."""
    for sheet in sheets(figures):
        show_sheet(sheet, console)
    for database, limit, measured in expectations(figures):
        console.print(f"{database} database: {limit}: {measured}", markup=False, highlight=False)


def markdown(figures: Figures, machine: dict[str, str], when: datetime, load: float) -> str:
    """The section of docs/benchmarks.md."""
    parts = ["## Location maps", _method(figures, when)]
    if load > 0.5:
        parts.append(f"- The machine was not idle: its load average was {load:.1f} at the start.")
    for sheet in sheets(figures):
        parts += [f"### {sheet.title}", sheet_markdown(sheet)]
    wanted = Sheet("", ("database", "expected", "measured"), expectations(figures))
    parts += ["### Expectations of location maps", sheet_markdown(wanted)]
    words = ", ".join(f"{name} {value}" for name, value in machine.items())
    return "\n\n".join([*parts, f"Machine: {words}."])


def _method(figures: Figures, when: datetime) -> str:
    made = (
        f"made by `scripts/make-city-database` in {figures.making:.0f} s: {NETWORKS:,} networks of "
        f"IPv4 and IPv6 and {RECORDS:,} different records in MaxMind's City schema, with cities "
        "drawn around the real centres of real countries. A network's city is drawn from all of "
        "its country; where neighbours are more often alike, maps have fewer ranges"
        if figures.making is not None
        else f"`{figures.database}`"
    )
    return f"""\
Measured on {when:%Y-%m-%d} with `scripts/bench locations`.

- The country database is the embedded one. The city database is {made}.
- Each measurement is a process of its own, with the file in the kernel's cache; figures are \
medians of {ROUNDS}. `load` is `load_locations`: from the file to sorted ranges and places. \
`compile` is `compile_image` after it: from places to rankings to location maps. The peak of \
memory is VmHWM of /proc/PID/status, with the interpreter and all modules.
- The example is `config/geodns.yaml`; "40 regions" are {REGIONS} regions with {ZONES_EACH} AZs \
and {len(SERVICES)} services, ten for each of {len(POLICIES)} policies: latency, \
bands, distance, rules, a fence, shares.
- The server runs with {WORKERS} workers; a client asks one of them again {INTERVAL * 1000:g} ms \
after each answer, and shares the cores with them and with the compiler. A start ends when queries \
are answered, a change when all workers answer from the new image."""


def as_json(figures: Figures, machine: dict[str, str], when: datetime) -> dict[str, object]:
    """Everything, with unrounded figures; times in seconds, memory in bytes."""
    served = figures.served
    return {
        "date": when.astimezone(UTC).isoformat(timespec="seconds"),
        "machine": machine,
        "database": figures.database,
        "making": figures.making,
        "cases": [
            {"database": one.database, "configuration": one.configuration, "runs": one.runs}
            for one in figures.cases
        ],
        "server": {
            "starts": served.starts,
            "peaks": served.peaks,
            "phases": {
                name: {"seconds": phase.seconds, "latencies": phase.latencies}
                for name, phase in served.phases.items()
            },
        },
        "expectations": [
            {"database": one.database, "met": one.met}
            for one in figures.cases
            if one.configuration is None
        ],
    }
