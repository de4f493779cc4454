"""``geodns zone``: zones as a whole, listed, shown, checked, made, deleted, moved and compared."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import cast

import click
import dns.name

from geodns.cli.complete import complete_zone
from geodns.cli.edited import coloured, editing_options, shorter, show, site_of
from geodns.cli.options import config_option, json_option
from geodns.cli.zone_refresh import refresh
from geodns.cli.zone_tables import (
    list_rows,
    print_copied,
    print_list,
    print_zone,
    waiting_lines,
)
from geodns.editor import whole
from geodns.editor.copied import copied_rows
from geodns.editor.edit import edit
from geodns.editor.own import Own, all_written, as_plain_update, read_own, written_in
from geodns.editor.site import Site, read_file, read_origin
from geodns.editor.sources import (
    Format,
    dynamic_names,
    format_of,
    read_foreign,
    transfer,
)
from geodns.errors import GeodnsError
from geodns.problem import Problem
from geodns.zone.editing.difference import as_json as differences_as_json
from geodns.zone.editing.difference import differences, lines
from geodns.zone.editing.export import FORMATS, as_plain, split_elsewhere
from geodns.zone.editing.records import EditError, Records, kind_text
from geodns.zone.load import read_zone

_zone = click.argument("zone", metavar="ZONE", shell_complete=complete_zone)
_file = click.Path(path_type=Path, exists=True, dir_okay=False)
_format = click.option(
    "--format",
    "format_",
    type=click.Choice(list(FORMATS)),
    help="Default: what the file's name tells.",
)


_with_updates = click.option(
    "--with-updates", is_flag=True, help="With what dynamic updates wrote, as it is served."
)


@click.group()
def zone() -> None:
    """List, show, check, create, delete, import, export and compare zones."""


@zone.command("list")
@config_option
@json_option
def list_(config: Path | None, as_json: bool) -> None:
    """List the zones: file, serial, names, records, GEO names; and those that are copied."""
    site = site_of(config)
    written = all_written(site.state)
    rows, problems = list_rows(site, written)
    copied = copied_rows(site)
    if as_json:
        shown = [*rows, *({**row, "copied": True} for row in copied)]
        click.echo(json.dumps(shown, indent=2, ensure_ascii=False))
    else:
        print_list(rows)
        print_copied(copied, time.time())
    _say(problems)
    for line in waiting_lines(written, rows):
        click.echo(line, err=True)
    lost = any(row["standing"] in ("never had", "expired") for row in copied)
    sys.exit(1 if lost or any(not row["usable"] for row in rows) else 0)


@zone.command("show")
@_zone
@config_option
@json_option
def show_(config: Path | None, as_json: bool, zone: str) -> None:
    """Show the records of ZONE by name; GEO names are marked, and what dynamic updates wrote."""
    origin = read_origin(zone)
    site = site_of(config)
    copied = [row for row in copied_rows(site) if row["zone"] == origin.canonicalize().to_text()]
    own = read_own(site, origin, updates=True)
    if as_json:
        plain = as_plain(origin, own.records)
        plain["updates"] = [as_plain_update(found) for found in own.updates]
        plain["copied"] = copied[0] if copied else None
        click.echo(json.dumps(plain, indent=2, ensure_ascii=False))
    else:
        print_copied(copied, time.time())
        print_zone(origin, own)


@zone.command("check")
@click.argument("files", metavar="FILE...", nargs=-1, required=True, type=_file)
@config_option
@json_option
def check(config: Path | None, as_json: bool, files: tuple[Path, ...]) -> None:
    """Check zone FILEs, wherever they are; all of the configuration: geodns check.

    The names of services are checked where there is a configuration.
    """
    services, servers = None, tuple[str, ...]()
    try:
        site = site_of(config)
        services, servers = site.services(), site.name_servers
    except GeodnsError:
        if config is not None:
            raise
    problems: list[Problem] = []
    for file in (file.absolute() for file in files):
        problems += read_zone(file, file.parent, services, name_servers=servers)[1]
    errors = sum(item.severity == "error" for item in problems)
    if as_json:
        found = [{"text": str(item), "severity": item.severity, "id": item.id} for item in problems]
        click.echo(json.dumps({"ok": not errors, "problems": found}, indent=2))
    else:
        _say(problems, err=False)
        click.echo(f"{errors} errors, {len(problems) - errors} warnings")
    sys.exit(1 if errors else 0)


@zone.command("create")
@click.argument("name", metavar="NAME")
@click.option("--ns", "servers", multiple=True, metavar="NAME", help="A name server; repeat it.")
@click.option("--from", "file", type=_file, metavar="FILE", help="Take the records of a file.")
@editing_options
def create(
    config: Path | None,
    as_json: bool,
    dry_run: bool,
    force: bool,  # noqa: ARG001 - nothing is removed; the option is that of all edits
    name: str,
    servers: tuple[str, ...],
    file: Path | None,
) -> None:
    """Create the zone NAME, as a YAML file."""
    if bool(servers) == (file is not None):
        raise click.UsageError("say --ns NAME, or --from FILE")
    site, origin = site_of(config), read_origin(name)
    if file is not None:
        _, records, _ = read_foreign(file, origin, None)
    else:
        records = whole.name_servers(origin, servers)
    outcome = edit(site, lambda: whole.create(site, origin, records), dry_run=dry_run)
    _tell_kept(site, origin)
    show(outcome, as_json=as_json)


@zone.command("delete")
@_zone
@editing_options
def delete(config: Path | None, as_json: bool, dry_run: bool, force: bool, zone: str) -> None:
    """Delete ZONE; a copy of its file is kept in the state folder.

    With records besides SOA and NS it takes --force.
    """
    site, origin = site_of(config), read_origin(zone)
    now = time.time()
    # What a dry run shows, nobody has to force.
    force = force or dry_run
    outcome = edit(site, lambda: whole.delete(site, origin, now, force=force), dry_run=dry_run)
    _tell_kept(site, origin)
    show(outcome, as_json=as_json)


@zone.command("import")
@click.argument("file", metavar="FILE", type=_file)
@click.option("--zone", "name", metavar="NAME", help="Default: what the file says or is named.")
@_format
@click.option(
    "--as",
    "target",
    type=click.Choice(["yaml", "master"]),
    default="yaml",
    help="The format of the new file, where the zone is new.",
)
@editing_options
def import_(
    config: Path | None,
    as_json: bool,
    dry_run: bool,
    force: bool,
    file: Path,
    name: str | None,
    format_: str | None,
    target: str,
) -> None:
    """Make a zone have exactly the records of FILE: octoDNS YAML, a master file or JSON.

    A zone that is there is edited: its comments stay, and so do the records that are the same.
    """
    site = site_of(config)
    origin = read_origin(name) if name is not None else None
    origin, records, _ = read_foreign(file, origin, cast(Format | None, format_))
    outcome = edit(
        site,
        lambda: whole.bring_in(site, origin, records, cast(Format, target), force=force),
        dry_run=dry_run,
    )
    show(outcome, as_json=as_json)


@zone.command("export")
@_zone
@_format
@click.option("-o", "--output", type=click.Path(path_type=Path), help="A file; else it is printed.")
@_with_updates
@config_option
def export(
    config: Path | None,
    zone: str,
    format_: str | None,
    output: Path | None,
    with_updates: bool,
) -> None:
    """Print ZONE as octoDNS YAML, an RFC 1035 master file or JSON. Default: yaml."""
    origin = read_origin(zone)
    chosen = format_ or (format_of(output) if output is not None else "yaml")
    # In YAML it is made again, and its serial stays automatic.
    site = site_of(config)
    own = read_own(site, origin, made=chosen != "yaml", updates=with_updates)
    records = own.records
    _tell_left_out(own, with_updates=with_updates)
    for name in _dynamic(site, origin):
        click.echo(f"warning: {name} is dynamic; only its plain values are exported", err=True)
    for owner, kind in split_elsewhere(records) if chosen == "yaml" else ():
        click.echo(
            f"warning: the strings of {owner} {kind_text(kind)} become one, split at 255 bytes:"
            " octoDNS's YAML has no others",
            err=True,
        )
    text = FORMATS[chosen](origin, records)
    if output is None:
        click.echo(text, nl=False)
        return
    try:
        output.write_text(text, encoding="utf-8")
    except OSError as error:
        raise EditError(f"{output} can't be written: {error.strerror}") from error


@zone.command("diff")
@_zone
@click.argument("other", metavar="[FILE|ZONE]", required=False, shell_complete=complete_zone)
@click.option("--server", metavar="ADDRESS[:PORT]", help="Compare with another server, by AXFR.")
@_format
@_with_updates
@config_option
@json_option
def diff(
    config: Path | None,
    as_json: bool,
    zone: str,
    other: str | None,
    server: str | None,
    format_: str | None,
    with_updates: bool,
) -> None:
    """Compare ZONE with a file, another zone or another server. Exit status 1: they differ.

    Lines with - are only in ZONE, lines with + only in the other. Serials are not compared.
    """
    if (other is None) == (server is None):
        raise click.UsageError("say what to compare with: FILE, ZONE or --server ADDRESS")
    site, origin = site_of(config), read_origin(zone)
    own = read_own(site, origin, made=False, updates=with_updates)
    _tell_left_out(own, with_updates=with_updates)
    theirs: Records
    if server is not None:
        theirs = transfer(server, origin)
    elif Path(cast(str, other)).is_file():
        file = Path(cast(str, other))
        theirs = read_foreign(file, origin, cast(Format | None, format_))[1]
    else:
        second = read_origin(cast(str, other))
        other_own = read_own(site, second, made=False, updates=with_updates)
        theirs = whole.moved(other_own.records, second, origin)
    found = differences(*whole.without_made_soa(own.records, theirs, origin))
    if as_json:
        click.echo(json.dumps(differences_as_json(found), indent=2, ensure_ascii=False))
    else:
        for line in lines(found):
            click.echo(coloured(line))
        click.echo(f"{len(found)} record sets differ" if found else "they are the same")
    sys.exit(1 if found else 0)


def _tell_kept(site: Site, origin: dns.name.Name) -> None:
    count = sum(map(len, written_in(site, origin).values()))
    if count:
        name = origin.to_text(omit_final_dot=True)
        click.echo(
            f"warning: dynamic updates wrote {count} record sets into {name}: they are kept, and"
            f" count while it has a file; `geodns record reset {name} --all` drops them",
            err=True,
        )


def _tell_left_out(own: Own, *, with_updates: bool) -> None:
    count = len(own.updates)
    if count and not with_updates:
        what = "1 record set" if count == 1 else f"{count} record sets"
        click.echo(
            f"warning: this is what the file says, without {what} of dynamic updates;"
            " --with-updates has the zone as it is served",
            err=True,
        )


def _dynamic(site: Site, origin: dns.name.Name) -> list[str]:
    """The names of a zone with dynamic records, of which its own files alone can have any."""
    if origin.to_digestable() in site.copied_from():
        return []
    return list(dynamic_names(read_file(site.file_of(origin), site.folder)))


def _say(problems: list[Problem], *, err: bool = True) -> None:
    for problem in problems:
        click.echo(str(problem).replace(str(problem.file), shorter(problem.file), 1), err=err)


zone.add_command(refresh)
