"""The nodes of a large zone in two layers: what its files say, and what differs from that."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from geodns.answer.names import suffixes
from geodns.zone.wire import Base, parent

_ABSENT: Any = object()


class Layered(Mapping[bytes, Any]):
    """The base with ``top`` over it, in which None stands for a name that is no more.

    So a version of a zone has an object of its own without a copy of all its names. ``id`` is the
    base's.
    """

    __slots__ = ("_find_below", "_find_over", "base", "id", "top")

    def __init__(self, id: bytes, base: Mapping[bytes, Any], top: Mapping[bytes, Any]) -> None:
        self.id = id
        self.base = base
        self.top = top
        # At hand: names that were not asked for before are looked for several times each.
        self._find_over, self._find_below = top.get, base.get

    def get(self, owner: bytes, default: Any = None) -> Any:
        """The node of an owner."""
        node = self._find_over(owner, _ABSENT)
        if node is _ABSENT:
            return self._find_below(owner, default)
        return default if node is None else node

    def __getitem__(self, owner: bytes) -> Any:
        node = self.get(owner)
        if node is None:
            raise KeyError(owner)
        return node

    def __contains__(self, owner: Any) -> bool:
        node = self._find_over(owner, _ABSENT)
        return node is not None if node is not _ABSENT else owner in self.base

    def __iter__(self) -> Iterator[bytes]:
        for owner, node in self.top.items():
            if node is not None:
                yield owner
        for owner in self.base:
            if owner not in self.top:
                yield owner

    def __len__(self) -> int:
        there = sum(node is not None for node in self.top.values())
        return there + len(self.base) - sum(owner in self.base for owner in self.top)


def lay_over(
    base: Base, own: Mapping[bytes, Any], hidden: Collection[bytes], apex: bytes
) -> Layered:
    """The nodes of a zone that has its ``own`` ones beside a base, some of which is hidden."""
    top: dict[bytes, Any] = {apex: own[apex]}  # it comes first, for who reads piece by piece
    _take_away([owner for owner in hidden if owner not in own], base, top, apex)
    top.update(own)
    for owner in own:
        # RFC 4592 2.2.2: what has something below it exists, even where nothing stands at it.
        for ancestor in suffixes(owner)[1:]:
            if len(ancestor) <= len(apex):
                break
            there = top.get(ancestor) if ancestor in top else base.nodes.get(ancestor)
            if there is None:
                top[ancestor] = {}
    return Layered(base.id, base.nodes, top)


def _take_away(owners: list[bytes], base: Base, top: dict[bytes, Any], apex: bytes) -> None:
    """Takes names out of the base, and what is empty and has nothing below it any more."""
    if not owners:
        return
    children = base.children
    gone: Counter[bytes] = Counter()
    # What is below comes first.
    for owner in sorted(owners, key=lambda owner: -len(suffixes(owner))):
        at = owner
        while len(at) > len(apex):
            if children.get(at, 0) > gone[at]:
                top[at] = {}
                break
            top[at] = None
            at = parent(at)
            gone[at] += 1
            if base.nodes.get(at):
                break  # it stays, or is one of those that come later
