"""The records of a message, as far as all types are alike: where each begins, and what it is."""

from __future__ import annotations

from typing import NamedTuple

from geodns.answer.names import HEADER_BYTES, MOST_LABEL_BYTES
from geodns.errors import GeodnsError

ADDITIONAL_SECTION = 2
_POINTER = 0xC0
_FIXED_BYTES = 10  # type, class, TTL, RDLENGTH
_COUNTS_AT = (6, 8, 10)


class MalformedMessageError(GeodnsError):
    """A message ends before its last record does, or has something else where a name should be."""


class Record(NamedTuple):
    """A record: ``section`` 0 to 2, whether the root owns it, its fields, its RDATA."""

    section: int
    root: bool
    type: int
    qclass: int
    ttl: int
    rdata: bytes


def records_behind(packet: bytes, position: int) -> list[Record]:
    """All records that a message counts, from behind its question. Raises MalformedMessageError.

    Names and RDATA are passed over: what is in them does not matter to who answers queries, and a
    label may hold any bytes (RFC 2181 11).
    """
    found = []
    for section, at in enumerate(_COUNTS_AT):
        for _ in range(int.from_bytes(packet[at : at + 2], "big")):
            fixed = _behind_name(packet, position)
            start = fixed + _FIXED_BYTES
            end = start + int.from_bytes(packet[start - 2 : start], "big")
            if end > len(packet) or start > len(packet):
                raise MalformedMessageError
            type, qclass, ttl = (
                int.from_bytes(packet[fixed + first : fixed + last], "big")
                for first, last in ((0, 2), (2, 4), (4, 8))
            )
            root = not packet[position]
            found.append(Record(section, root, type, qclass, ttl, packet[start:end]))
            position = end
    return found


def start_of_last(packet: bytes) -> int:
    """Where the last record of a message begins. Raises MalformedMessageError."""
    position = HEADER_BYTES
    for _ in range(int.from_bytes(packet[4:6], "big")):
        position = _behind_name(packet, position) + 4
    start = position
    for at in _COUNTS_AT:
        for _ in range(int.from_bytes(packet[at : at + 2], "big")):
            start = position
            position = _behind_name(packet, position) + _FIXED_BYTES
            position += int.from_bytes(packet[position - 2 : position], "big")
    return start


def without_last(packet: bytes) -> bytes:
    """A message without its last record, which is in the additional section.

    Raises MalformedMessageError.
    """
    count = int.from_bytes(packet[10:12], "big") - 1
    return packet[:10] + count.to_bytes(2, "big") + packet[12 : start_of_last(packet)]


def _behind_name(packet: bytes, position: int) -> int:
    """RFC 1035 4.1.4: a name ends with its zero byte, or with a pointer of two bytes."""
    while position < len(packet):
        length = packet[position]
        if length == 0:
            return position + 1
        if length >= _POINTER:
            return position + 2
        # RFC 6891 5: the other kinds of labels are not in use.
        if length > MOST_LABEL_BYTES:
            break
        position += length + 1
    raise MalformedMessageError
