"""Reads UPDATE messages (RFC 2136 2) record by record, in their order. Pure."""

from __future__ import annotations

from typing import NamedTuple

import dns.exception
import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype
from dns.rdataclass import RdataClass
from dns.rdatatype import RdataType

from geodns.answer.names import HEADER_BYTES
from geodns.errors import GeodnsError

_FIXED_BYTES = 10  # type, class, TTL, RDLENGTH
_PREREQUISITES_AT, _UPDATES_AT = 6, 8


class MalformedUpdateError(GeodnsError):
    """A message that can't be read, or whose zone section has not exactly one SOA."""


class Entry(NamedTuple):
    """A record of a prerequisite or an update; the owner is in lower case.

    ``rdata`` is None where the class or the type has none; ``is_empty``: RDLENGTH is 0.
    """

    owner: dns.name.Name
    rdclass: RdataClass
    rdtype: RdataType
    ttl: int
    rdata: dns.rdata.Rdata | None
    is_empty: bool


class Update(NamedTuple):
    """An UPDATE message. ``zone`` is in lower case; ``question`` is the zone section's bytes."""

    zone: dns.name.Name
    rdclass: RdataClass
    prerequisites: tuple[Entry, ...]
    changes: tuple[Entry, ...]
    question: bytes


def read_update(packet: bytes) -> Update:
    """The message in a packet. Raises MalformedUpdateError."""
    try:
        return _read(packet)
    except (dns.exception.DNSException, ValueError, IndexError) as error:
        raise MalformedUpdateError("a record can't be read") from error


def _read(packet: bytes) -> Update:
    # RFC 2136 3.1.1: "The Zone Section is checked to see that there is exactly one RR therein and
    # that the RR's ZTYPE is SOA, else signal FORMERR to the requestor."
    if packet[4:6] != b"\0\1":
        raise MalformedUpdateError("the zone section has not exactly one record")
    zone, length = dns.name.from_wire(packet, HEADER_BYTES)
    end = HEADER_BYTES + length + 4
    if packet[end - 4 : end - 2] != RdataType.SOA.to_bytes(2, "big"):
        raise MalformedUpdateError("the record of the zone section is no SOA")
    prerequisites, position = _entries(packet, end, _PREREQUISITES_AT)
    changes, _ = _entries(packet, position, _UPDATES_AT)
    return Update(
        zone.canonicalize(),
        RdataClass.make(int.from_bytes(packet[end - 2 : end], "big")),
        prerequisites,
        changes,
        packet[HEADER_BYTES:end],
    )


def _entries(packet: bytes, position: int, count_at: int) -> tuple[tuple[Entry, ...], int]:
    found = []
    for _ in range(int.from_bytes(packet[count_at : count_at + 2], "big")):
        owner, length = dns.name.from_wire(packet, position)
        fixed = position + length
        start = fixed + _FIXED_BYTES
        size = int.from_bytes(packet[start - 2 : start], "big")
        if start + size > len(packet):
            raise MalformedUpdateError("the message ends before its last record does")
        rdtype = RdataType.make(int.from_bytes(packet[fixed : fixed + 2], "big"))
        rdclass = RdataClass.make(int.from_bytes(packet[fixed + 2 : fixed + 4], "big"))
        ttl = int.from_bytes(packet[fixed + 4 : fixed + 8], "big")
        rdata = None
        if _has_rdata(rdclass, rdtype, size):
            # RFC 2136 2.4.2, 2.5.4: class NONE or not, it is data of the zone's class.
            rdata = dns.rdata.from_wire(dns.rdataclass.IN, rdtype, packet, start, size)
        found.append(Entry(owner.canonicalize(), rdclass, rdtype, ttl, rdata, size == 0))
        position = start + size
    return tuple(found), position


def _has_rdata(rdclass: RdataClass, rdtype: RdataType, size: int) -> bool:
    """There are types whose RDATA may be empty."""
    if dns.rdatatype.is_metatype(rdtype):
        return False
    return rdclass == RdataClass.IN or (rdclass == RdataClass.NONE and size > 0)
