"""``geodns latency``: show, build and import latency tables."""

from __future__ import annotations

import io
import json
import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

import click
from rich.console import Console, RenderableType
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.text import Text

from geodns.cli.options import config_option, json_option
from geodns.config.basis import read_server
from geodns.config.find import find
from geodns.config.load import load
from geodns.config.settings import Configuration, Server, Topology
from geodns.config.source import read_source
from geodns.config.values import parse_duration, parse_share
from geodns.control.location_cache import locate
from geodns.errors import GeodnsError
from geodns.explain.client import carried, find_client
from geodns.geo.place import Place
from geodns.latency import render
from geodns.latency.age import age, counting, state
from geodns.latency.build import PASSES, Built, Ground, build
from geodns.latency.client import ClientKeyError, Network, parse_client
from geodns.latency.columns import parse_choice
from geodns.latency.diff import Change, changes
from geodns.latency.figure import Figure, Table
from geodns.latency.fold import Choices
from geodns.latency.importing import merged, named, read_foreign
from geodns.latency.lookup import Placed, Reckoned, Rows, network_of, place_of, reckon
from geodns.latency.raw import RawFile
from geodns.latency.table import read_whole
from geodns.latency.write import to_text, write_text
from geodns.problem import ConfigurationError

_MOST_ROWS = 40
_MOST_CHANGES = 20
_PLAIN_WIDTH = 300
_UNITS = {"ms": 1.0, "s": 1000.0, "us": 0.001}


class LatencyError(GeodnsError):
    """What was asked of a latency table can't be done."""


@click.group()
def latency() -> None:
    """Show, build and import latency tables."""


def _seconds(_context: click.Context, _option: click.Parameter, value: str | None) -> float | None:
    return None if value is None else _parsed(parse_duration, value)


def _share(_context: click.Context, _option: click.Parameter, value: str) -> float:
    return float(_parsed(parse_share, value))


def _day(_context: click.Context, _option: click.Parameter, value: str | None) -> date | None:
    return None if value is None else _parsed(date.fromisoformat, value)


