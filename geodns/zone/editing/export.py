"""A zone's records as whole files: octoDNS YAML, an RFC 1035 master file, JSON."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import dns.name
import dns.rdatatype

from geodns.zone.editing.records import (
    Key,
    Records,
    RecordSet,
    Value,
    kind_text,
    relative,
    value_text,
)
from geodns.zone.editing.yaml_style import Style, natural
from geodns.zone.editing.yaml_values import readable, yaml_record

_SOA = dns.rdatatype.SOA


def as_octodns(origin: dns.name.Name, records: Records) -> str:
    """YAML that octoDNS reads, too, apart from GEO and SOA: names and keys are sorted as it
    demands."""
    style = Style(alphabetical=True)
    names: dict[str, list[dict[str, Any]]] = {}
    for (owner, kind), found in sorted(records.items(), key=_type_order):
        key = owner.relativize(origin).to_text() if owner != origin else ""
        record = yaml_record(kind, found, origin, alphabetical=True)
        names.setdefault(key, []).append(record)
    lines = (style.pair(key, names[key], 0) for key in sorted(names, key=natural))
    return "".join(f"{line}\n" for pair in lines for line in pair)


def as_master(origin: dns.name.Name, records: Records) -> str:
    """A master file: the SOA first, then names in DNSSEC's order (RFC 4034 6.1)."""
    found = sorted(records.items(), key=lambda item: (item[0][1] != _SOA, *_order(item)))
    rows = [
        (relative(owner, origin), "" if data.ttl is None else str(data.ttl), kind_text(kind), value)
        for (owner, kind), data in found
        for value in data.values
    ]
    width = max((len(row[0]) for row in rows), default=0)
    digits = max((len(row[1]) for row in rows), default=0)
    lines = [
        f"{name:<{width}} {ttl:>{digits}} IN {kind} {value_text(value)}".rstrip()
        for name, ttl, kind, value in rows
    ]
    return "".join(f"{line}\n" for line in [f"$ORIGIN {origin}", *lines])


def as_json(origin: dns.name.Name, records: Records) -> str:
    """JSON: see ``as_plain``."""
    return json.dumps(as_plain(origin, records), indent=2, ensure_ascii=False) + "\n"


def as_plain(origin: dns.name.Name, records: Records) -> dict[str, Any]:
    """The zone's name and its record sets: absolute names, values in presentation form."""
    return {
        "zone": origin.to_text(),
        "records": [
            {
                "name": owner.to_text(),
                "type": kind_text(kind),
                "ttl": data.ttl,
                "values": [value_text(value) for value in data.values],
            }
            for (owner, kind), data in sorted(records.items(), key=_order)
        ],
    }


def split_elsewhere(records: Records) -> list[Key]:
    """The record sets whose strings YAML joins: TXT that is split elsewhere than at 255 bytes."""
    return [
        key
        for key, data in records.items()
        if any(_wire(readable(value)) != _wire(value) for value in data.values)
    ]


def _wire(value: Value) -> object:
    return value if isinstance(value, str) else value.to_wire()


def _order(item: tuple[Key, RecordSet]) -> tuple[dns.name.Name, str]:
    (owner, kind), _ = item
    return owner, kind_text(kind)


def _type_order(item: tuple[Key, RecordSet]) -> str:
    return kind_text(item[0][1])


FORMATS: Mapping[str, Callable[[dns.name.Name, Records], str]] = {
    "yaml": as_octodns,
    "master": as_master,
    "json": as_json,
}
"""The formats by name."""
