"""Domain names in wire form: the keys of the tables that answers come from."""

from __future__ import annotations

MOST_NAME_BYTES = 255  # RFC 1035 2.3.4, the root's zero byte included
MOST_LABEL_BYTES = 63
HEADER_BYTES = 12


def name_end(message: bytes, start: int) -> int:
    """The position behind an uncompressed name, or -1 when none stands there.

    RFC 1035 4.1.4 allows compression anywhere; nothing stands before the question's name that a
    pointer could mean, so a pointer in it is an error.
    """
    position = start
    size = len(message)
    while position < size:
        length = message[position]
        if length == 0:
            return position + 1 if position + 1 - start <= MOST_NAME_BYTES else -1
        if length > MOST_LABEL_BYTES:
            return -1
        position += length + 1
    return -1


def suffixes(name: bytes) -> list[bytes]:
    """The name and all that it lies in, itself first, the root last."""
    found = [name]
    position = 0
    while name[position]:
        position += name[position] + 1
        found.append(name[position:])
    return found


def wildcard(parent: bytes) -> bytes | None:
    """``*`` under a name (RFC 4592 2.1.1), or None where that would be too long to exist."""
    return b"\x01*" + parent if len(parent) + 2 <= MOST_NAME_BYTES else None
