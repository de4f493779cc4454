"""Tables of zones and of their records, for people."""

from __future__ import annotations

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
from geodns.editor.site import Site
from geodns.problem import Problem
from geodns.zone.editing.records import (
    Records,
    kind_text,
    records_of,
    relative,
    value_text,
)
from geodns.zone.load import load_zones


def list_rows(site: Site) -> tuple[list[dict[str, Any]], list[Problem]]:
    """A row for each zone file, and the errors of those that can't be used."""
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
            records = records_of(zone.nodes)
            row |= {
                "usable": True,
                "serial": _serial(origin, records),
                "names": len(zone.nodes),
                "records": sum(len(found.values) for found in records.values()),
                "geo_names": sum(kind is None for _, kind in records),
            }
        rows.append(row)
    return rows, [problem for problem in problems if problem.severity == "error"]


def _serial(origin: dns.name.Name, records: Records) -> int | None:
    soa = records.get((origin, dns.rdatatype.SOA))
    for value in soa.values if soa is not None else ():
        if isinstance(value, dns.rdtypes.ANY.SOA.SOA):
            return value.serial
    return None


def print_list(rows: list[dict[str, Any]]) -> None:
    """The zones as a table."""
    table = _table("zone", "file", *(">" + name for name in ("serial", "names", "records", "geo")))
    for row in rows:
        if not row["usable"]:
            table.add_row(row["zone"], shorter_file(row), Text("can't be used", style="red"))
            continue
        numbers = (row[name] for name in ("serial", "names", "records", "geo_names"))
        table.add_row(row["zone"], shorter_file(row), *map(str, numbers))
    _console().print(table)


def shorter_file(row: dict[str, Any]) -> str:
    """A row's file, as it is shown."""
    return shorter(Path(row["file"]))


def print_zone(origin: dns.name.Name, records: Records) -> None:
    """A zone's records by name, in the order of its file; a GEO record points to its service."""
    table = _table("name", ">ttl", "type", "value")
    last: dns.name.Name | None = None
    for (owner, kind), found in records.items():
        for value in found.values:
            name = relative(owner, origin) if owner != last else ""
            last = owner
            ttl = "" if found.ttl is None else str(found.ttl)
            if kind is None:
                shown = Text(f"→ {value_text(value)}", style="green")
                table.add_row(Text(name), ttl, Text("GEO", style="green"), shown)
            else:
                table.add_row(Text(name), ttl, kind_text(kind), Text(value_text(value)))
    _console().print(table)


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
