"""``geodns plan``: which region should serve how much of whom, so that no capacity is exceeded."""

from __future__ import annotations

import io
import json
import math
import os
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import click
from rich.console import Console

from geodns.cli.options import config_option, json_option
from geodns.config.find import find
from geodns.config.load import load
from geodns.config.settings import Admin, Configuration
from geodns.config.values import parse_duration, parse_share
from geodns.control.client import ask
from geodns.control.location_cache import locate
from geodns.errors import GeodnsError
from geodns.explain.whatif import UnknownIdError, withdraw
from geodns.planning.as_json import as_json as to_json
from geodns.planning.assign import Terms
from geodns.planning.demand import DemandRow, read_demand
from geodns.planning.file import read_plan, write_plan
from geodns.planning.latencies import followed_plan
from geodns.planning.make import Made, Wish, make
from geodns.planning.networks import KINDS
from geodns.planning.observed import between, since_start
from geodns.planning.plan import Plan
from geodns.planning.render import render
from geodns.problem import ConfigurationError
from geodns.wording import did_you_mean

_PLAIN_WIDTH = 500  # columns where there is no terminal: other programs want a line to be a line


def _reader(parse: Callable[[Any], float]) -> Callable[[Any, Any, str | None], float | None]:
    """A click callback from a parser that raises ValueError."""

    def read(_context: Any, _parameter: Any, text: str | None) -> float | None:
        try:
            return None if text is None else parse(text)
        except ValueError as error:
            raise click.BadParameter(str(error)) from error

    return read


def _milliseconds(text: str) -> float:
    """``10``, ``10ms``, ``0.1s`` or ``inf``, in milliseconds. Raises ValueError."""
    if text.strip().lower() in ("inf", "infinite"):
        return math.inf
    try:
        number = float(text)
    except ValueError:
        return parse_duration(text) * 1000
    if not 0 <= number < math.inf:
        raise ValueError(f"{text!r} is not a number of milliseconds of 0 or more")
    return number


def _headroom(text: str) -> float:
    share = parse_share(text)
    if share >= 1:
        raise ValueError("with all capacity kept free there is none to plan with")
    return share


def _capacities(_context: Any, _parameter: Any, given: Sequence[str]) -> dict[str, float]:
    """``REGION=NUMBER``, any number of them. A click callback."""
    found = {}
    for text in given:
        region, _, figure = text.partition("=")
        try:
            found[region] = float(figure)
        except ValueError:
            found[region] = math.nan
        if not region or not 0 <= found[region] < math.inf:
            raise click.BadParameter(f"{text!r} is not as in eu-central-1=5000")
    return found


class _Demand(NamedTuple):
    rows: Sequence[DemandRow]
    source: str


@click.command()
@click.argument("service")
@click.option(
    "--demand",
    "demand_file",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Demand by client, CSV (client,demand) or YAML. Default: what the running server counted.",
)
@click.option(
    "--window",
    callback=_reader(parse_duration),
    metavar="TIME",
    help="Ask the server twice, this long apart, as in 60s. Default: the average since its start.",
)
@click.option(
    "--by",
    type=click.Choice(KINDS),
    default=KINDS[0],
    show_default=True,
    help="What the server's counts are put together by.",
)
@click.option(
    "--unit-per-query",
    type=click.FloatRange(min=0, min_open=True),
    default=1.0,
    metavar="N",
    help="Load that one unit of demand makes, in the unit of `capacity`. Default: 1.",
)
@click.option(
    "--scale",
    type=click.FloatRange(min=0, min_open=True),
    default=1.0,
    metavar="N",
    help="Multiply all demand, as in 1.5 for a peak that is half as high again. Default: 1.",
)
@click.option(
    "--move-cost",
    callback=_reader(_milliseconds),
    default="5",
    metavar="MS",
    help="A client moves only to gain more than this; inf: only if it has to. Default: 5.",
)
@click.option(
    "--cost-weight",
    type=click.FloatRange(min=0),
    default=0.0,
    metavar="MS",
    help="Milliseconds that one unit of a region's `cost` counts as. Default: 0.",
)
@click.option(
    "--headroom",
    callback=_reader(_headroom),
    default="0%",
    metavar="SHARE",
    help="Keep this much of each capacity free, as in 10%.",
)
@click.option(
    "--capacity",
    "capacity",
    callback=_capacities,
    multiple=True,
    metavar="REGION=NUMBER",
    help="What if a region had this capacity. Can be repeated.",
)
@click.option(
    "--down",
    multiple=True,
    metavar="ID",
    help="Plan without this: a region, an AZ or service@az. Can be repeated.",
)
@click.option(
    "--present",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="The plan in use, which moves count against. Default: the one that the service follows, "
    "else the file that -o replaces.",
)
@click.option("--fresh", is_flag=True, help="Count moves against the steering without any plan.")
@click.option("-o", "--output", type=click.Path(path_type=Path), metavar="FILE", help="Write here.")
@click.option("--dry-run", is_flag=True, help="Show what would be, and write nothing.")
@click.option("--no-split", is_flag=True, help="Keep clients as they are given, however wide.")
@click.option(
    "--all", "everything", is_flag=True, help="Show every move, and regions without load."
)
@json_option
@config_option
def plan(
    service: str,
    demand_file: Path | None,
    window: float | None,
    by: str,
    unit_per_query: float,
    scale: float,
    move_cost: float,
    cost_weight: float,
    headroom: float,
    capacity: dict[str, float],
    down: tuple[str, ...],
    present: Path | None,
    fresh: bool,
    output: Path | None,
    dry_run: bool,
    no_split: bool,
    everything: bool,
    as_json: bool,
    config: Path | None,
) -> None:
    """Plan which region serves how much of whom, for SERVICE.

    The plan has the lowest latency over all demand with which no capacity is exceeded. A steering
    chain follows it with the filter `plan: {file: FILE}`. Exit status 1: there is more demand than
    capacity.
    """
    if window is not None and demand_file is not None:
        raise click.UsageError("--window is for the running server's counts, not for --demand")
    if fresh and present is not None:
        raise click.UsageError("--fresh and --present contradict each other")
    configuration, _ = load(find(config, os.environ))
    _check(configuration, service, capacity, down)
    former = None if fresh else _former(configuration, service, present, output)
    demand = _demand(configuration.server.admin, service, demand_file, window, by)
    wish = Wish(
        terms=Terms(move_cost, cost_weight, headroom),
        load_per_demand=unit_per_query * scale,
        down=down,
        capacity=capacity,
        made=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        source=demand.source,
        split=not no_split,
    )
    server = configuration.server

    def locations() -> Any:
        # What the server keeps in its state folder is read, and left as it is.
        return locate(server.geoip.databases, server.state, keep=False).locations

    made = make(configuration, service, demand.rows, locations, wish, former)
    _show(made, as_json, everything)
    _write(made, output, dry_run, followed_plan(configuration, service), quiet=as_json)


