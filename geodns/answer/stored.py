"""The zones in an image's file, read piece by piece and name by name."""

from __future__ import annotations

import os
import pickle
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import IO, Any

from geodns.answer.blocks import blocks, mapped
from geodns.answer.image import Node
from geodns.answer.stored_base import BASE, StoredNodes, stored_kept
from geodns.zone.kept import Kept

# Zones have kinds of blocks of their own: who wants one of them need not look into all others.
ZONE, NODES, TRANSFERRED = b"Z", b"N", b"T"


@dataclass(frozen=True, eq=False)
class StoredZone:
    """A zone in an image: the apex is in the first piece. ``base_id`` None: it has no base."""

    apex: bytes
    base_id: bytes | None
    blocks: tuple[tuple[bytes, memoryview], ...]

    @property
    def is_empty(self) -> bool:
        """Whether nothing of it may be served."""
        return not self.blocks

    def nodes(self) -> Iterator[dict[bytes, Node]]:
        """Those that are answered from."""
        for piece in self._pieces(NODES):
            yield {owner: node for owner, node in piece.items() if node is not None}
        if self.base is not None:
            for piece in self.base.in_pieces():
                yield {owner: node for owner, node in piece.items() if owner not in self.top}

    def transferred(self) -> Iterator[dict[bytes, Node]]:
        """The records that stand for geo names in a transfer."""
        return self._pieces(TRANSFERRED)

    def answered(self, owner: bytes) -> Node:
        """What is answered from at a name."""
        if owner in self.top:
            return self.top[owner] or {}
        found: Node = self.base.get(owner, {}) if self.base is not None else {}
        return found

    def at(self, owner: bytes) -> Node:
        """All that stands at a name, in answers or in a transfer."""
        node: Node = {}
        is_over = False
        for kind, payload in self.blocks:
            # A pickle holds bytes as they are, which are found far faster than it is loaded.
            if kind in (NODES, TRANSFERRED) and owner in bytes(payload):
                piece = pickle.loads(payload)
                is_over = is_over or (kind == NODES and owner in piece)
                node = {**node, **(piece.get(owner) or {})}
        if self.base is not None and not is_over:
            node = {**self.base.get(owner, {}), **node}
        return node

    @cached_property
    def top(self) -> dict[bytes, Node | None]:
        """What differs from the base; None stands for a name that is no more."""
        found: dict[bytes, Node | None] = {}
        for piece in self._pieces(NODES):
            found.update(piece)
        return found

    @cached_property
    def base(self) -> StoredNodes | None:
        """What its files say, where that is apart."""
        return next((StoredNodes(each) for kind, each in self.blocks if kind == BASE), None)

    @cached_property
    def kept(self) -> Kept | None:
        """The same, and what else there is to say of the files."""
        return next((stored_kept(each) for kind, each in self.blocks if kind == BASE), None)

    def _pieces(self, kind: bytes) -> Iterator[dict[bytes, Any]]:
        return (pickle.loads(payload) for each, payload in self.blocks if each == kind)


def stored_zones(file: IO[bytes]) -> Iterator[StoredZone]:
    """All zones in an image. Whatever becomes of the file, they can be read."""
    known: tuple[bytes, bytes | None] | None = None
    own: list[tuple[bytes, memoryview]] = []
    for kind, payload in blocks(mapped(file)):
        if kind == ZONE:
            if known is not None:
                yield StoredZone(*known, tuple(own))
            apex, _, _, id = pickle.loads(payload)
            known, own = (apex, id), []
        elif known is not None:
            own.append((kind, payload))
    if known is not None:
        yield StoredZone(*known, tuple(own))


def kept_zones(image: int) -> dict[Path, Kept]:
    """By file, the large zones that need not be read again, of an image in a file descriptor."""
    with os.fdopen(os.dup(image), "rb") as file:
        found = [zone.kept for zone in stored_zones(file)]
    return {kept.files[0]: kept for kept in found if kept is not None}
