"""``geodns explain``: what a client is answered, and why."""

from __future__ import annotations

import io
import os
import time
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import click
from rich.console import Console

from geodns.cli.options import config_option, json_option
from geodns.cli.progress import progress
from geodns.config.find import find
from geodns.config.load import load
from geodns.config.settings import Configuration
from geodns.control.copies_read import copies_read
from geodns.control.location_cache import locate
from geodns.explain.as_json import as_json as to_json
from geodns.explain.build import Given
from geodns.explain.build import explain as explained
from geodns.explain.explanation import DatabaseFinding, Explanation
from geodns.explain.live import ask_server, assumed_up
from geodns.explain.question import Address, QuestionError, parse_question
from geodns.explain.render import render
from geodns.explain.whatif import Availabilities, UnknownIdError, withdraw
from geodns.geo.database import EMBEDDED_DATABASE
from geodns.geo.lookup import look_up

_PLAIN_WIDTH = 500  # columns where there is no terminal: other programs want a line to be a line


@click.command()
@click.argument("name")
@click.argument("type", default="A")
@click.option(
    "--client",
    required=True,
    metavar="ADDRESS[/LEN]",
    help="The client's address, or the subnet that a resolver tells of it.",
)
@click.option(
    "--resolver",
    is_flag=True,
    help="The address is a resolver's that sends no client subnet.",
)
@click.option(
    "--down",
    multiple=True,
    metavar="ID",
    help="What if this were withdrawn: a region, an AZ or service@az. Can be repeated.",
)
@click.option("--assume-up", is_flag=True, help="Don't ask the running server what is up.")
@json_option
@config_option
def explain(
    name: str,
    type: str,
    client: str,
    resolver: bool,
    down: tuple[str, ...],
    assume_up: bool,
    as_json: bool,
    config: Path | None,
) -> None:
    """Say what a client is answered to NAME and TYPE (default: A), and why.

    The answer comes from the configuration files as they are now, and from the availability that
    the running server has, if there is one.
    """
    try:
        question = parse_question(name, type, client, resolver=resolver)
    except QuestionError as error:
        raise click.BadParameter(str(error), param_hint=error.argument) from error
    with progress("reading the configuration"):
        configuration, _ = load(find(config, os.environ))
        copied = copies_read(configuration, time.time(), question.name).zones
    given = replace(_given(configuration, down, assume_up), copied=copied)
    with progress("ranking clients"):
        explanation = explained(given, question)
    _show(explanation, as_json)


def _given(configuration: Configuration, down: Sequence[str], assume_up: bool) -> Given:
    try:
        withdrawn = withdraw(configuration.topology, down, configuration.pools)
    except UnknownIdError as error:
        raise click.BadParameter(str(error), param_hint="--down") from error
    admin = configuration.server.admin
    known, health = (None, assumed_up()) if assume_up else ask_server(admin)
    server = configuration.server
    files = server.geoip.databases
    return Given(
        configuration=configuration,
        health=health,
        available=Availabilities(known or {}, withdrawn, tuple(down), live=known is not None),
        # What the server keeps in its state folder is read, and left as it is.
        locations=lambda: locate(files, server.state, keep=False).locations,
        databases=partial(_databases, files),
    )


def _databases(files: Sequence[Path], address: Address) -> list[DatabaseFinding]:
    return [
        DatabaseFinding(_shown(row.file), str(row.prefix), row.summary, row.record)
        for row in look_up(files, address)
    ]


def _shown(file: Path) -> str:
    return "embedded country database" if file == EMBEDDED_DATABASE else str(file)


def _show(explanation: Explanation, as_json: bool) -> None:
    if as_json:
        click.echo(to_json(explanation))
        return
    console = Console(highlight=False)
    if console.is_terminal:
        console.print(render(explanation))
        return
    text = io.StringIO()
    Console(file=text, width=_PLAIN_WIDTH, color_system=None, highlight=False).print(
        render(explanation)
    )
    click.echo("\n".join(line.rstrip() for line in text.getvalue().splitlines()))
