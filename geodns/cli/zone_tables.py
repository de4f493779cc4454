"""Tables of zones and of their records, for people."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dns.name
import dns.rdatatype
import dns.rdtypes.ANY.SOA
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from geodns.cli.edited import shorter
from geodns.control.copy_rows import COLUMNS, NUMBERS, copy_rows
from geodns.control.glance import Tone
from geodns.control.store import AllWritten
from geodns.control.updated_zones import updated_nodes
from geodns.editor.own import Own
from geodns.editor.site import Site
from geodns.problem import Problem
from geodns.zone.editing.records import (
    Key,
    Records,
    RecordSet,
    kind_text,
    records_of,
    relative,
    value_text,
)
from geodns.zone.load import load_zones


def list_rows(site: Site, written: AllWritten) -> tuple[list[dict[str, Any]], list[Problem]]:
    """A row for each zone file, with what updates wrote, and the errors of those that can't be
    used."""
    if not site.has_files:
        return [], []
    zones, problems, _ = load_zones(site.folder, None, name_servers=site.name_servers)
    usable = {zone.file: zone for zone in zones}
    strangers = {problem.file for problem in problems if problem.id == "not-a-zone"}
    rows = []
    for origin, file in site.files():
        if file in strangers:
            continue
        row: dict[str, Any] = {"zone": origin.to_text(), "file": str(file), "usable": False}
        zone = usable.get(file)
        if zone is not None:
            updates = written.get(origin.to_digestable(), {})
            nodes, _ = updated_nodes(zone.nodes, updates)
            records = records_of(nodes)
            row |= {
                "usable": True,
                "serial": _serial(origin, records),
                "names": len(nodes),
                "records": sum(len(found.values) for found in records.values()),
                "geo_names": sum(kind is None for _, kind in records),
                "updated": sum(map(len, updates.values())),
            }
        rows.append(row)
    return rows, [problem for problem in problems if problem.severity == "error"]


def _serial(origin: dns.name.Name, records: Records) -> int | None:
    soa = records.get((origin, dns.rdatatype.SOA))
    for value in soa.values if soa is not None else ():
        if isinstance(value, dns.rdtypes.ANY.SOA.SOA):
            return value.serial
    return None


def waiting_lines(written: AllWritten, rows: list[dict[str, Any]]) -> list[str]:
    """What updates wrote into zones that have no file any more."""
    zones = {dns.name.from_text(row["zone"]).to_digestable() for row in rows}
    lines = []
    for apex in sorted(written.keys() - zones):
        origin = dns.name.from_wire(apex, 0)[0].to_text(omit_final_dot=True)
        count = sum(map(len, written[apex].values()))
        lines.append(
            f"{origin} has no file, and {count} record sets of dynamic updates, which will count"
            f" when it has one; `geodns record reset {origin} --all` drops them"
        )
    return lines


def print_list(rows: list[dict[str, Any]]) -> None:
    """The zones as a table."""
    if not rows:
        return
    counts = ("serial", "names", "records", "geo", "updated")
    table = _table("zone", "file", *(f">{name}" for name in counts))
    for row in rows:
        if not row["usable"]:
            table.add_row(row["zone"], shorter_file(row), Text("can't be used", style="red"))
            continue
        numbers = (row[name] for name in ("serial", "names", "records", "geo_names", "updated"))
        table.add_row(row["zone"], shorter_file(row), *map(str, numbers))
    _console().print(table)


def print_copied(rows: list[dict[str, Any]], now: float) -> None:
    """The zones that come from primaries, as a table."""
    if not rows:
        return
    table = _table(*COLUMNS[:-NUMBERS], *(f">{head}" for head in COLUMNS[-NUMBERS:]))
    for row in copy_rows(rows, now):
        style = {Tone.WELL: "", Tone.PART: "yellow", Tone.BAD: "red"}[row.tone]
        table.add_row(*(Text(cell, style) for cell in row.cells))
    _console().print(table)


def shorter_file(row: dict[str, Any]) -> str:
    """A row's file, as it is shown."""
    return shorter(Path(row["file"]))


def print_zone(origin: dns.name.Name, own: Own) -> None:
    """A zone's records by name, in the order of its file; a GEO record points to its service.

    What updates wrote is marked, also what they took out of the file.
    """
    table = _table("name", ">ttl", "type", "value", *(["by update"] if own.updates else []))
    last: dns.name.Name | None = None
    for (owner, kind), found, mark in _marked(own):
        style = "strike" if mark in {"removed", "hidden"} else ""
        for value in found.values:
            name = relative(owner, origin) if owner != last else ""
            last = owner
            ttl = "" if found.ttl is None else str(found.ttl)
            cells = [Text(kind_text(kind), style), Text(value_text(value), style)]
            if kind is None:
                cells = [Text("GEO", "green"), Text(f"→ {value_text(value)}", "green")]
            table.add_row(Text(name), ttl, *cells, *([mark] if own.updates else []))
    _console().print(table)


def _marked(own: Own) -> Iterator[tuple[Key, RecordSet, str]]:
    """The record sets as they are served, and beside them what is not, with their marks."""
    updates = {(found.owner, found.kind): found for found in own.updates}
    places = {owner: None for owner, _ in own.records} | {
        found.owner: None for found in own.updates
    }
    by_owner: dict[dns.name.Name, list[tuple[Key, RecordSet, str]]] = {
        owner: [] for owner in places
    }
    for key, records in own.records.items():
        served = key in updates and updates[key].state == "served"
        by_owner[key[0]].append((key, records, "written" if served else ""))
    for key, found in updates.items():
        if found.state == "removed" and found.in_file is not None:
            by_owner[key[0]].append((key, found.in_file, "removed"))
        elif found.state == "hidden":
            by_owner[key[0]].append((key, found.records, "hidden"))
    for rows in by_owner.values():
        yield from rows


def _table(*columns: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        right = column.startswith(">")
        table.add_column(column.lstrip(">"), justify="right" if right else "left", overflow="fold")
    return table


def _console() -> Console:
    console = Console(highlight=False)
    # A table that is piped somewhere is not cut at the width of a terminal that isn't there.
    return console if console.is_terminal else Console(highlight=False, width=10_000)
