"""The zones of an image as they are transferred: records in their order, read as they are sent."""

from __future__ import annotations

import os
from collections.abc import Iterator

from geodns.answer.digest import serial_of
from geodns.answer.image import GEO, Node, RRset
from geodns.answer.store import zone_nodes
from geodns.replication.messages import Record

_SOA = 6


class Zone:
    """One zone of an image that is read. ``soa`` is its SOA record."""

    def __init__(self, apex: bytes, first: dict[bytes, Node], rest: Iterator[dict[bytes, Node]]):
        rrset = first[apex][_SOA]
        assert isinstance(rrset, RRset)
        self.apex = apex
        self.soa = Record(apex, _SOA, rrset.ttl, rrset.rdatas[0])
        self._first = first
        self._rest = rest

    @property
    def serial(self) -> int:
        """That of the SOA."""
        return serial_of(self.soa.rdata)

    def records(self) -> Iterator[Record]:
        """All records once, without the SOA; can be read once only."""
        yield from _records(self._first)
        for piece in self._rest:
            yield from _records(piece)


def open_zone(image: int, apex: bytes) -> Zone | None:
    """The zone at an apex, in lower case, of the image in a file descriptor; None: there is none.

    The descriptor may be closed at once. What is read is of this image, whatever comes after it.
    """
    with os.fdopen(os.dup(image), "rb") as file:
        pieces = zone_nodes(file, apex)
    if pieces is None:
        return None
    return Zone(apex, next(pieces), pieces)


def _records(nodes: dict[bytes, Node]) -> Iterator[Record]:
    for owner, node in nodes.items():
        for type, rrset in node.items():
            if type in (GEO, _SOA) or not isinstance(rrset, RRset):
                continue
            for rdata in rrset.rdatas:
                yield Record(owner, type, rrset.ttl, rdata)
