"""Records to the messages of a zone transfer (RFC 5936 2.2). Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from geodns.answer.names import HEADER_BYTES

_QR_AA = b"\x84\0"
_POINTER_TO_QUESTION = (0xC000 | HEADER_BYTES).to_bytes(2, "big")
_CLASS_IN = b"\0\1"
ROOM = 32 * 1024
"""Bytes of a message. RFC 5936 2.2 lets it be up to 64 KiB; half of it needs no second look at
where names end and a signature begins, and is as fast."""


class Record(NamedTuple):
    """One record: its owner and data uncompressed, as on the wire."""

    owner: bytes
    type: int
    ttl: int
    rdata: bytes


def messages(id: bytes, question: bytes, records: Iterable[Record]) -> Iterator[bytes]:
    """The messages of a transfer, each with as many records as fit.

    ``id`` is the query's, ``question`` its question as it came. RFC 5936 2.2.2: the question is in
    the first message, and may be left out in those behind it: it is in all of them here, so that
    the zone's name in it is what all owners are compressed with.
    """
    apex = question[:-4].lower()
    body, count = bytearray(), 0
    for record in records:
        written = _written(record, apex)
        if body and len(body) + len(written) > ROOM:
            yield _message(id, question, count, body)
            body, count = bytearray(), 0
        body += written
        count += 1
    if body:
        yield _message(id, question, count, body)


def _message(id: bytes, question: bytes, count: int, body: bytes | bytearray) -> bytes:
    # RFC 5936 2.2.1: QR and AA are set, TC is not, and there is one question.
    counts = b"\0\1" + count.to_bytes(2, "big") + bytes(4)
    return id + _QR_AA + counts + question + body


def _written(record: Record, apex: bytes) -> bytes:
    """RFC 5936 3.4: names should be compressed; of an owner the part that is the zone's name is."""
    owner = record.owner
    if owner.endswith(apex) and _ends_at_a_label(owner, len(owner) - len(apex)):
        owner = owner[: len(owner) - len(apex)] + _POINTER_TO_QUESTION
    return (
        owner
        + record.type.to_bytes(2, "big")
        + _CLASS_IN
        + record.ttl.to_bytes(4, "big")
        + len(record.rdata).to_bytes(2, "big")
        + record.rdata
    )


def _ends_at_a_label(name: bytes, position: int) -> bool:
    at = 0
    while at < position:
        at += name[at] + 1
    return at == position
