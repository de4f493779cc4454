"""The messages of a transfer to records. Pure; what is in them is anybody's."""

from __future__ import annotations

import struct
from typing import NamedTuple

import dns.name
import dns.rcode

from geodns.answer.names import HEADER_BYTES
from geodns.replication.messages import Record
from geodns.replication.secondary.errors import PrimaryError
from geodns.replication.secondary.rdata import Names, name_at, rdata_at

_HEADER = struct.Struct("!HHHHHH")
_FIXED = struct.Struct("!HHIH")  # type, class, TTL, RDLENGTH
_QR, _OPCODE, _TC, _RCODE = 0x8000, 0x7800, 0x0200, 0x000F
_IN = 1
_MOST_TTL = 2**31 - 1
_OPT = 41
_META = range(128, 256)  # RFC 6895 3.1: QTYPEs and meta-TYPEs, which no zone has


class Part(NamedTuple):
    """One message of a reply: its answer records, and where they end."""

    records: list[Record]
    behind: int


def read(packet: bytes, id: int, question: bytes) -> Part:
    """A message in reply to a query with this ID and question. Raises PrimaryError."""
    try:
        return _read(packet, id, question)
    except (IndexError, struct.error) as error:
        raise PrimaryError("it sends a message that ends too early") from error


def _read(packet: bytes, id: int, question: bytes) -> Part:
    its_id, flags, questions, answers, _, _ = _HEADER.unpack_from(packet)
    if its_id != id or not flags & _QR or flags & _OPCODE:
        raise PrimaryError("it sends a message that is no reply to the query")
    if flags & _RCODE:
        raise PrimaryError(f"it answers {dns.rcode.to_text(dns.rcode.Rcode(flags & _RCODE))}")
    if flags & _TC:
        raise PrimaryError("it sends a message that is cut off")
    names: Names = {}
    at = HEADER_BYTES
    # RFC 5936 2.2.2: the question is in the first message, and may be in those behind it.
    for _ in range(questions):
        name, behind = name_at(packet, at, names)
        if name.lower() + packet[behind : behind + 4] != question:
            raise PrimaryError("it answers another question")
        at = behind + 4
    records = []
    for _ in range(answers):
        owner, at = name_at(packet, at, names)
        type, rdclass, ttl, length = _FIXED.unpack_from(packet, at)
        at += _FIXED.size
        end = at + length
        if end > len(packet):
            raise PrimaryError("it sends a message that ends too early")
        if rdclass != _IN or type in _META or type in (0, _OPT):
            raise PrimaryError(f"it sends a record of class {rdclass} and type {type} in the zone")
        # RFC 2181 8: "Implementations should treat TTL values received with the most significant
        # bit set as if the entire value received was zero."
        ttl = 0 if ttl > _MOST_TTL else ttl
        try:
            rdata = rdata_at(packet, type, at, end, names)
        except PrimaryError as error:
            raise PrimaryError(f"{error}, of {dns.name.from_wire(owner, 0)[0]}") from error
        records.append(Record(owner.lower(), type, ttl, rdata))
        at = end
    return Part(records, at)
