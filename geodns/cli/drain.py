"""``geodns drain``, ``undrain`` and ``force``: what people order, over the admin socket."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

import click

from geodns.cli.complete_id import complete_id
from geodns.cli.moments import ahead
from geodns.cli.options import config_option, json_option
from geodns.config.find import find
from geodns.config.paths import absolute
from geodns.config.settings import Admin, Server
from geodns.config.source import read_source
from geodns.config.values import parse_duration
from geodns.control.client import tell
from geodns.control.order_words import safe
from geodns.control.view import moment

Command = TypeVar("Command", bound=Callable[..., Any])
_MOST_LINES = 20  # endpoints that are named; more are counted


def _duration(_context: click.Context, _parameter: click.Parameter, value: str) -> float:
    try:
        return parse_duration(value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from error


def _until(_context: click.Context, _parameter: click.Parameter, value: str | None) -> float | None:
    return None if value is None else ahead(value, datetime.now().astimezone())


def _over_option(words: str) -> Callable[[Command], Command]:
    return click.option("--over", default="0s", callback=_duration, metavar="TIME", help=words)


_until_option = click.option(
    "--until",
    callback=_until,
    metavar="T",
    help="When it ends by itself: 2h, 18:00 or 2026-11-24T18:00.",
)
_reason_option = click.option("--reason", default="", metavar="TEXT", help="Why; others see it.")
_dry_run_option = click.option("--dry-run", is_flag=True, help="Only say what would follow.")


@click.command()
@click.argument("id", metavar="ID", shell_complete=complete_id)
@_over_option("Ramp down over so long, and back up when it expires; at once by default.")
@_until_option
@_reason_option
@_dry_run_option
@config_option
@json_option
def drain(config: Path | None, as_json: bool, **wish: Any) -> None:
    """Take ID out of the answers: a region, an AZ, or service@az.

    It stays drained over restarts. The reply says from when on no cache names it any more.
    """
    _send("drain", config, as_json, wish)


@click.command()
@click.argument("id", metavar="ID", shell_complete=complete_id)
@_over_option("Ramp up over so long; at once by default.")
@_reason_option
@_dry_run_option
@config_option
@json_option
def undrain(config: Path | None, as_json: bool, **wish: Any) -> None:
    """End the drain of ID."""
    _send("undrain", config, as_json, wish)


@click.command()
@click.argument("id", metavar="ID", shell_complete=complete_id)
@click.argument("state", type=click.Choice(["up", "auto"]))
@_until_option
@_reason_option
@_dry_run_option
@config_option
@json_option
def force(config: Path | None, state: str, as_json: bool, **wish: Any) -> None:
    """Hold ID up whatever its checks say (up), or leave it to its checks again (auto).

    A drain stands above it.
    """
    _send("force" if state == "up" else "unforce", config, as_json, wish)


def _send(verb: str, config: Path | None, as_json: bool, wish: dict[str, Any]) -> None:
    file = find(config, os.environ).absolute()
    admin: Admin = absolute(read_source(Server, file).settings, file.parent).admin
    told = tell(admin, f"/v1/{verb}", wish)
    if as_json:
        click.echo(json.dumps(told, indent=2, ensure_ascii=False))
        return
    for line in lines(verb, told, time.time()):
        click.echo(line)


def lines(verb: str, told: dict[str, Any], now: float) -> list[str]:
    """What the server told, for people."""
    endings = {"undrain": "is not drained any more", "unforce": "is left to its checks"}
    over = told["over"] if verb == "drain" else 0
    head = told["text"]
    if verb in endings:
        head = told["text"] if told["factor"] < 1 else f"{told['id']} {endings[verb]}"
    found = [f"{'would be done: ' if told['dry_run'] else ''}{head}"]
    if over:
        found.append(f"down to nothing by {moment(told['since'] + over)}")
    if told["until"] is not None and verb in {"drain", "force"}:
        found.append(f"ends by itself at {moment(told['until'])}")
    endpoints = told["endpoints"]
    named = [f"{id} (now {share:.0%})" for id, share in endpoints.items()]
    more = f" and {len(named) - _MOST_LINES} more" if len(named) > _MOST_LINES else ""
    found.append(f"concerns {', '.join(named[:_MOST_LINES])}{more}")
    if verb == "drain":
        found += [f"warning: {warning}" for warning in told["warnings"]]
        found.append(f"{safe(told['safe_at'], now)} (longest TTL {told['ttl']:g} s)")
    return found
