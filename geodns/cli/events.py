"""``geodns events``: the event log of the running server."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

import click

from geodns.cli.options import config_option, json_option
from geodns.config.find import find
from geodns.config.paths import absolute
from geodns.config.settings import Admin, Server
from geodns.config.source import read_source
from geodns.config.values import parse_duration
from geodns.control.client import NoServerError, ask
from geodns.control.view import moment

_EVERY = 1.0  # seconds between two looks of --follow
_MOST_NAMED = 4  # endpoints that moved, in a line; JSON has all


@click.command()
@click.option("--since", metavar="TIME", help="Only those of so long ago: 1h, 2d.")
@click.option("--follow", is_flag=True, help="Go on with new ones, until Ctrl-C.")
@config_option
@json_option
def events(config: Path | None, since: str | None, follow: bool, as_json: bool) -> None:
    """Show what happened: verdicts, freezes, orders, reloads, updates, copies; what each moved.

    With --json, one object in a line.
    """
    file = find(config, os.environ).absolute()
    admin: Admin = absolute(read_source(Server, file).settings, file.parent).admin
    start = 0.0
    if since is not None:
        try:
            start = time.time() - parse_duration(since)
        except ValueError as error:
            raise click.BadParameter(str(error), param_hint="--since") from error
    last = _show(ask(admin, f"/v1/events?since={start}"), 0, as_json)
    try:
        while follow:
            time.sleep(_EVERY)
            try:
                found = ask(admin, f"/v1/events?since={start}&after={last}")
            except NoServerError:  # whoever watches a restart wants to see the server come back
                continue
            last = _show(found, last, as_json)
    except KeyboardInterrupt:
        return


def _show(found: dict[str, Any], last: int, as_json: bool) -> int:
    for event in found["events"]:
        click.echo(json.dumps(event, ensure_ascii=False) if as_json else line(event))
        last = event["number"]
    return last


def line(event: dict[str, Any]) -> str:
    """One event for people."""
    why = f": {event['why']}" if event["why"] else ""
    what = f"{event['subject']} {event['what']}" if event["kind"] in _BARE else event["what"]
    told = why if event["why"] not in event["what"] else ""
    moved = [f"{id} {a:.0%} → {b:.0%}" for id, (a, b) in event["moved"].items()]
    more = f" and {len(moved) - _MOST_NAMED} more" if len(moved) > _MOST_NAMED else ""
    ends = f" [{', '.join(moved[:_MOST_NAMED])}{more}]" if moved else ""
    return f"{moment(event['at'])} {event['kind']:8} {what} ({event['who']}){told}{ends}"


_BARE = {
    "verdict",
    "guard",
    "reload",
    "update",
    "copy",
    "pair",
    "reset",
    "undrain",
    "unforce",
    "untrust",
}
