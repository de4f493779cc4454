"""``geodns health guard``, ``trust``, ``untrust``: what the guard holds back, and overruling it."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from geodns.cli.options import config_option, json_option
from geodns.config.find import find
from geodns.config.paths import absolute
from geodns.config.settings import Admin, Server
from geodns.config.source import read_source
from geodns.config.values import parse_duration
from geodns.control.age import age
from geodns.control.client import ask, tell
from geodns.control.order_words import standing
from geodns.control.view import moment
from geodns.health.orders import GUARD

_MOST_NAMED = 20  # targets or endpoints; JSON has all
_reason_option = click.option("--reason", default="", metavar="TEXT", help="Why; others see it.")
_dry_run_option = click.option("--dry-run", is_flag=True, help="Only say what would follow.")


def _duration(_context: click.Context, _parameter: click.Parameter, value: str) -> float:
    try:
        return parse_duration(value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from error


@click.command()
@config_option
@json_option
def guard(config: Path | None, as_json: bool) -> None:
    """Show whether verdicts are frozen, why, and what is kept in service for it."""
    status = ask(_admin(config), "/v1/status")
    targets = [target for target in status["health"]["targets"] if target["kept"]]
    if as_json:
        found = {**status["health"]["guard"], "kept_targets": targets}
        click.echo(json.dumps(found, indent=2, ensure_ascii=False))
        return
    for line in lines(status, targets):
        click.echo(line)


@click.command()
@click.option(
    "--for",
    "seconds",
    default="1h",
    callback=_duration,
    metavar="TIME",
    help="For how long: 30m, 2h; one hour by default.",
)
@_reason_option
@_dry_run_option
@config_option
@json_option
def trust(seconds: float, reason: str, dry_run: bool, config: Path | None, as_json: bool) -> None:
    """Believe the probes, however much fails: what is kept goes down at once.

    Nothing freezes until the time is over. It stays so over restarts.
    """
    wish = {"id": GUARD, "until": time.time() + seconds, "reason": reason, "dry_run": dry_run}
    admin = _admin(config)
    kept = ask(admin, "/v1/status")["health"]["guard"]["kept"] if dry_run else 0
    told = tell(admin, "/v1/trust", wish)
    if as_json:
        click.echo(json.dumps(told, indent=2, ensure_ascii=False))
        return
    click.echo(f"{'would be done: ' if dry_run else ''}{told['text']}")
    click.echo(f"ends by itself at {moment(told['until'])}")
    if kept:
        click.echo(f"{_targets(kept)} kept up would go down")
    if told["moved"]:
        click.echo(
            f"moved {_named([f'{id} to {to:.0%}' for id, (_, to) in told['moved'].items()])}"
        )


@click.command()
@_reason_option
@_dry_run_option
@config_option
@json_option
def untrust(reason: str, dry_run: bool, config: Path | None, as_json: bool) -> None:
    """End a `trust`: verdicts freeze again where there is reason to."""
    wish = {"id": GUARD, "reason": reason, "dry_run": dry_run}
    told = tell(_admin(config), "/v1/untrust", wish)
    if as_json:
        click.echo(json.dumps(told, indent=2, ensure_ascii=False))
        return
    click.echo(f"{'would be done: ' if dry_run else ''}the guard is on duty again")


def lines(status: dict[str, Any], kept: list[dict[str, Any]]) -> Iterator[str]:
    """The guard in words; ``kept`` are targets as the status has them."""
    found, now = status["health"]["guard"], status["at"]
    if found["frozen"]:
        yield f"verdicts are frozen for {age(now - found['since'])}: {found['reason']}"
    else:
        yield "verdicts are free"
    yield f"{found['failing']} of {_targets(found['up'])} believed up fail"
    if found["references"]:
        yield f"{found['answering']} of {found['references']} reference targets answer"
    for order in status["orders"]:
        if order["kind"] == "trust":
            yield f"{order['text']} ({standing(order, now)})"
    named = [f"{t['address']} of {', '.join(t['endpoints'])} ({t['detail']})" for t in kept]
    if named:
        yield f"kept up, though down by their probes: {_named(named)}"
    if found["frozen"]:
        yield "if they are right: geodns health trust --reason TEXT"


def _targets(count: int) -> str:
    return f"{count} target{'' if count == 1 else 's'}"


def _named(names: list[str]) -> str:
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    return f"{', '.join(names[:_MOST_NAMED])}{more}"


def _admin(config: Path | None) -> Admin:
    file = find(config, os.environ).absolute()
    return absolute(read_source(Server, file).settings, file.parent).admin
