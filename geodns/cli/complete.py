"""Completes the arguments of commands on zones: zones, names, types, services and values."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

import click
import dns.name

from geodns.cli.completing import quiet
from geodns.config.find import find
from geodns.editor.own import updated_sets, written_in
from geodns.editor.site import Site, open_site, read_file, read_origin
from geodns.zone.editing.records import kind_text, read_kind, read_owner, records_of, relative
from geodns.zone.editing.records import value_text as shown
from geodns.zone.shapes import RECORD_TYPES


def _site(context: click.Context) -> Site:
    config: Path | None = context.params.get("config")
    return open_site(find(config, os.environ))


@quiet
def complete_zone(context: click.Context, _begun: str) -> Iterable[str]:
    """The zones that there are."""
    site = _site(context)
    copied = (dns.name.from_wire(apex, 0)[0] for apex in site.copied_from())
    zones = (*(zone for zone, _ in site.files()), *copied)
    return [zone.to_text(omit_final_dot=True) for zone in zones]


@quiet
def complete_name(context: click.Context, begun: str) -> Iterable[str]:
    """The names of the zone, relative to it."""
    site = _site(context)
    draft = read_file(site.file_of(read_origin(context.params["zone"])), site.folder)
    if begun.endswith("."):
        return [owner.to_text() for owner in draft.nodes]
    return [relative(owner, draft.origin) for owner in draft.nodes]


@quiet
def complete_type(context: click.Context, begun: str) -> Iterable[str]:
    """The types; where records are removed or listed, those that the name has."""
    if context.info_name in {"remove", "list"}:
        site = _site(context)
        draft = read_file(site.file_of(read_origin(context.params["zone"])), site.folder)
        owner = read_owner(context.params["name"], draft.origin)
        return [kind_text(kind) for name, kind in records_of(draft.nodes) if name == owner]
    kinds = [kind for kind, shape in RECORD_TYPES.items() if shape.value != "refused"]
    return [kind.lower() for kind in kinds] if begun and begun.islower() else kinds


@quiet
def complete_updated_name(context: click.Context, begun: str) -> Iterable[str]:
    """The names of the zone at which updates have written."""
    origin = read_origin(context.params["zone"])
    owners = dict.fromkeys(owner for owner, _ in _updated(context, origin))
    if begun.endswith("."):
        return [owner.to_text() for owner in owners]
    return [relative(owner, origin) for owner in owners]


@quiet
def complete_updated_type(context: click.Context, _begun: str) -> Iterable[str]:
    """The types that updates have written at a name."""
    origin = read_origin(context.params["zone"])
    wanted = read_owner(context.params["name"], origin)
    return [kind for owner, kind in _updated(context, origin) if owner == wanted]


def _updated(context: click.Context, origin: dns.name.Name) -> list[tuple[dns.name.Name, str]]:
    written = written_in(_site(context), origin)
    return [(each.owner, kind_text(each.kind)) for each in updated_sets({}, written)]


@quiet
def complete_value(context: click.Context, _begun: str) -> Iterable[str]:
    """The services for GEO; else the values that there are."""
    kind = read_kind(context.params["type_"])
    site = _site(context)
    if kind is None and context.info_name != "remove":
        return site.services()
    draft = read_file(site.file_of(read_origin(context.params["zone"])), site.folder)
    owner = read_owner(context.params["name"], draft.origin)
    found = records_of(draft.nodes).get((owner, kind))
    return [shown(value) for value in found.values] if found else []
