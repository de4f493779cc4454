"""``geodns zone refresh``: has the primaries of a zone that is copied asked now."""

from __future__ import annotations

import json
from pathlib import Path

import click

from geodns.cli.complete import complete_zone
from geodns.cli.edited import site_of
from geodns.cli.options import config_option, json_option
from geodns.control import client
from geodns.editor.site import read_origin
from geodns.zone.editing.records import EditError


@click.command("refresh")
@click.argument("zone", metavar="ZONE", shell_complete=complete_zone)
@click.option("--whole", is_flag=True, help="Copy all of it, whatever its serial is.")
@config_option
@json_option
def refresh(config: Path | None, as_json: bool, zone: str, whole: bool) -> None:
    """Ask the primaries of a copied zone for something newer, now.

    It does not wait for what comes of it: geodns status has that. The server has to be running.
    """
    body = {"zone": read_origin(zone).to_text(), "whole": whole}
    try:
        told = client.tell(site_of(config).admin, "/v1/secondary/refresh", body)
    except client.SilentServerError:
        raise
    except client.NoServerError as error:
        raise EditError(f"it is the server that copies zones; start it first: {error}") from error
    if as_json:
        click.echo(json.dumps(told, indent=2, ensure_ascii=False))
        return
    how = "copied whole" if whole else "checked"
    click.echo(
        f"{told['zone']} is being {how}: {told['primaries']}; geodns status has what comes of it"
    )
