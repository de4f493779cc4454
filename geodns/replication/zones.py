"""The zones of an image as they are transferred: records in their order, read as they are sent."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from itertools import chain

from geodns.answer.digest import serial_of
from geodns.answer.image import GEO, Node, RRset
from geodns.answer.stored import StoredZone, stored_zones
from geodns.replication.messages import Record

_SOA = 6


class Zone:
    """One zone of an image that is read. ``soa`` is its SOA record."""

    def __init__(self, stored: StoredZone) -> None:
        self.apex = stored.apex
        self.soa = soa_of(stored.apex, next(stored.nodes()))
        self._stored = stored

    @property
    def serial(self) -> int:
        """That of the SOA."""
        return serial_of(self.soa.rdata)

    def records(self) -> Iterator[Record]:
        """All records once, without the SOA."""
        for piece in chain(self._stored.nodes(), self._stored.transferred()):
            for owner, node in piece.items():
                yield from records_of(owner, node)


def open_zone(image: int, apex: bytes) -> Zone | None:
    """The zone at an apex, in lower case, of the image in a file descriptor; None: there is none,
    or nothing of it that may be served.

    The descriptor may be closed at once. What is read is of this image, whatever comes after it.
    """
    with os.fdopen(os.dup(image), "rb") as file:
        stored = next((zone for zone in stored_zones(file) if zone.apex == apex), None)
    return None if stored is None or stored.is_empty else Zone(stored)


def soa_of(apex: bytes, nodes: Mapping[bytes, Node]) -> Record:
    """The SOA record of a zone, of whose nodes these are some."""
    rrset = nodes[apex][_SOA]
    assert isinstance(rrset, RRset)
    return Record(apex, _SOA, rrset.ttl, rrset.rdatas[0])


def records_of(owner: bytes, node: Node) -> Iterator[Record]:
    """The records of a node, but for the SOA."""
    for type, rrset in node.items():
        if type in (GEO, _SOA) or not isinstance(rrset, RRset):
            continue
        for rdata in rrset.rdatas:
            yield Record(owner, type, rrset.ttl, rdata)
