"""``geodns simulate``: who moves where when something fails or changes."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from ipaddress import ip_network
from pathlib import Path
from typing import NamedTuple

import click
import numpy as np
from rich.console import Console

from geodns.answer.resolve import AAAA, A
from geodns.answer.service import EndpointState, States
from geodns.cli.options import config_option, json_option
from geodns.cli.progress import progress
from geodns.config.find import find
from geodns.config.load import load
from geodns.config.settings import Configuration
from geodns.config.values import parse_share
from geodns.control.client import ask
from geodns.control.location_cache import locate
from geodns.errors import GeodnsError
from geodns.explain.live import Known, ask_server
from geodns.explain.whatif import Availabilities, UnknownIdError, withdraw
from geodns.geo.locations import Locations
from geodns.latency.client import Level, Network
from geodns.planning.demand import DemandRow, read_demand
from geodns.planning.observed import since_start
from geodns.problem import ConfigurationError
from geodns.simulation.as_json import as_json as to_json
from geodns.simulation.kinds import Kinds
from geodns.simulation.render import render
from geodns.simulation.results import Simulation
from geodns.simulation.simulate import Given, Weigh, Wish, simulate
from geodns.simulation.weights import Weights, by_addresses, by_demand, by_people
from geodns.wording import did_you_mean

_PLAIN_WIDTH = 500  # columns where there is no terminal: other programs want a line to be a line
_TYPES = {"A": A, "AAAA": AAAA}
_DEMAND = "/v1/demand?by=subdivision"


class SimulationError(GeodnsError):
    """What was asked for can't be simulated."""


class _Change(NamedTuple):
    """What is otherwise on the second side: IDs that are down, and shares of availability by ID."""

    down: tuple[str, ...]
    availability: Mapping[str, float]


class _Counting(NamedTuple):
    """How clients are counted: by what, times ``factor``."""

    by: str
    demand: Path | None
    factor: float


def _shares(_context: object, _parameter: object, given: Sequence[str]) -> dict[str, float]:
    """``ID=SHARE``, any number of them. A click callback."""
    found = {}
    for text in given:
        id, _, share = text.rpartition("=")
        try:
            found[id] = parse_share(share if share.endswith("%") else float(share))
        except ValueError:
            found[id] = -1.0
        if not id or not 0 <= found[id] <= 1:
            raise click.BadParameter(f"{text!r} is not as in eu-central-1=0.3 or eu-central-1=30%")
    return found


@click.command("simulate")
@click.option(
    "--with",
    "other",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="The server file of another configuration, to compare with. Default: the same.",
)
@click.option(
    "--down",
    multiple=True,
    metavar="ID",
    help="What if this failed: a region, an AZ or service@az. Can be repeated.",
)
@click.option(
    "--availability",
    multiple=True,
    callback=_shares,
    metavar="ID=SHARE",
    help="What if this took a share only, as in eu-central-1=0.3. Can be repeated.",
)
@click.option(
    "--by",
    type=click.Choice(["addresses", "people", "demand"]),
    default=None,
    help="Count IPv4 /24s, people, or the queries that the running server has counted. "
    "Default: addresses.",
)
@click.option(
    "--demand",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Count demand by client: CSV (client,demand) or YAML.",
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
    "--service",
    "services",
    multiple=True,
    metavar="NAME",
    help="Only this service. Can be repeated. Default: all that names are answered from.",
)
@click.option(
    "--type",
    type=click.Choice(list(_TYPES)),
    default=None,
    help="Answers to this type. Default: A, or AAAA where a service has only that.",
)
@click.option("--live", is_flag=True, help="Start from the availability that the server has now.")
@click.option("--all", "everything", is_flag=True, help="Show every move, those of AZs too.")
@json_option
@config_option
def simulate_(
    other: Path | None,
    down: tuple[str, ...],
    availability: dict[str, float],
    by: str | None,
    demand: Path | None,
    unit_per_query: float,
    scale: float,
    services: tuple[str, ...],
    type: str | None,
    live: bool,
    everything: bool,
    as_json: bool,
    config: Path | None,
) -> None:
    """Say who moves where when something fails or changes: clients, latency and load.

    Compares the configuration with another one, or with itself when something is down, over all
    addresses. Without --with, --down and --availability, it shows who is sent where now.
    """
    if demand is not None and by not in (None, "demand"):
        raise click.UsageError(f"--demand and --by {by} contradict each other")
    counting = _Counting("demand" if demand else by or "addresses", demand, unit_per_query * scale)
    change = _Change(down, availability)
    file = find(config, os.environ)
    with progress("reading the configuration"):
        first, _ = load(file)
        second = load(other)[0] if other is not None else first
    _check_services((first, second), services)
    given = _sides(first, second, change, _names(file, other, change), live=live)
    wish = _wish(first, counting, services, _TYPES[type] if type is not None else None)
    with progress("compiling both sides") as tell:
        found = simulate(*given, replace(wish, tell=tell))
    _show(found, as_json, everything=everything)


