"""``geodns health``: tells the running server whether an endpoint serves, and asks its guard."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import click

from geodns.cli.guard import guard, trust, untrust
from geodns.cli.options import config_option, json_option
from geodns.config.find import find
from geodns.config.paths import absolute
from geodns.config.settings import Admin, Server
from geodns.config.source import read_source
from geodns.control.client import ask, tell
from geodns.health.told import ToldError, no_endpoint, not_told


@click.group()
def health() -> None:
    """Tell a server the health of an endpoint; show and overrule its guard."""


health.add_command(guard)
health.add_command(trust)
health.add_command(untrust)


@health.command()
@click.argument("endpoint", metavar="ID")
@click.argument("state", type=click.Choice(["up", "down"]))
@click.option("--reason", default="", metavar="TEXT", help="Why; others see it.")
@click.option("--dry-run", is_flag=True, help="Only say what is known of it now.")
@config_option
@json_option
def push(
    endpoint: str, state: str, reason: str, dry_run: bool, config: Path | None, as_json: bool
) -> None:
    """Tell the server that the endpoint ID (service@az) is up or down.

    Its service must have a check of type push. Repeat it within the check's `keep`: after that
    silence the endpoint is down. It goes over the admin socket.
    """
    file = find(config, os.environ).absolute()
    admin = absolute(read_source(Server, file).settings, file.parent).admin
    if dry_run:
        told = _now(admin, endpoint)
    else:
        body = {"endpoint": endpoint, "up": state == "up", "reason": reason}
        told = tell(admin, "/v1/health", body)
    if as_json:
        click.echo(json.dumps(told, indent=2, ensure_ascii=False))
    elif dry_run:
        now = ", ".join(f"{one['address']} {one['state']}" for one in told["targets"])
        click.echo(f"would report {endpoint} {state}; now {now}")
    else:
        click.echo(f"{endpoint}: {told['detail']}")


def _now(admin: Admin, endpoint: str) -> dict[str, Any]:
    """The targets that a report would be for. Raises ToldError as the server would."""
    status = ask(admin, "/v1/status")["health"]
    ids = {
        known["id"]
        for region in status["regions"]
        for zone in region["availability_zones"]
        for known in zone["endpoints"]
    }
    if endpoint not in ids:
        raise ToldError(no_endpoint(endpoint))
    told = [
        target
        for target in status["targets"]
        if target["kind"] == "push" and endpoint in target["endpoints"]
    ]
    if not told:
        raise ToldError(not_told(endpoint))
    return {"endpoint": endpoint, "targets": told}
