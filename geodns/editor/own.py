"""A zone of this server as commands show it: what its file says, and what dynamic updates wrote."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple

import dns.name
from dns.rdatatype import RdataType

from geodns.answer.image import RRset
from geodns.control.state import StateError
from geodns.control.store import AllWritten, written_sets
from geodns.control.updated_zones import updated_nodes
from geodns.editor.copied import copied_records
from geodns.editor.site import Site, read_file
from geodns.editor.sources import records_in
from geodns.replication.written import Written, rdata_of
from geodns.zone.content import Node
from geodns.zone.draft import Draft
from geodns.zone.editing.records import EditError, Records, RecordSet, kind_text, records_of

State = Literal["served", "hidden", "removed"]


class Updated(NamedTuple):
    """A record set that updates wrote, in place of what the file has (None: nothing).

    ``state``: it is served; hidden by what the file has beside it; or there is none any more.
    """

    owner: dns.name.Name
    kind: RdataType
    records: RecordSet
    state: State
    in_file: RecordSet | None


class Own(NamedTuple):
    """``records``: with or without updates, as was asked for; ``updates``: all that they wrote."""

    records: Records
    updates: tuple[Updated, ...]


def read_own(site: Site, origin: dns.name.Name, *, made: bool = True, updates: bool = False) -> Own:
    """A zone of this server; without ``made`` only an SOA and NS that its file has.

    Raises EditError where the file has errors, StateError where updates can't be read.
    """
    copied = copied_records(site, origin)
    if copied is not None:
        return Own(copied, ())
    file = site.file_of(origin)
    draft = read_file(file, site.folder, site.name_servers)
    wrong = [str(item) for item in draft.problems if item.severity == "error"]
    if wrong:
        raise EditError("\n".join(wrong))
    if not made:
        draft = read_file(file, site.folder)
    written = written_in(site, origin)
    found = updated_sets(draft.nodes, written)
    records = records_in(draft, made_soa=made)
    return Own(_with(written, draft, records) if updates else records, found)


def written_in(site: Site, origin: dns.name.Name) -> Written:
    """What updates wrote into a zone, whether it has a file or not. Raises StateError."""
    return all_written(site.state).get(origin.to_digestable(), {})


def all_written(state: Path) -> AllWritten:
    """What updates wrote, by apex. Raises StateError that says what may be wrong."""
    try:
        return written_sets(state)
    except StateError as error:
        raise StateError(f"what dynamic updates wrote can't be seen: {error}") from error


def updated_sets(nodes: Mapping[dns.name.Name, Node], written: Written) -> tuple[Updated, ...]:
    """The record sets that updates wrote, in the order of names and types."""
    _, hidden = updated_nodes(nodes, written)
    in_file = records_of(nodes)
    found = []
    for wire, sets in written.items():
        owner, _ = dns.name.from_wire(wire, 0)
        for number, rrset in sets.items():
            kind = RdataType.make(number)
            state: State = "served" if rrset.rdatas else "removed"
            if kind in hidden.get(owner, ()):
                state = "hidden"
            found.append(
                Updated(owner, kind, _records(kind, rrset), state, in_file.get((owner, kind)))
            )
    return tuple(sorted(found, key=lambda item: (item.owner, kind_text(item.kind))))


def merged(nodes: Mapping[dns.name.Name, Node], written: Written) -> Records:
    """The record sets that are served: those of the file with those that updates wrote."""
    return records_of(updated_nodes(nodes, written)[0])


def as_plain_update(found: Updated) -> dict[str, Any]:
    """For ``--json``."""
    return {
        "name": found.owner.to_text(),
        "type": kind_text(found.kind),
        "ttl": found.records.ttl if found.records.values else None,
        "values": [value.to_text() for value in found.records.values if not isinstance(value, str)],
        "state": found.state,
    }


def _with(written: Written, draft: Draft, records: Records) -> Records:
    """The records with what updates wrote; one that is not among them was made, and stays away."""
    made = records_of(draft.nodes).keys() - records.keys()
    return {
        (owner, kind): found
        for (owner, kind), found in merged(draft.nodes, written).items()
        if (owner, kind) not in made or kind in written.get(owner.to_digestable(), {})
    }


def _records(kind: RdataType, rrset: RRset) -> RecordSet:
    return RecordSet(rrset.ttl, tuple(rdata_of(kind, wire) for wire in rrset.rdatas))
