"""``geodns record``: lists and edits the records of a zone file."""

from __future__ import annotations

import json
from pathlib import Path

import click

from geodns.cli.complete import complete_name, complete_type, complete_value, complete_zone
from geodns.cli.edited import editing_options, show, site_of
from geodns.cli.options import config_option, json_option
from geodns.cli.record_reset import reset
from geodns.editor.copied import copied_records
from geodns.editor.edit import edit, edit_zone
from geodns.editor.own import merged, updated_sets, written_in
from geodns.editor.site import read_file, read_origin
from geodns.zone.draft import Draft
from geodns.zone.editing.change import Change, adding, removing, removing_name, setting
from geodns.zone.editing.export import as_plain
from geodns.zone.editing.records import (
    EditError,
    Records,
    kind_text,
    read_kind,
    read_owner,
    read_value,
    relative,
    value_text,
)

_zone = click.argument("zone", metavar="ZONE", shell_complete=complete_zone)
_name = click.argument("name", metavar="NAME", shell_complete=complete_name)
_type = click.argument("type_", metavar="TYPE", shell_complete=complete_type)
_values = click.argument(
    "values", metavar="VALUE...", nargs=-1, required=True, shell_complete=complete_value
)
_ttl = click.option(
    "--ttl", type=click.IntRange(0, 2**31 - 1), metavar="N", help="Seconds; else it is kept."
)


@click.group()
def record() -> None:
    """List and edit the records of a zone.

    NAME is relative to the zone, or absolute with a final dot; @ is the zone itself. Each VALUE is
    one record in the form of a master file: "10 mail" for MX, a service's name for GEO.
    """


@record.command("list")
@_zone
@click.argument("name", metavar="[NAME]", required=False, shell_complete=complete_name)
@click.argument("type_", metavar="[TYPE]", required=False, shell_complete=complete_type)
@config_option
@json_option
def list_(
    config: Path | None, as_json: bool, zone: str, name: str | None, type_: str | None
) -> None:
    """List the records of a zone, of a name, or of a name and type, those of updates among them."""
    site = site_of(config)
    origin = read_origin(zone)
    copied = copied_records(site, origin)
    draft = Draft(origin, site.folder)
    if copied is None:
        draft = read_file(site.file_of(origin), site.folder, site.name_servers)
    written = written_in(site, origin)
    records = merged(draft.nodes, written) if copied is None else copied
    updates = {(each.owner, each.kind): each for each in updated_sets(draft.nodes, written)}
    if name is not None:
        owner = read_owner(name, draft.origin)
        records = {key: found for key, found in records.items() if key[0] == owner}
    if type_ is not None:
        kind = read_kind(type_)
        records = {key: found for key, found in records.items() if key[1] == kind}
    if not records and name is not None:
        raise EditError(f"there are no {f'{type_} ' if type_ else ''}records at {owner}")
    if as_json:
        click.echo(json.dumps(as_plain(draft.origin, records), indent=2, ensure_ascii=False))
        return
    for key, data in records.items():
        mark = "\tby update" if key in updates and updates[key].state == "served" else ""
        for value in data.values:
            ttl = "" if data.ttl is None else data.ttl
            shown = relative(key[0], draft.origin)
            click.echo(f"{shown}\t{ttl}\t{kind_text(key[1])}\t{value_text(value)}{mark}")


@record.command("set")
@_zone
@_name
@_type
@_values
@_ttl
@click.option("--only", is_flag=True, help="The name has nothing else then.")
@editing_options
def set_(
    config: Path | None,
    as_json: bool,
    dry_run: bool,
    force: bool,
    zone: str,
    name: str,
    type_: str,
    values: tuple[str, ...],
    ttl: int | None,
    only: bool,
) -> None:
    """Replace the values of NAME and TYPE."""

    def change(draft: Draft, before: Records) -> Change:
        owner, kind = read_owner(name, draft.origin), read_kind(type_)
        wanted = [read_value(kind, value, draft.origin) for value in values]
        return setting(before, owner, kind, wanted, ttl, only=only)

    site = site_of(config)
    file = site.file_of(read_origin(zone))
    outcome = edit(site, lambda: edit_zone(site, file, change, force=force), dry_run=dry_run)
    show(outcome, as_json=as_json)


@record.command("add")
@_zone
@_name
@_type
@_values
@_ttl
@editing_options
def add(
    config: Path | None,
    as_json: bool,
    dry_run: bool,
    force: bool,
    zone: str,
    name: str,
    type_: str,
    values: tuple[str, ...],
    ttl: int | None,
) -> None:
    """Add values to those of NAME and TYPE."""

    def change(draft: Draft, before: Records) -> Change:
        owner, kind = read_owner(name, draft.origin), read_kind(type_)
        more = [read_value(kind, value, draft.origin) for value in values]
        return adding(before, owner, kind, more, ttl)

    site = site_of(config)
    file = site.file_of(read_origin(zone))
    outcome = edit(site, lambda: edit_zone(site, file, change, force=force), dry_run=dry_run)
    show(outcome, as_json=as_json)


@record.command("remove")
@_zone
@_name
@click.argument("type_", metavar="[TYPE]", required=False, shell_complete=complete_type)
@click.argument("values", metavar="[VALUE]...", nargs=-1, shell_complete=complete_value)
@editing_options
def remove(
    config: Path | None,
    as_json: bool,
    dry_run: bool,
    force: bool,
    zone: str,
    name: str,
    type_: str | None,
    values: tuple[str, ...],
) -> None:
    """Remove values of NAME and TYPE; without VALUE all of them, without TYPE all of NAME."""

    def change(draft: Draft, before: Records) -> Change:
        owner = read_owner(name, draft.origin)
        if type_ is None:
            return removing_name(before, owner)
        kind = read_kind(type_)
        gone = [read_value(kind, value, draft.origin) for value in values]
        return removing(before, owner, kind, gone)

    site = site_of(config)
    file = site.file_of(read_origin(zone))
    outcome = edit(site, lambda: edit_zone(site, file, change, force=force), dry_run=dry_run)
    show(outcome, as_json=as_json)


record.add_command(reset)
