"""What differs between two versions of a zone: as bytes to keep, and several as one. Pure."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from hashlib import blake2b
from itertools import chain
from typing import NamedTuple

from geodns.errors import GeodnsError
from geodns.replication.messages import Record

_CHECK_BYTES = 16
_COUNT = struct.Struct("!I")
_FIXED = struct.Struct("!HIH")  # type, TTL, bytes of rdata
OVERHEAD = 11
"""Bytes of a packed record beside its owner and its rdata; on the wire it is one less."""


class DamagedError(GeodnsError):
    """Bytes that were kept are not those that were written."""


class Difference(NamedTuple):
    """From one version to a later one: each one's SOA, and the other records.

    No record is in both: what was removed was there before, what was added was not.
    """

    before: Record
    after: Record
    removed: tuple[Record, ...]
    added: tuple[Record, ...]

    def records(self) -> Iterator[Record]:
        """As they are transferred."""
        # RFC 1995 4: "The list of difference sequences is preceded and followed by a copy of the
        # server's current version of the SOA", and "The first RR of the deleted RRs is the older
        # SOA RR and the first RR of the added RRs is the newer SOA RR".
        return chain(
            (self.after, self.before), self.removed, (self.after,), self.added, (self.after,)
        )


def packed(apex: bytes, difference: Difference) -> bytes:
    """The bytes to keep of a zone's difference, with a checksum over both."""
    before, after, removed, added = difference
    body = _COUNT.pack(len(removed)) + b"".join(
        map(packed_record, (before, *removed, after, *added))
    )
    return _check(apex, body) + body


def unpacked(apex: bytes, content: bytes) -> Difference:
    """The difference of a zone that was packed. Raises DamagedError."""
    body = content[_CHECK_BYTES:]
    if content[:_CHECK_BYTES] != _check(apex, body):
        raise DamagedError("a difference that was kept is damaged")
    (count,) = _COUNT.unpack_from(body)
    before, *records = unpacked_records(body, _COUNT.size)
    return Difference(before, records[count], tuple(records[:count]), tuple(records[count + 1 :]))


def condensed(differences: Iterable[Difference]) -> Difference:
    """One difference in place of some that follow one another, at least one.

    RFC 1995 6 lets a server "condense" them: what was added and is removed again, or the other way
    around, is in neither part.
    """
    differences = tuple(differences)
    removed: dict[Record, None] = {}
    added: dict[Record, None] = {}
    for difference in differences:
        for record in difference.removed:
            _cancel_or_put(record, added, removed)
        for record in difference.added:
            _cancel_or_put(record, removed, added)
    return Difference(differences[0].before, differences[-1].after, tuple(removed), tuple(added))


def _cancel_or_put(
    record: Record, opposite: dict[Record, None], records: dict[Record, None]
) -> None:
    if record in opposite:
        del opposite[record]
    else:
        records[record] = None


def _check(apex: bytes, body: bytes) -> bytes:
    return blake2b(apex + body, digest_size=_CHECK_BYTES).digest()


def packed_record(record: Record) -> bytes:
    """One record in bytes of our own, which say where it ends."""
    owner, type, ttl, rdata = record
    return bytes((len(owner),)) + owner + _FIXED.pack(type, ttl, len(rdata)) + rdata


def unpacked_records(body: bytes, position: int) -> Iterator[Record]:
    """The records that were packed one behind the other, from a position on."""
    while position < len(body):
        end = position + 1 + body[position]
        type, ttl, length = _FIXED.unpack_from(body, end)
        start = end + _FIXED.size
        yield Record(body[position + 1 : end], type, ttl, body[start : start + length])
        position = start + length