def _parsed(parse: Callable[[str], Any], value: str) -> Any:
    try:
        return parse(value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from error


# --- show -------------------------------------------------------------------------------------


@latency.command()
@config_option
@click.option("--client", metavar="KEY|ADDRESS", help="What counts for EU-DE, AS4134, 192.0.2.1.")
@click.option("--region", metavar="REGION", help="Only this region.")
@click.option("--all", "everything", is_flag=True, help=f"All rows, not the first {_MOST_ROWS}.")
@json_option
def show(
    config: Path | None, client: str | None, region: str | None, everything: bool, as_json: bool
) -> None:
    """Show the rows that count, how old they are and how far to trust them.

    With --client: which row applies, and for each region the milliseconds and where they are from.
    """
    now = time.time()
    configuration, _ = load(find(config, os.environ), now=now)
    regions = configuration.topology.regions
    if region is not None and region not in regions:
        raise click.BadParameter(
            f"the topology has no region {region!r}; it has {', '.join(regions)}",
            param_hint="--region",
        )
    ages = render.Ages(configuration.server.latency_age, now)
    found = _tables(configuration, now)
    known = Rows.of([left for _, left in found])
    if client is not None:
        row, place = _winner(configuration, known, client)
        ways = reckon(row, place, regions, configuration.estimate)
        ways = [way for way in render.in_order(ways) if region in (None, way.region)]
        _show_client(client, place, row, ways, ages, as_json)
        return
    listed = [region] if region else list(regions)
    rows = [row for row in known.by_client.values() if not region or region in row.figures]
    if as_json:
        _print_json(
            {
                "tables": [_table_json(whole, left, ages) for whole, left in found],
                "rows": [_row_json(row, listed, ages) for row in rows],
            }
        )
        return
    listing = render.rows(rows if everything else rows[:_MOST_ROWS], listed, ages)
    _print([render.tables(found, ages), "", listing])
    if len(rows) > _MOST_ROWS and not everything:
        click.echo(f"... and {len(rows) - _MOST_ROWS} more rows; --all shows them")


def _tables(configuration: Configuration, now: float) -> list[tuple[Table, Table]]:
    """Each table as it stands in its file, and what of it is not too old."""
    regions = configuration.topology.regions
    whole = [read_whole(file, regions) for file in configuration.server.latency]
    limits = configuration.server.latency_age
    return [(table, counting(table, limits, now)[0]) for table in whole]


def _winner(configuration: Configuration, rows: Rows, client: str) -> tuple[Placed | None, Place]:
    """The row for a client, and where it is; the client is an address, a prefix or a key."""
    network: Network | None
    try:
        key = parse_client(client)
        network, place = network_of(key), place_of(key)
    except ClientKeyError as error:
        try:
            network, place = ip_network(ip_address(client.strip())), Place()
        except ValueError:
            hint = f" ({error.hint})" if error.hint else ""
            raise click.BadParameter(f"{error}{hint}", param_hint="--client") from error
    if network is not None:
        server = configuration.server
        subject = carried(network.network_address).address
        if subject.version != network.version:
            network = ip_network(subject)
        locations = locate(server.geoip.databases, server.state, keep=False).locations
        place = find_client(subject, locations, (), (), ())[0].place
    return rows.winning(place, network), place


def _show_client(
    client: str,
    place: Place,
    row: Placed | None,
    ways: list[Reckoned],
    ages: render.Ages,
    as_json: bool,
) -> None:
    if as_json:
        _print_json(
            {
                "client": client,
                "place": place._asdict(),
                "row": row.key.text if row else None,
                "file": str(row.file) if row else None,
                "regions": [_way_json(way, ages) for way in ways],
            }
        )
        return
    known = [str(part) for part in (place.city, place.subdivision, place.country) if part]
    words = [*known, place.continent or "", f"AS{place.asn}" if place.asn else ""]
    where = ", ".join(filter(None, words)) or "nowhere that is known"
    applies = f"the row {row.key.text} of {row.file} applies" if row else "no row applies"
    _print([f"{client}: {where}; {applies}", "", render.reckoned(ways, row, ages)])


def _table_json(whole: Table, left: Table, ages: render.Ages) -> dict[str, Any]:
    estimate = left.estimate
    return {
        "file": str(whole.file),
        "measured": _iso(whole.measured),
        "age_days": _days(whole.measured, ages),
        "state": state(whole.measured, ages.limits, ages.now),
        "rows": len(whole.rows),
        "rows_used": len(left.rows),
        "estimate": None
        if estimate is None
        else {
            "base": estimate.everywhere.base,
            "per_1000_km": estimate.everywhere.per_km * 1000,
            "lines": len(estimate.cells),
        },
    }


def _row_json(row: Placed, regions: Iterable[str], ages: render.Ages) -> dict[str, Any]:
    figures = row.figures
    return {
        "client": row.key.text,
        "file": str(row.file),
        "regions": {
            region: {"ms": figures[region].ms, **_figure_json(figures[region], ages)}
            for region in regions
            if region in figures
        },
    }


def _way_json(way: Reckoned, ages: render.Ages) -> dict[str, Any]:
    known = _figure_json(way.figure, ages) if way.figure else {}
    return {"region": way.region, "ms": way.ms, "from": way.origin, "km": way.km, **known}


def _figure_json(figure: Figure, ages: render.Ages) -> dict[str, Any]:
    return {
        "samples": figure.samples,
        "confidence": figure.confidence,
        "measured": _iso(figure.measured),
        "age_days": _days(figure.measured, ages),
        "state": state(figure.measured, ages.limits, ages.now),
    }


def _days(measured: date | None, ages: render.Ages) -> int | None:
    return None if measured is None else int(age(measured, ages.now) // 86_400)


def _iso(measured: date | None) -> str | None:
    return None if measured is None else measured.isoformat()


# --- build ------------------------------------------------------------------------------------


@latency.command("build")
@config_option
@click.argument(
    "raw", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True, dir_okay=False)
)
@click.option(
    "-o",
    "--output",
    required=True,
    type=click.Path(path_type=Path, dir_okay=False),
    help="The table to write: .yaml or .csv.",
)
@click.option(
    "--columns", default="", metavar="LIST", help="Their names, as in client=ip,ms=rtt,time=ts."
)
@click.option("--unit", type=click.Choice(list(_UNITS)), default="ms", show_default=True)
@click.option(
    "--measured", callback=_day, metavar="DATE", help="When, for files without a column for it."
)
@click.option("--max-age", callback=_seconds, metavar="SPAN", help="Leave out what is older.")
@click.option(
    "--half-life",
    callback=_seconds,
    default="14d",
    show_default=True,
    metavar="SPAN",
    help="A measurement this old counts half.",
)
@click.option(
    "--min-samples", type=click.IntRange(min=1), default=10, show_default=True, metavar="N"
)
@click.option(
    "--tolerance",
    type=click.FloatRange(min=0),
    default=5.0,
    show_default=True,
    metavar="MS",
    help="A difference that does not count, in ms ...",
)
@click.option(
    "--tolerance-share",
    callback=_share,
    default="10%",
    show_default=True,
    metavar="SHARE",
    help="... or of the figure; the larger of both.",
)
@click.option("--seed", type=int, default=0, show_default=True, help="Of what is held out.")
@click.option("--dry-run", is_flag=True, help="Write nothing.")
@json_option
def build_command(
    config: Path | None,
    raw: tuple[Path, ...],
    output: Path,
    columns: str,
    unit: str,
    measured: date | None,
    max_age: float | None,
    half_life: float,
    min_samples: int,
    tolerance: float,
    tolerance_share: float,
    seed: int,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Build a table from raw measurements: CSV, JSON lines or Parquet files.

    Each row is a client's address, a region (or AZ), milliseconds and a time. CSV and JSON lines
    may be compressed (.gz, .zst, .bz2, .lz4).
    """
    if half_life <= 0:
        raise click.BadParameter("must be above 0", param_hint="--half-life")
    to_text(Table(output))  # an impossible name is refused before the work
    server, topology = _server_and_topology(find(config, os.environ))
    midnight = datetime.min.time()
    at = datetime.combine(measured, midnight, UTC).timestamp() if measured else None
    ground = Ground(
        topology=topology,
        locations=locate(server.geoip.databases, server.state, keep=False).locations,
        now=time.time(),
        max_age=max_age or float("inf"),
        time=at,
        unit=_UNITS[unit],
    )
    choices = Choices(half_life, min_samples, tolerance, tolerance_share)
    files = [RawFile(path, parse_choice(columns)) for path in raw]
    with _progress(files, len(topology.regions) * PASSES) as (read, step):
        result = build(output, files, ground, choices, read=read, step=step, seed=seed)
    if not dry_run:
        write_text(output, to_text(result.table))
    _report(result, output, dry_run, as_json)


def _server_and_topology(path: Path) -> tuple[Server, Topology]:
    """Only these: the table to be built is often one that the configuration names already."""
    file = path.absolute()
    server = read_server(file).source
    settings = server.settings
    if settings.topology is None:
        raise LatencyError(f"{path} names no topology, so there are no regions to measure to")
    topology = read_source(Topology, settings.topology)
    problems = (*server.problems, *topology.problems)
    if any(problem.severity == "error" for problem in problems):
        raise ConfigurationError(problems)
    return settings, topology.settings


def _report(result: Built, output: Path, dry_run: bool, as_json: bool) -> None:
    if as_json:
        report = render.built_json(result)
        _print_json({"file": str(output), "written": not dry_run, **report})
        return
    _print(render.built(result))
    count = f"{len(result.table.rows):,} rows"
    click.echo(f"would write {count} to {output}" if dry_run else f"wrote {count} to {output}")


@contextmanager
def _progress(
    files: list[RawFile], steps: int
) -> Iterator[tuple[Callable[[RawFile], None], Callable[[], None]]]:
    """Bars on a terminal, nothing elsewhere."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield lambda _file: None, lambda: None
        return
    total = sum(file.size for file in files)
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f}%"),
        TimeRemainingColumn(),
        console=console,
        transient=True,
    ) as bars:
        reading = bars.add_task("reading", total=total)
        folding = bars.add_task("folding", total=steps)
        yield (
            lambda _file: bars.update(reading, completed=sum(file.position for file in files)),
            lambda: bars.advance(folding),
        )


