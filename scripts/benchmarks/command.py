"""``scripts/bench``: which benchmark to run, and where its figures go."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import click
from rich.console import Console

from benchmarks import (
    failover,
    failover_report,
    locations,
    locations_report,
    machine,
    probes,
    probes_report,
    queries,
    report,
    zones,
    zones_report,
)
from benchmarks.document import write_section
from benchmarks.errors import BenchError
from benchmarks.load import dnsperf_version
from benchmarks.processes import two_cpus
from benchmarks.programs.all import PROGRAMS
from benchmarks.programs.program import Program

_ROOT = Path(__file__).resolve().parents[2]
_DOCUMENT = _ROOT / "docs" / "benchmarks.md"
_KINDS = ("queries", "locations", "probes", "failover", "zones")
_DATABASE = _ROOT / "geodns" / "geo" / "data" / "country.mmdb"


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("what", type=click.Choice([*_KINDS, "all"]), default="all")
@click.option(
    "--seconds",
    type=click.FloatRange(0.5, 600),
    default=2.0,
    show_default=True,
    help="Length of one measurement of queries.",
)
@click.option(
    "--rounds",
    type=click.IntRange(1, 100),
    default=4,
    show_default=True,
    help="Measurements of each server in each scenario; the median counts.",
)
@click.option("--server", "only", multiple=True, help="Measure only these servers, as in gdnsd.")
@click.option(
    "--database",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    default=_DATABASE,
    help="Country database (MMDB) for queries, used by all servers; default: the embedded one.",
)
@click.option(
    "--city-database",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="City database (MMDB) for locations; default: one that scripts/make-city-database makes.",
)
@click.option("--write", is_flag=True, help="Put the figures into docs/benchmarks.md.")
@click.option("--json", "as_json", is_flag=True, help="Print the figures as JSON.")
def main(
    what: str,
    seconds: float,
    rounds: int,
    only: tuple[str, ...],
    database: Path,
    city_database: Path | None,
    write: bool,
    as_json: bool,
) -> None:
    """Measure this server, and beside it every peer that is installed.

    queries: CPU per query and queries per second, with dnsperf. locations: how fast databases
    become location maps, in how much memory, and how queries fare meanwhile. probes: what ten
    thousand checked targets cost. failover: how long from a failure to a changed answer. zones:
    loading and copying a zone of a million records.
    """
    # Ending by SIGTERM takes the same way out as Ctrl-C, which ends all servers.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        if what in ("queries", "all"):
            _queries(_chosen(only), database, seconds, rounds, write=write, as_json=as_json)
        if what in ("locations", "all"):
            _locations(city_database, write=write, as_json=as_json)
        if what in ("probes", "all"):
            _probes(write=write, as_json=as_json)
        if what in ("failover", "all"):
            _failover(write=write, as_json=as_json)
        if what in ("zones", "all"):
            _zones(write=write, as_json=as_json)
    except BenchError as error:
        raise click.ClickException(str(error)) from error


def _chosen(only: tuple[str, ...]) -> list[Program]:
    known = sorted({program.server for program in PROGRAMS})
    for name in only:
        if name.lower() not in (server.lower() for server in known):
            raise click.UsageError(f"there is no server {name!r}; there are {', '.join(known)}")
    wanted = {name.lower() for name in only}
    return [one for one in PROGRAMS if not wanted or one.server.lower() in wanted]


def _queries(
    programs: list[Program],
    database: Path,
    seconds: float,
    rounds: int,
    *,
    write: bool,
    as_json: bool,
) -> None:
    load_before = os.getloadavg()[0]
    with _progress() as progress:
        rows = queries.measure(
            programs, database, seconds=seconds, rounds=rounds, progress=progress
        )
    versions = {one.server: one.version() or "not installed" for one in programs}
    run = report.Run(
        when=datetime.now(UTC),
        machine=machine.describe(),
        versions=versions | {"dnsperf": dnsperf_version() or "not installed"},
        seconds=seconds,
        rounds=rounds,
        pinned=two_cpus() is not None,
        load_before=load_before,
        rows=tuple(rows),
    )
    if as_json:
        click.echo(json.dumps(report.as_json(run), indent=2))
    else:
        report.show(run, Console())
    if write:
        write_section(_DOCUMENT, "queries", report.markdown(run))


def _locations(city: Path | None, *, write: bool, as_json: bool) -> None:
    load_before = os.getloadavg()[0]
    with _progress() as progress:
        figures = locations.measure(city, progress)
    described, when = machine.describe(), datetime.now(UTC)
    if as_json:
        click.echo(json.dumps(locations_report.as_json(figures, described, when), indent=2))
    else:
        locations_report.show(figures, Console())
    if write:
        body = locations_report.markdown(figures, described, when, load_before)
        write_section(_DOCUMENT, "locations", body)


def _probes(*, write: bool, as_json: bool) -> None:
    note = machine.unrest()
    with _progress() as progress:
        cases = probes.measure(progress)
    described, when = machine.describe(), datetime.now(UTC)
    if as_json:
        click.echo(json.dumps(probes_report.as_json(cases, described, when), indent=2))
    else:
        probes_report.show(cases, Console())
    if write:
        body = probes_report.markdown(cases, described, when, note)
        write_section(_DOCUMENT, "probes", body)


def _failover(*, write: bool, as_json: bool) -> None:
    note = machine.unrest()
    with _progress() as progress:
        times = failover.measure(progress)
    described, when = machine.describe(), datetime.now(UTC)
    if as_json:
        click.echo(json.dumps(failover_report.as_json(times, described, when), indent=2))
    else:
        failover_report.show(times, Console())
    if write:
        body = failover_report.markdown(times, described, when, note)
        write_section(_DOCUMENT, "failover", body)


def _zones(*, write: bool, as_json: bool) -> None:
    note = machine.unrest()
    with _progress() as progress:
        figures = zones.measure(progress)
    described, when = machine.describe(), datetime.now(UTC)
    if as_json:
        click.echo(json.dumps(zones_report.as_json(figures, described, when), indent=2))
    else:
        zones_report.show(figures, Console())
    if write:
        body = zones_report.markdown(figures, described, when, note)
        write_section(_DOCUMENT, "zones", body)


@contextlib.contextmanager
def _progress() -> Iterator[Callable[[str], None]]:
    """What is going on, on standard error: one changing line on a terminal, else a line each."""
    console = Console(stderr=True, highlight=False)
    if not console.is_terminal:
        yield lambda text: console.print(text, markup=False)
        return
    with console.status("starting") as status:
        yield status.update
