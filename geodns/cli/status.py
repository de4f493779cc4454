"""``geodns status``: regions, AZs and endpoints of the running server, and why each is as it is."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterator
from io import TextIOWrapper
from pathlib import Path
from typing import Any

import click
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.text import Text

from geodns.cli.options import config_option, json_option
from geodns.config.find import find
from geodns.config.paths import absolute
from geodns.config.settings import Admin, Server
from geodns.config.source import read_source
from geodns.control.client import NoServerError, ask
from geodns.control.tree import render

_EVERY = 1.0  # seconds between two looks of --watch


@click.command()
@config_option
@click.option("--all", "everything", is_flag=True, help="Show what is well as fully, too.")
@click.option("--watch", is_flag=True, help="Show it again every second, until Ctrl-C.")
@json_option
def status(config: Path | None, everything: bool, watch: bool, as_json: bool) -> None:
    """Show regions, AZs and endpoints of the running server.

    What is well takes one line, what is not is shown with its reason. The server is asked on its
    admin socket, else on its admin address.
    """
    admin = _admin(find(config, os.environ))
    found = ask(admin, "/v1/status")
    if as_json:
        _print_json(admin, found, watch)
    elif watch:
        _watch(admin, found, everything)
    else:
        _console().print(render(found, everything=everything))


def _admin(path: Path) -> Admin:
    """Where to ask; read from the server file alone, so that an error elsewhere is no obstacle."""
    file = path.absolute()
    return absolute(read_source(Server, file).settings, file.parent).admin


def _print_json(admin: Admin, found: dict[str, Any], watch: bool) -> None:
    """The whole of it; with ``--watch`` one line each time."""
    click.echo(json.dumps(found, indent=None if watch else 2, ensure_ascii=False))
    try:
        while watch:
            time.sleep(_EVERY)
            click.echo(json.dumps(ask(admin, "/v1/status"), ensure_ascii=False))
    except KeyboardInterrupt:
        return


def _watch(admin: Admin, found: dict[str, Any], everything: bool) -> None:
    """On a terminal in place, until Ctrl-C gives the screen back; elsewhere one after the other."""
    console = _console()
    pictures = _pictures(admin, found, everything)
    try:
        if not console.is_terminal:
            for picture in pictures:
                console.print(picture, end="\n\n")
        with Live(next(pictures), console=console, screen=True, auto_refresh=False) as live:
            for picture in pictures:
                live.update(picture, refresh=True)
    except KeyboardInterrupt:
        return


def _pictures(admin: Admin, found: dict[str, Any], everything: bool) -> Iterator[RenderableType]:
    """One a second, without an end: whoever watches a restart wants to see the server come back."""
    rate: float | None = None
    while True:
        yield render(found, everything=everything, rate=rate)
        while True:
            time.sleep(_EVERY)
            try:
                latest = ask(admin, "/v1/status")
            except NoServerError as error:
                gone = Text(f"{error}; this was the last state seen:", style="bold red")
                yield Group(gone, Text(""), render(found, everything=everything))
            else:
                break
        rate, found = _rate(found, latest), latest


def _rate(before: dict[str, Any], after: dict[str, Any]) -> float | None:
    """Queries per second between two looks; None where another server answered the second."""
    seconds = after["at"] - before["at"]
    if after["pid"] != before["pid"] or seconds <= 0:
        return None
    return float((after["traffic"]["queries"] - before["traffic"]["queries"]) / seconds)


def _console() -> Console:
    if isinstance(sys.stdout, TextIOWrapper):  # a sign that the terminal lacks must not end it
        sys.stdout.reconfigure(errors="replace")
    return Console(highlight=False, soft_wrap=False)
