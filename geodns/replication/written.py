"""Record sets that updates wrote, and the zone that they make together with its file. Pure.

A set that an update has touched is the update's from then on: it stands in place of what the file
says. Where the file has come to hold what can't stand beside it, the file counts.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import TypeVar

import dns.name
import dns.rdata
import dns.rdataclass
from dns.rdatatype import RdataType

from geodns.answer.digest import serial_of
from geodns.answer.image import GEO, Node, RRset
from geodns.answer.stored import StoredZone, stored_zones
from geodns.replication.update import BESIDE_CNAME, Changes, RecordSet, Sets
from geodns.zone.serial import newer

Set = TypeVar("Set")
Written = Mapping[bytes, Mapping[int, RRset]]
"""Of one zone, by owner in lower-case wire form and type; a set without records is deleted."""

_TIED = frozenset((RdataType.A, RdataType.AAAA, RdataType.CNAME, RdataType.HTTPS))
_CNAME = RdataType.CNAME


def overlaid(
    sets: Mapping[RdataType, Set],
    written: Mapping[RdataType, Set | None],
    is_tied: Callable[[RdataType], bool],
) -> tuple[dict[RdataType, Set], frozenset[RdataType]]:
    """A name's sets with those that were written (None: deleted), and what does not fit any more.

    To do it again changes nothing.
    """
    kept = {type: each for type, each in sets.items() if type not in written or is_tied(type)}
    added = {type: each for type, each in written.items() if each is not None}
    hidden = {type for type in added if is_tied(type)}
    # RFC 1034 3.6.2: "If a CNAME RR is present at a node, no other data should be present".
    if _CNAME in kept:
        hidden |= added.keys() - BESIDE_CNAME
    elif _CNAME in added and (kept.keys() | added.keys()) - BESIDE_CNAME:
        hidden.add(_CNAME)
    shown = {type: each for type, each in added.items() if type not in hidden}
    return {**kept, **shown}, frozenset(hidden)


def tied_types(has_geo: bool, dynamic: Mapping[RdataType, object]) -> Callable[[RdataType], bool]:
    """Which types at a name are answered from services: by a GEO record, or by dynamic ones."""

    def is_tied(rdtype: RdataType) -> bool:
        if has_geo or dynamic:
            return (
                rdtype in dynamic
                or rdtype in (RdataType.ANY, _CNAME)
                or _CNAME in dynamic
                or (has_geo and rdtype in _TIED)
            )
        return False

    return is_tied


class ImageContent:
    """A zone of the image in a file descriptor, with what updates have written since.

    It is the zone as it is transferred: geo names have the records that stand for them, if any.
    """

    def __init__(self, image: int, origin: dns.name.Name, written: Written) -> None:
        self._image = image
        self._origin = origin
        self._written = written
        self._found: dict[dns.name.Name, tuple[Sets, Callable[[RdataType], bool]]] = {}

    @property
    def origin(self) -> dns.name.Name:
        """The apex, in lower case."""
        return self._origin

    def sets(self, owner: dns.name.Name) -> Sets:
        """All that stands at a name."""
        return self._at(owner)[0]

    def is_tied(self, owner: dns.name.Name, rdtype: RdataType) -> bool:
        """Whether records of a type at a name (ANY: of any type) are answered from a service."""
        return self._at(owner)[1](rdtype)

    def _at(self, owner: dns.name.Name) -> tuple[Sets, Callable[[RdataType], bool]]:
        if owner not in self._found:
            self._found[owner] = self._read(owner.to_digestable())
        return self._found[owner]

    @cached_property
    def _stored(self) -> StoredZone | None:
        with os.fdopen(os.dup(self._image), "rb") as file:
            apex = self._origin.to_digestable()
            return next((zone for zone in stored_zones(file) if zone.apex == apex), None)

    def _read(self, owner: bytes) -> tuple[Sets, Callable[[RdataType], bool]]:
        node: Node = self._stored.at(owner) if self._stored is not None else {}
        before: dict[RdataType, RecordSet] = {}
        dynamic: dict[RdataType, None] = {}
        for number, each in node.items():
            if isinstance(each, RRset):
                before[_type(number)] = _records(number, each)
            elif number != GEO:
                dynamic[_type(number)] = None
        written: dict[RdataType, RecordSet | None] = {
            _type(n): _records(n, each) if each.rdatas else None
            for n, each in self._written.get(owner, {}).items()
        }
        if _is_behind(written.get(RdataType.SOA), before.get(RdataType.SOA)):
            del written[RdataType.SOA]
        is_tied = tied_types(GEO in node, dynamic)
        return overlaid(before, written, is_tied)[0], is_tied


def in_wire_form(changes: Changes) -> dict[bytes, dict[int, RRset]]:
    """Changes as they are written down."""
    found: dict[bytes, dict[int, RRset]] = {}
    for (owner, rdtype), records in changes.items():
        rdatas = tuple(rdata.to_wire() or b"" for rdata in records.rdatas)
        found.setdefault(owner.to_digestable(), {})[int(rdtype)] = RRset(records.ttl, rdatas)
    return found


def rdata_of(rdtype: int, wire: bytes) -> dns.rdata.Rdata:
    """A record's data."""
    return dns.rdata.from_wire(dns.rdataclass.IN, _type(rdtype), wire, 0, len(wire))


def _records(rdtype: int, rrset: RRset) -> RecordSet:
    return RecordSet(rrset.ttl, tuple(rdata_of(rdtype, wire) for wire in rrset.rdatas))


def _type(number: int) -> RdataType:
    return RdataType.make(number)


def _is_behind(written: RecordSet | None, served: RecordSet | None) -> bool:
    """Whether serials have moved on from the SOA that an update gave."""
    if written is None or served is None:
        return False
    serials = [serial_of(each.rdatas[0].to_wire() or b"") for each in (served, written)]
    return newer(serials[0], serials[1])
