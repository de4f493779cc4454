"""Messages between the two servers of a pair as bytes: a length, a kind, a body. Pure.

A body is a JSON object with a ``type``, or a piece of a file as it is.
"""

from __future__ import annotations

import json
import struct
from base64 import b64decode, b64encode
from collections.abc import Iterable
from typing import Any, NamedTuple

from geodns.errors import GeodnsError

HEAD = struct.Struct("!IB")
MOST = 64 << 20  # bytes of a body, once the other side is proven: a list of 200,000 files
MOST_UNPROVEN = 1024  # bytes before
PIECE = 1 << 18  # bytes of a file in one message: others wait for no more than that
_JSON, _BYTES = 1, 2


class PeerError(GeodnsError):
    """The other side sent what is no message, or none of those that may come now."""


Message = dict[str, Any] | bytes
"""A JSON object, or a piece of a file."""


class Row(NamedTuple):
    """One record set as dynamic updates left it; ``ttl`` None: the file's counts again.

    ``number`` says when, in the order of the primary. ``rdatas`` are packed as in the store.
    """

    number: int
    zone: bytes
    owner: bytes
    type: int
    ttl: int | None
    rdatas: bytes


def encoded(message: Message) -> bytes:
    """A message with its head."""
    kind = _BYTES if isinstance(message, bytes) else _JSON
    body = message if isinstance(message, bytes) else json.dumps(message).encode()
    return HEAD.pack(len(body), kind) + body


def body_size(head: bytes, most: int) -> tuple[int, int]:
    """The length and the kind of the body that follows a head. Raises PeerError."""
    size, kind = HEAD.unpack(head)
    if size > most or kind not in {_JSON, _BYTES}:
        raise PeerError(f"a message of kind {kind} and {size} bytes is none that may come")
    return size, kind


def decoded(kind: int, body: bytes) -> Message:
    """A message. Raises PeerError."""
    if kind == _BYTES:
        return body
    try:
        data = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise PeerError("a message is not JSON") from error
    if not isinstance(data, dict) or not isinstance(data.get("type"), str):
        raise PeerError("a message has no type")
    return data


def packed_rows(rows: Iterable[Row]) -> list[list[Any]]:
    """Rows, ready for JSON."""
    return [
        [row.number, _text(row.zone), _text(row.owner), row.type, row.ttl, _text(row.rdatas)]
        for row in rows
    ]


def read_rows(data: Any) -> list[Row]:
    """What ``packed_rows`` made. Raises PeerError."""
    try:
        return [_row(*row) for row in data]
    except (TypeError, ValueError) as error:
        raise PeerError(f"a record set is none: {error}") from error


def read_serials(data: Any) -> dict[bytes, int]:
    """Serials by apex in wire form, from ``packed_serials``. Raises PeerError."""
    try:
        found = {b64decode(apex, validate=True): int(serial) for apex, serial in data.items()}
    except (AttributeError, TypeError, ValueError) as error:
        raise PeerError(f"a serial is none: {error}") from error
    if not all(0 <= serial < 2**32 for serial in found.values()):
        raise PeerError("a serial is out of range")
    return found


def packed_serials(serials: dict[bytes, int]) -> dict[str, int]:
    """Serials by apex, ready for JSON."""
    return {_text(apex): serial for apex, serial in serials.items()}


def _row(number: Any, zone: Any, owner: Any, type: Any, ttl: Any, rdatas: Any) -> Row:
    numbers = (number, type, 0 if ttl is None else ttl)
    if not all(isinstance(each, int) and 0 <= each < 2**63 for each in numbers):
        raise ValueError("a number is none")
    return Row(number, _bytes(zone), _bytes(owner), type, ttl, _bytes(rdatas))


def _text(data: bytes) -> str:
    return b64encode(data).decode()


def _bytes(text: Any) -> bytes:
    return b64decode(text, validate=True)
