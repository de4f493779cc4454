"""``geodns status``: regions, AZs and endpoints of the running server, and why each is as it is."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.live import Live

from geodns.cli.options import config_option, json_option
from geodns.config.find import find
from geodns.config.paths import absolute
from geodns.config.settings import Admin, Server
from geodns.config.source import read_source
from geodns.control.client import ask
from geodns.control.tree import render

_EVERY = 1.0  # seconds between two looks of --watch


@click.command()
@config_option
@click.option("--watch", is_flag=True, help="Show it again every second, until Ctrl-C.")
@json_option
def status(config: Path | None, watch: bool, as_json: bool) -> None:
    """Show regions, AZs and endpoints of the running server.

    It is asked on its admin socket, else on its admin address.
    """
    admin = _admin(find(config, os.environ))
    found = ask(admin, "/v1/status")
    if as_json:
        _print_json(admin, found, watch)
    elif watch:
        _watch(admin, found)
    else:
        _console().print(render(found))


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


def _watch(admin: Admin, found: dict[str, Any]) -> None:
    try:
        with Live(render(found), console=_console(), screen=True, auto_refresh=False) as live:
            while True:
                time.sleep(_EVERY)
                live.update(render(ask(admin, "/v1/status")), refresh=True)
    except KeyboardInterrupt:
        return


def _console() -> Console:
    return Console(highlight=False, soft_wrap=False)
