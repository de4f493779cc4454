"""``geodns promote``: makes the standby of a pair the primary."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from geodns.cli.options import config_option, json_option
from geodns.config.find import find
from geodns.config.paths import absolute
from geodns.config.settings import Admin, Server
from geodns.config.source import read_source
from geodns.control.client import tell

_PATIENCE = 1800.0  # seconds: the hand-over, and a compile of millions of records


@click.command()
@click.option(
    "--force",
    is_flag=True,
    help="Also where the primary is there, which then steps down, or not everything has come.",
)
@click.option(
    "--own-files",
    is_flag=True,
    help="On a primary that was promoted: go back to the files that its own server file names.",
)
@click.option("--dry-run", is_flag=True, help="Only say what would follow.")
@config_option
@json_option
def promote(
    config: Path | None, force: bool, own_files: bool, dry_run: bool, as_json: bool
) -> None:
    """Make this standby the primary, with what it has.

    It stays so over restarts. The former primary, when it comes back, becomes the standby of this
    one. To be asked on the standby.
    """
    file = find(config, os.environ).absolute()
    admin: Admin = absolute(read_source(Server, file).settings, file.parent).admin
    wish = {"force": force, "dry_run": dry_run, "own_files": own_files}
    told = tell(admin, "/v1/promote", wish, _PATIENCE)
    if as_json:
        click.echo(json.dumps(told, indent=2, ensure_ascii=False))
        return
    for line in _of_files(told) if own_files else lines(told):
        click.echo(line)


def _of_files(told: dict[str, Any]) -> Iterator[str]:
    would = "would be done: " if told["dry_run"] else ""
    yield f"{would}{told['name']} uses {told['files']} in place of {told['former']}"


def lines(told: dict[str, Any]) -> Iterator[str]:
    """What the server told, for people."""
    name, former, moved = told["name"], told["former"], told["serials_move_by"]
    if told["dry_run"]:
        yield f"would be done: {name} becomes the primary in epoch {told['epoch']}"
    else:
        yield f"{name} is the primary now, in epoch {told['epoch']}"
        if told["handed_over"]:
            yield f"{former} has stepped down, and nothing is lost"
        else:
            yield f"{former} was not asked: it steps down when it sees this one again"
    if moved:
        yield f"serials move on by {moved}: {former} may have served some that never came here"
    yield from (f"warning: {warning}" for warning in told["warnings"])
    if told["files"]:
        yield f"its configuration is in {told['files']}"
