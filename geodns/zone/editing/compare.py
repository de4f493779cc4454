"""Makes sure that an edited text says what it should, and nothing else."""

from __future__ import annotations

import dns.rdatatype

from geodns.zone.editing.change import Change, applied
from geodns.zone.editing.difference import differences
from geodns.zone.editing.records import EditError, Key, Records, RecordSet, kind_text


def must_match(before: Records, change: Change, after: Records, *, made_soa: bool) -> None:
    """Raises EditError where an edit did more, or less, than the change.

    ``after`` are the records that were read from the new text; ``made_soa``: the SOA follows from
    other records and may differ.
    """
    wanted, found = applied(before, change), dict(after)
    if made_soa and not any(kind == dns.rdatatype.SOA for _, kind in change):
        wanted, found = (_without_soa(records) for records in (wanted, found))
    wrong = differences(wanted, found)
    if not wrong:
        return
    first = wrong[0]
    what = f"{first.owner} {kind_text(first.kind)}"
    if (first.owner, first.kind) in change:
        raise EditError(
            f"{what} can't be edited here without changing the rest of the file; change it by hand"
        )
    raise EditError(
        f"this would also change {what}, which is written in the same place (an anchor or a merge);"
        " change the file by hand"
    )


def _without_soa(records: Records) -> dict[Key, RecordSet]:
    return {key: found for key, found in records.items() if key[1] != dns.rdatatype.SOA}