def _sides(
    first: Configuration,
    second: Configuration,
    change: _Change,
    names: tuple[str, str],
    *,
    live: bool,
) -> tuple[Given, Given]:
    known = Availabilities(_known(first) if live else {}, live=live).states()
    changed = _changed(second, known, change)
    with progress("reading the locations"):
        before = _locations(first)
        same = first.server.geoip.databases == second.server.geoip.databases
        after = before if same else _locations(second)
    return Given(first, before, known, names[0]), Given(second, after, changed, names[1])


def _locations(configuration: Configuration) -> Locations:
    # What the server keeps in its state folder is read, and left as it is.
    server = configuration.server
    return locate(server.geoip.databases, server.state, keep=False).locations


def _known(configuration: Configuration) -> Known:
    found, health = ask_server(configuration.server.admin)
    if found is None:
        raise SimulationError(f"--live: {health.sentence}")
    return found


def _changed(configuration: Configuration, known: States, change: _Change) -> States:
    """The availability after the change; what is down stays down."""
    states = dict(known)
    for id, share in change.availability.items():
        for endpoint in _endpoints(configuration, id, "--availability"):
            state = states.get(endpoint, EndpointState(1.0))
            states[endpoint] = state._replace(availability=state.availability * share)
    for id in change.down:
        for endpoint in _endpoints(configuration, id, "--down"):
            states[endpoint] = EndpointState(0.0)
    return states


def _endpoints(configuration: Configuration, id: str, option: str) -> Sequence[str]:
    try:
        return tuple(withdraw(configuration.topology, (id,), configuration.pools))
    except UnknownIdError as error:
        raise click.BadParameter(str(error), param_hint=option) from error


def _names(file: Path, other: Path | None, change: _Change) -> tuple[str, str]:
    """What the two sides are called."""
    words = [f"{id} down" for id in change.down]
    words += [f"{id} at {share:.0%}" for id, share in change.availability.items()]
    changes = ", ".join(words)
    if other is None:
        return "as it is", changes or "as it is"
    return str(file), f"{other}, {changes}" if changes else str(other)


def _check_services(sides: Sequence[Configuration], names: Sequence[str]) -> None:
    known = {name: None for side in sides for name in side.services.services}
    for name in names:
        if name not in known:
            hint = did_you_mean(name, known) or f"there are: {', '.join(known) or 'none'}"
            raise click.BadParameter(f"{name!r} is not a service; {hint}", param_hint="--service")


def _wish(
    configuration: Configuration, counting: _Counting, services: Sequence[str], type: int | None
) -> Wish:
    wish = Wish(_by_addresses, services, type)
    if counting.by == "addresses":
        return wish
    if counting.by == "people":
        return replace(wish, weigh=_by_people())
    if counting.demand is not None:
        rows, source = _read_demand(counting.demand), f"the demand in {counting.demand}"
        weigh = _by_rows(lambda _: rows, source, counting.factor)
        return replace(wish, weigh=weigh, prefixes=_prefixes(rows), is_load=True)
    told = ask(configuration.server.admin, _DEMAND)
    source = "queries a second, as the running server has counted them since its start"
    weigh = _by_rows(lambda service: since_start(told, service), source, counting.factor)
    return replace(wish, weigh=weigh, alike=False, is_load=True)


def _by_addresses(kinds: Kinds, _service: str) -> Weights:
    """Counts the networks that are somewhere."""
    return by_addresses(kinds)


def _by_people() -> Weigh:
    from geodns.atlas.people import people  # a table of megabytes, for those who ask for it

    everybody = people()
    places = everybody.places
    sums = np.bincount(places.country, everybody.weights, minlength=len(places.countries))
    by_country = {
        name: float(count) for name, count in zip(places.countries, sums, strict=True) if name
    }
    return lambda kinds, _: by_people(kinds, by_country)


def _by_rows(rows_of: Callable[[str], Sequence[DemandRow]], source: str, factor: float) -> Weigh:
    def weigh(kinds: Kinds, service: str) -> Weights:
        rows = [row._replace(demand=row.demand * factor) for row in rows_of(service)]
        return by_demand(kinds, rows, source)

    return weigh


def _read_demand(file: Path) -> Sequence[DemandRow]:
    rows, problems = read_demand(file)
    if problems:
        raise ConfigurationError(tuple(problems))
    return rows


def _prefixes(rows: Sequence[DemandRow]) -> tuple[Network, ...]:
    return tuple(ip_network(row.client.code) for row in rows if row.client.level is Level.PREFIX)


def _show(found: Simulation, as_json: bool, *, everything: bool) -> None:
    if as_json:
        click.echo(to_json(found))
        return
    console = Console(highlight=False)
    if console.is_terminal:
        console.print(render(found, everything=everything))
        return
    text = io.StringIO()
    Console(file=text, width=_PLAIN_WIDTH, color_system=None, highlight=False).print(
        render(found, everything=everything)
    )
    click.echo("\n".join(line.rstrip() for line in text.getvalue().splitlines()))
