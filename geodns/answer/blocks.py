"""The blocks that the file of an image is made of.

A block is its kind (1 byte), padding to 16, its length (8 bytes, big endian) and its payload.
"""

from __future__ import annotations

import mmap
import pickle
from collections.abc import Iterator
from typing import IO, Any

MAGIC = b"geodns image 4\n\n"
ARRAY, PIECE = b"A", b"P"
_ALIGN = 16


def write_piece(file: IO[bytes], value: Any, kind: bytes = PIECE) -> None:
    """Writes a pickled object."""
    write(file, kind, pickle.dumps(value, pickle.HIGHEST_PROTOCOL))


def write(file: IO[bytes], kind: bytes, payload: bytes | memoryview) -> None:
    """Writes a block."""
    file.write(kind.ljust(_ALIGN - 8, b"\0") + len(payload).to_bytes(8, "big"))
    file.write(payload)
    file.write(b"\0" * (-len(payload) % _ALIGN))


def mapped(file: IO[bytes]) -> memoryview:
    """The file, in memory. Raises ValueError where it is of another version."""
    view = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    if view[: len(MAGIC)] != MAGIC:
        raise ValueError("this is not an image of this version")
    return view


def blocks(view: memoryview, position: int = len(MAGIC)) -> Iterator[tuple[bytes, memoryview]]:
    """All blocks from a position on."""
    while position < len(view):
        kind = bytes(view[position : position + 1])
        length = int.from_bytes(view[position + 8 : position + _ALIGN], "big")
        start = position + _ALIGN
        yield kind, view[start : start + length]
        position = start + length + (-length % _ALIGN)
