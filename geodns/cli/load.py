"""``geodns load``: tells the running server the load of an endpoint."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import click

from geodns.cli.options import config_option, json_option
from geodns.config.find import find
from geodns.config.paths import absolute
from geodns.config.settings import Admin, Server
from geodns.config.source import read_source
from geodns.control.client import ask, tell
from geodns.control.load_push import HOLDS, holding
from geodns.errors import GeodnsError


class NoSuchEndpointError(GeodnsError):
    """An endpoint that the server does not have."""


@click.command()
@click.argument("endpoint", metavar="ID")
@click.argument("value", type=click.FloatRange(min=0), metavar="VALUE")
@config_option
@click.option(
    "--for",
    "seconds",
    default=f"{HOLDS:g}s",
    show_default=True,
    metavar="TIME",
    help="How long it holds; until then it stands above what checks report.",
)
@click.option("--dry-run", is_flag=True, help="Only say what the endpoint reports now.")
@json_option
def load(
    endpoint: str, value: float, config: Path | None, seconds: str, dry_run: bool, as_json: bool
) -> None:
    """Tell the server that the endpoint ID (service@az) has the load VALUE.

    VALUE is in the unit of the endpoint's capacity in the topology. It goes over the admin socket.
    """
    file = find(config, os.environ).absolute()
    admin = absolute(read_source(Server, file).settings, file.parent).admin
    time = holding(seconds)
    if dry_run:
        told = _now(admin, endpoint)
    else:
        told = tell(admin, "/v1/load", {"endpoint": endpoint, "load": value, "for": time})
    if as_json:
        click.echo(json.dumps(told, indent=2, ensure_ascii=False))
    elif dry_run:
        click.echo(f"would report for {endpoint}: load {value:g} for {time:g} s; now {_said(told)}")
    else:
        click.echo(f"{endpoint}: {_said(told)}, for {time:g} s")


def _now(admin: Admin, endpoint: str) -> dict[str, Any]:
    for region in ask(admin, "/v1/status")["health"]["regions"]:
        for zone in region["availability_zones"]:
            for known in zone["endpoints"]:
                if known["id"] == endpoint:
                    return {"endpoint": endpoint, **known["load"]}
    raise NoSuchEndpointError(f"there is no endpoint {endpoint!r}; write service@az")


def _said(told: dict[str, Any]) -> str:
    if told["load"] is None:
        return "no load is known"
    of = "" if told["capacity"] is None else f" of {told['capacity']:g} ({told['utilisation']:.0%})"
    return f"load {told['load']:g}{of}"
