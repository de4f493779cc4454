"""``geodns record reset``: drops what dynamic updates wrote, so that the zone's file counts."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import click
import dns.name
import dns.rdatatype

from geodns.cli.complete import complete_updated_name, complete_updated_type, complete_zone
from geodns.cli.edited import coloured, editing_options, site_of
from geodns.control import client
from geodns.editor.edit import RELOAD_PATIENCE
from geodns.editor.own import Updated, updated_sets, written_in
from geodns.editor.site import Site, read_file, read_origin
from geodns.zone.editing.difference import Difference, lines
from geodns.zone.editing.difference import as_json as differences_as_json
from geodns.zone.editing.records import EditError, Kind, kind_text, read_kind, read_owner


@click.command("reset")
@click.argument("zone", metavar="ZONE", shell_complete=complete_zone)
@click.argument("name", metavar="[NAME]", required=False, shell_complete=complete_updated_name)
@click.argument("type_", metavar="[TYPE]", required=False, shell_complete=complete_updated_type)
@click.option("--all", "all_", is_flag=True, help="All that updates wrote into the zone.")
@editing_options
def reset(
    config: Path | None,
    as_json: bool,
    dry_run: bool,
    force: bool,
    zone: str,
    name: str | None,
    type_: str | None,
    all_: bool,
) -> None:
    """Drop what dynamic updates wrote at NAME, or there of TYPE: the zone's file counts again.

    The server has to be running. More than ten record sets take --force.
    """
    if all_ == (name is not None):
        raise click.UsageError("say NAME, or --all")
    site, origin = site_of(config), read_origin(zone)
    owner = None if name is None else read_owner(name, origin)
    kind = None if type_ is None else read_kind(type_)
    if type_ is not None and kind is None:
        raise EditError("updates write no GEO records")
    found = [
        update
        for update in _updates(site, origin)
        if owner in (None, update.owner) and kind in (None, update.kind)
    ]
    begun = time.monotonic()
    outcome = "dry run" if dry_run else "in use"
    if not found:
        outcome = "nothing to do"
    elif not dry_run:
        _tell(site, origin, owner, kind, force=force)
    _show(outcome, found, time.monotonic() - begun, as_json=as_json)


def _updates(site: Site, origin: dns.name.Name) -> tuple[Updated, ...]:
    """What updates wrote into a zone, also into one that has no file any more."""
    nodes = {}
    if any(name == origin for name, _ in site.files()):
        nodes = read_file(site.file_of(origin), site.folder, site.name_servers).nodes
    return updated_sets(nodes, written_in(site, origin))


def _tell(
    site: Site, origin: dns.name.Name, owner: dns.name.Name | None, kind: Kind, *, force: bool
) -> None:
    body: dict[str, Any] = {"zone": origin.to_text(), "force": force}
    if owner is not None:
        body["name"] = owner.to_text()
    if kind is not None:
        body["type"] = dns.rdatatype.to_text(kind)
    try:
        client.tell(site.admin, "/v1/updates/reset", body, RELOAD_PATIENCE)
    except client.SilentServerError:
        raise
    except client.NoServerError as error:
        raise EditError(f"what updates wrote is the server's; start it first: {error}") from error


def _show(outcome: str, found: list[Updated], seconds: float, *, as_json: bool) -> None:
    changes = [
        Difference(
            each.owner,
            each.kind,
            each.records if each.state == "served" else None,
            each.in_file if each.state != "hidden" else None,
        )
        for each in found
    ]
    if as_json:
        report = {"outcome": outcome, "changes": differences_as_json(changes)}
        click.echo(json.dumps(report, indent=2, ensure_ascii=False))
        return
    for line in lines(changes):
        click.echo(coloured(line))
    for each in found:
        if each.state == "hidden":
            click.echo(f"{each.owner} {kind_text(each.kind)} was hidden by what the file has")
    count = "1 record set" if len(found) == 1 else f"{len(found)} record sets"
    if outcome == "nothing to do":
        click.echo("nothing to do: updates have written nothing there")
    elif outcome == "dry run":
        click.echo(f"{count} would be reset; this was a dry run")
    else:
        click.echo(f"{count} reset: the file counts, and is in use ({seconds:.1f} s)")
