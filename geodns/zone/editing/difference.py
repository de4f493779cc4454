"""What differs between two states of a zone's records."""

from __future__ import annotations

from typing import Any, NamedTuple

import dns.name
import dns.rdatatype

from geodns.zone.editing.records import (
    Kind,
    Records,
    RecordSet,
    kind_text,
    value_text,
)


class Difference(NamedTuple):
    """A record set that is not the same in both; None: it is in one alone."""

    owner: dns.name.Name
    kind: Kind
    before: RecordSet | None
    after: RecordSet | None


def differences(before: Records, after: Records, *, serials: bool = False) -> list[Difference]:
    """Every record set that differs, in the order of names (RFC 4034 6.1) and types.

    A TTL of None is equal to any. Without ``serials``, SOA records that differ in their serial
    alone are equal.
    """
    found = (Difference(*key, before.get(key), after.get(key)) for key in {**before, **after})
    differing = [item for item in found if not _same(item, serials=serials)]
    # Of a large zone few differ, and to put all its names in order takes long.
    return sorted(differing, key=lambda item: (item.owner, kind_text(item.kind)))


def _same(item: Difference, *, serials: bool) -> bool:
    before, after = item.before, item.after
    if before is None or after is None:
        return before is after
    if item.kind == dns.rdatatype.SOA and not serials:
        before, after = _without_serial(before), _without_serial(after)
    ttls = item.kind is None or None not in (before.ttl, after.ttl)
    return before.same_values(after) and (not ttls or before.ttl == after.ttl)


def _without_serial(records: RecordSet) -> RecordSet:
    plain = (
        value if isinstance(value, str) else value.replace(serial=0) for value in records.values
    )
    return records._replace(values=tuple(plain))


def lines(found: list[Difference]) -> list[str]:
    """One line per record that goes (``-``) or comes (``+``), as in a master file."""
    shown: list[str] = []
    for item in found:
        old, new = (_shown(item, side) for side in (item.before, item.after))
        shown.extend(f"- {line}" for line in old if line not in new)
        shown.extend(f"+ {line}" for line in new if line not in old)
    return shown


def _shown(item: Difference, records: RecordSet | None) -> list[str]:
    if records is None:
        return []
    ttl = "" if records.ttl is None else f"{records.ttl} "
    head = f"{item.owner} {ttl}IN {kind_text(item.kind)}"
    return [f"{head} {value_text(value)}" for value in records.values]


def as_json(found: list[Difference]) -> list[dict[str, Any]]:
    """Mappings for ``--json``."""
    return [
        {
            "name": item.owner.to_text(),
            "type": kind_text(item.kind),
            "before": _plain(item.before),
            "after": _plain(item.after),
        }
        for item in found
    ]


def _plain(records: RecordSet | None) -> dict[str, Any] | None:
    if records is None:
        return None
    return {"ttl": records.ttl, "values": [value_text(value) for value in records.values]}