# --- import -----------------------------------------------------------------------------------


@latency.command("import")
@config_option
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option(
    "--into", type=click.Path(path_type=Path), metavar="TABLE", help="Which configured table."
)
@click.option("--merge", is_flag=True, help="Keep rows that FILE does not have.")
@click.option("--skip-unknown", is_flag=True, help="Leave out regions that the topology lacks.")
@click.option("--measured", callback=_day, metavar="DATE", help="When, where FILE does not say.")
@click.option("--dry-run", is_flag=True, help="Show what would change, and write nothing.")
@json_option
def import_command(
    config: Path | None,
    file: Path,
    into: Path | None,
    merge: bool,
    skip_unknown: bool,
    measured: date | None,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Put the rows of FILE into a configured table, in place of what it holds.

    FILE is a table of ours or of another program: CSV with usual headers or a column for each
    region, YAML or JSON. It is checked first; comments in the table are lost.
    """
    configuration, _ = load(find(config, os.environ))
    regions = configuration.topology.regions
    target = _target(configuration, into)
    new = read_foreign(file, regions, measured=measured, skip_unknown=skip_unknown)
    if any(problem.severity == "error" for problem in new.problems):
        raise ConfigurationError(new.problems)
    if not new.rows and new.estimate is None:
        raise LatencyError(f"{file} has no rows")
    old = read_whole(target, regions)
    table = named(merged(old, new) if merge else new, target)
    found = changes(old, table)
    if not dry_run:
        write_text(target, to_text(table))
    if as_json:
        _print_json(_changes_json(target, found, dry_run))
        return
    _print(render.changed(found, _MOST_CHANGES))
    click.echo(f"{'would write' if dry_run else 'wrote'} {len(table.rows):,} rows to {target}")


def _target(configuration: Configuration, into: Path | None) -> Path:
    known = configuration.server.latency
    if into is None and len(known) == 1:
        return known[0]
    names = ", ".join(map(str, known))
    if not known:
        raise LatencyError("no latency table is configured: name one under `latency` first")
    if into is None:
        raise click.UsageError(f"several tables are configured; choose one with --into: {names}")
    chosen = [file for file in known if file.resolve() == into.resolve()]
    chosen = chosen or [file for file in known if file.name == str(into)]
    if not chosen:
        raise click.BadParameter(f"{into} is not configured; these are: {names}")
    return chosen[0]


def _changes_json(target: Path, found: list[Change], dry_run: bool) -> dict[str, Any]:
    return {
        "file": str(target),
        "written": not dry_run,
        "changes": [change._asdict() for change in found],
    }


# --- printing ---------------------------------------------------------------------------------


def _print_json(value: object) -> None:
    click.echo(json.dumps(value, indent=2, ensure_ascii=False))


def _print(parts: Iterable[RenderableType]) -> None:
    """On a terminal in its width, elsewhere as plain lines that nothing cuts."""
    console = Console(highlight=False)
    plain = io.StringIO()
    if not console.is_terminal:
        console = Console(file=plain, width=_PLAIN_WIDTH, color_system=None, highlight=False)
    for part in parts:
        console.print(part, soft_wrap=isinstance(part, str | Text))
    for line in plain.getvalue().splitlines():
        click.echo(line.rstrip())
    sys.stdout.flush()
