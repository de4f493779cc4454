"""What the files of a large zone say, as it stands in an image, from where the next one has it."""

from __future__ import annotations

import pickle
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cached_property
from io import BytesIO
from itertools import islice
from typing import IO, Any
from zlib import crc32

import numpy as np

from geodns.answer.blocks import blocks, write
from geodns.answer.digest import figures
from geodns.zone.kept import Kept
from geodns.zone.wire import Base, Sets

BASE = b"B"
_A_PIECE = 64  # names; one is found in the time that so many take to be read
_MOST_HELD = 512  # pieces
_HASH, _PLACE = np.dtype("<u4"), np.dtype("<u8")


class StoredNodes(Mapping[bytes, Any]):
    """The nodes of a base by owner, read when they are asked for."""

    def __init__(self, payload: memoryview) -> None:
        _, _, hashes, numbers, places, self._pieces = _parts(payload)
        self._hashes, self._numbers = np.frombuffer(hashes, _HASH), np.frombuffer(numbers, _HASH)
        self._places = np.frombuffer(places, _PLACE)
        self._held: dict[int, dict[bytes, Sets]] = {}

    def __getitem__(self, owner: bytes) -> Any:
        wanted = _HASH.type(crc32(owner))
        at = int(np.searchsorted(self._hashes, wanted))
        while at < len(self._hashes) and self._hashes[at] == wanted:
            piece = self._piece(int(self._numbers[at]))
            if owner in piece:
                return piece[owner]
            at += 1
        raise KeyError(owner)

    def __iter__(self) -> Iterator[bytes]:
        for piece in self.in_pieces():
            yield from piece

    def __len__(self) -> int:
        return len(self._hashes)

    def in_pieces(self) -> Iterator[dict[bytes, Any]]:
        """All of them."""
        return map(self._read, range(len(self._places) - 1))

    def _piece(self, number: int) -> dict[bytes, Sets]:
        if number not in self._held:
            if len(self._held) >= _MOST_HELD:
                self._held.clear()
            self._held[number] = self._read(number)
        return self._held[number]

    def _read(self, number: int) -> dict[bytes, Any]:
        start, end = self._places[number : number + 2]
        found: dict[bytes, Any] = pickle.loads(self._pieces[int(start) : int(end)])
        return found


class _StoredBase(Base):
    """A base as it stands in an image."""

    def __init__(self, like: Base, payload: memoryview) -> None:
        super().__init__(like.id, StoredNodes(payload), like.names, like.digest, like.size)
        self.payload = payload

    @cached_property
    def children(self) -> Mapping[bytes, int]:
        """As of any base."""
        found: Mapping[bytes, int] = pickle.loads(_parts(self.payload)[1])
        return found


def stored_kept(payload: memoryview) -> Kept:
    """What was written."""
    # The image is this program's own, and sealed.
    kept: Kept = pickle.loads(_parts(payload)[0])
    return replace(kept, base=_StoredBase(kept.base, payload))


def write_kept(kept: Kept, file: IO[bytes]) -> None:
    """Writes what a large zone's files say: as it was, where it was read from an image."""
    base = kept.base
    if isinstance(base, _StoredBase):
        write(file, BASE, base.payload)
        return
    figures(base)
    without = Base(base.id, {}, base.names, base.digest, base.size)
    hashes = np.fromiter(map(crc32, base.nodes), _HASH, len(base.nodes))
    order = np.argsort(hashes, kind="stable")
    pieces, places, items = BytesIO(), [0], iter(base.nodes.items())
    while piece := dict(islice(items, _A_PIECE)):
        pieces.write(pickle.dumps(piece, pickle.HIGHEST_PROTOCOL))
        places.append(pieces.tell())
    whole = BytesIO()
    for part in (
        pickle.dumps(replace(kept, base=without), pickle.HIGHEST_PROTOCOL),
        pickle.dumps(dict(base.children), pickle.HIGHEST_PROTOCOL),
        hashes[order].tobytes(),
        (order // _A_PIECE).astype(_HASH).tobytes(),
        np.array(places, _PLACE).tobytes(),
        pieces.getbuffer(),
    ):
        write(whole, b"-", part)
    write(file, BASE, whole.getbuffer())


def _parts(payload: memoryview) -> tuple[memoryview, ...]:
    return tuple(part for _, part in blocks(payload, 0))
