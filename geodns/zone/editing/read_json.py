"""Reads a zone from the JSON that ``geodns zone export --format json`` writes."""

from __future__ import annotations

import json
from typing import Any

import dns.name

from geodns.zone.draft import MAX_TTL
from geodns.zone.editing.records import (
    EditError,
    Key,
    RecordSet,
    read_kind,
    read_owner,
    read_value,
)


def read_json(text: str) -> tuple[dns.name.Name, dict[Key, RecordSet]]:
    """The zone's name and its record sets. Raises EditError that says which record is wrong."""
    try:
        data = json.loads(text)
    except ValueError as error:
        raise EditError(f"this is not JSON: {error}") from error
    if not isinstance(data, dict) or not isinstance(data.get("records"), list):
        raise EditError('a zone in JSON is {"zone": NAME, "records": [...]}')
    try:
        origin = dns.name.from_text(str(data.get("zone", ""))).canonicalize()
    except dns.exception.DNSException as error:
        raise EditError(f'"zone" is not a domain name: {error}') from error
    found: dict[Key, RecordSet] = {}
    for number, item in enumerate(data["records"], 1):
        try:
            key, records = _record(item, origin)
        except EditError as error:
            raise EditError(f"record {number}: {error}") from error
        if key in found:
            raise EditError(f"record {number}: this name and type stand here a second time")
        found[key] = records
    return origin, found


def _record(item: Any, origin: dns.name.Name) -> tuple[Key, RecordSet]:
    if not isinstance(item, dict) or not isinstance(item.get("values"), list):
        raise EditError('it is {"name": NAME, "type": TYPE, "ttl": N, "values": [...]}')
    ttl = item.get("ttl")
    if ttl is not None and not (type(ttl) is int and 0 <= ttl <= MAX_TTL):
        raise EditError(f"ttl is a number of seconds from 0 to {MAX_TTL}")
    kind = read_kind(str(item.get("type", "")))
    owner = read_owner(str(item.get("name", "")), origin)
    values = tuple(read_value(kind, str(value), origin) for value in item["values"])
    if not values:
        raise EditError("it has no values")
    return (owner, kind), RecordSet(ttl, values)
