"""What a command wants of a zone's records, as the record sets that stand there afterwards."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import dns.name
import dns.rdatatype
import dns.rdtypes.ANY.SOA

from geodns.zone.draft import MAX_TTL, SINGLE
from geodns.zone.editing.records import (
    EditError,
    Key,
    Kind,
    Records,
    RecordSet,
    Value,
    kind_text,
    value_text,
)

Change = Mapping[Key, RecordSet | None]
"""For each name and type that changes, its new record set; None removes it."""

MANY = 10  # records
FEW = 3  # of so many, a share means nothing yet
SHARE = 3  # a third
_SOA = dns.rdatatype.SOA


def setting(
    before: Records,
    owner: dns.name.Name,
    kind: Kind,
    values: Iterable[Value],
    ttl: int | None = None,
    *,
    only: bool = False,
) -> Change:
    """The name has exactly these values of a type; without ``ttl`` it keeps the one that it has.

    ``only``: it has nothing else then. Raises EditError.
    """
    change: dict[Key, RecordSet | None] = {}
    if only:
        change = {key: None for key in before if key[0] == owner and key[1] != kind}
    found = before.get((owner, kind))
    wanted = RecordSet(_ttl(ttl, found), tuple(dict.fromkeys(values)))
    _check_single(owner, kind, wanted)
    if found is None or not found.same_values(wanted) or found.ttl != wanted.ttl:
        change[owner, kind] = wanted
    return change


def adding(
    before: Records,
    owner: dns.name.Name,
    kind: Kind,
    values: Iterable[Value],
    ttl: int | None = None,
) -> Change:
    """The name has these values of a type, too. Raises EditError."""
    found = before.get((owner, kind))
    former = found.values if found is not None else ()
    return setting(before, owner, kind, (*former, *values), ttl)


def removing(
    before: Records, owner: dns.name.Name, kind: Kind, values: Iterable[Value] = ()
) -> Change:
    """The name has these values of a type no longer; without values, none of them.

    Raises EditError where there is nothing to remove.
    """
    found = before.get((owner, kind))
    if found is None:
        raise EditError(f"{owner} has no {kind_text(kind)} record")
    gone = tuple(values)
    for value in gone:
        if value not in found.values:
            raise EditError(f"{owner} has no {kind_text(kind)} record {value_text(value)}")
    left = tuple(value for value in found.values if gone and value not in gone)
    return {(owner, kind): found._replace(values=left) if left else None}


def removing_name(before: Records, owner: dns.name.Name) -> Change:
    """The name has nothing any more, the SOA apart. Raises EditError where it has nothing."""
    change: Change = {key: None for key in before if key[0] == owner and key[1] != _SOA}
    if not change:
        raise EditError(f"there are no records at {owner}")
    return change


def equalling(before: Records, wanted: Records) -> Change:
    """The zone has exactly the wanted record sets."""
    change: dict[Key, RecordSet | None] = {key: None for key in before if key not in wanted}
    for key, fresh in wanted.items():
        found = before.get(key)
        if found is None or not found.same_values(fresh) or found.ttl != fresh.ttl:
            change[key] = fresh
    return change


def applied(before: Records, change: Change) -> dict[Key, RecordSet]:
    """The records after a change."""
    after = dict(before)
    for key, fresh in change.items():
        if fresh is None:
            after.pop(key, None)
        else:
            after[key] = fresh
    return after


def with_next_serial(before: Records, change: Change, origin: dns.name.Name) -> Change:
    """The change, and the next serial of the zone, unless it sets the SOA itself.

    RFC 1982 3.1: serials are added to modulo 2^32; 0 is passed over, as some secondaries take it
    for none.
    """
    key = origin, _SOA
    soa = before[key].values[0] if key in before and key not in change else None
    if not isinstance(soa, dns.rdtypes.ANY.SOA.SOA):
        return change
    fresh = soa.replace(serial=(soa.serial + 1) % 2**32 or 1)
    return {**change, key: before[key]._replace(values=(fresh,))}


def too_much(before: Records, change: Change) -> str | None:
    """Why a change needs ``--force``: it removes more than ten records, or, of more than three,
    more than a third of the zone. None: it doesn't."""
    removed = sum(
        max(0, len(before[key].values) - (len(fresh.values) if fresh else 0))
        for key, fresh in change.items()
        if key in before
    )
    total = sum(len(found.values) for (_, kind), found in before.items() if kind != _SOA)
    if removed > MANY or (removed > FEW and removed * SHARE > total):
        return f"this removes {removed} of {total} records; if that is meant, say --force"
    return None


def _ttl(ttl: int | None, found: RecordSet | None) -> int | None:
    if ttl is None:
        return found.ttl if found is not None else None
    if not 0 <= ttl <= MAX_TTL:
        raise EditError(f"a TTL is a number of seconds from 0 to {MAX_TTL}")
    return ttl


def _check_single(owner: dns.name.Name, kind: Kind, wanted: RecordSet) -> None:
    if not wanted.values:
        raise EditError(f"name at least one value for the {kind_text(kind)} of {owner}")
    if len(wanted.values) > 1 and (kind is None or kind in SINGLE):
        raise EditError(
            f"a name has only one {kind_text(kind)}, and {owner} would have {len(wanted.values)}:"
            f" {', '.join(map(value_text, wanted.values))}; `set` replaces what is there"
        )