def _check(
    configuration: Configuration,
    service: str,
    capacity: Mapping[str, float],
    down: Sequence[str],
) -> None:
    """Every name must be one of the configuration's. Raises click's BadParameter."""
    services, regions = configuration.services.services, configuration.topology.regions
    if service in configuration.pools:
        message = f"{service} is a dynamic record, whose pools have no capacity and no place"
        raise click.BadParameter(message, param_hint="SERVICE")
    if service not in services:
        hint = did_you_mean(service, services) or f"there are {', '.join(services) or 'none'}"
        raise click.BadParameter(f"there is no service {service!r}; {hint}", param_hint="SERVICE")
    for region in capacity:
        if region not in regions:
            hint = did_you_mean(region, regions) or f"there are {', '.join(regions)}"
            message = f"there is no region {region!r}; {hint}"
            raise click.BadParameter(message, param_hint="--capacity")
    try:
        withdraw(configuration.topology, down)
    except UnknownIdError as error:
        raise click.BadParameter(str(error), param_hint="--down") from error


def _former(
    configuration: Configuration, service: str, present: Path | None, output: Path | None
) -> Plan | None:
    """The plan in use. Raises ConfigurationError where it can't be read."""
    likely = (present, followed_plan(configuration, service), output)
    file = next((each for each in likely if each is not None), None)
    if file is None or (present is None and not file.exists()):
        return None
    former, problems = read_plan(file, configuration.topology.regions)
    if any(problem.severity == "error" for problem in problems):
        raise ConfigurationError(tuple(problems))
    if former.service != service:
        raise GeodnsError(f"{file} is a plan for the service {former.service}, not for {service}")
    return former


def _demand(
    admin: Admin, service: str, file: Path | None, window: float | None, by: str
) -> _Demand:
    """Demand from the file, or else from the running server."""
    if file is not None:
        rows, problems = read_demand(file)
        if problems:
            raise ConfigurationError(tuple(problems))
        return _Demand(rows, str(file))
    path = f"/v1/demand?by={by}"
    told = ask(admin, path)
    if window is None:
        return _Demand(since_start(told, service), "the running server, since its start")
    _wait(window)
    later = ask(admin, path)
    return _Demand(
        between(told, later, service), f"the running server, over {later['at'] - told['at']:.0f} s"
    )


def _wait(seconds: float) -> None:
    """Waits, and says so on a terminal."""
    console = Console(stderr=True)
    if not console.is_terminal:
        time.sleep(seconds)
        return
    with console.status(f"counting queries for {seconds:g} s ..."):
        time.sleep(seconds)


def _show(made: Made, as_json: bool, everything: bool) -> None:
    if as_json:
        click.echo(json.dumps(to_json(made), indent=2, ensure_ascii=False))
        return
    console = Console(highlight=False)
    if console.is_terminal:
        console.print(render(made, everything=everything))
        return
    text = io.StringIO()
    Console(file=text, width=_PLAIN_WIDTH, color_system=None, highlight=False).print(
        render(made, everything=everything)
    )
    click.echo("\n".join(line.rstrip() for line in text.getvalue().splitlines()))


def _write(
    made: Made, output: Path | None, dry_run: bool, followed: Path | None, *, quiet: bool
) -> None:
    # Never where the server follows it without being told to: that would move clients at once.
    if output is None or dry_run:
        name = followed or "FILE"
        told = "this was a dry run" if dry_run else f"-o {name} does so"
        message = f"nothing was written: {told}"
    else:
        write_plan(made.plan, output)
        message = f"written to {output}"
    if not quiet:
        click.echo(f"\n{message}")
