"""Finds a name in a zone's tree: what stands in the way to it, and what answers in its place."""

from __future__ import annotations

from typing import NamedTuple

from geodns.answer.image import Node, ZoneImage
from geodns.answer.names import suffixes, wildcard

_NS, _DNAME = 2, 39


class Descent(NamedTuple):
    """``cut``: the topmost delegation at or above a name; ``renamed``: the DNAME above it.

    At most one of them is there. Where neither is, ``encloser`` is the name itself or its closest
    encloser (RFC 4592 3.3.1).
    """

    cut: bytes | None
    renamed: bytes | None
    encloser: bytes


def descend(zone: ZoneImage, name: bytes) -> Descent:
    """The way from the apex down to a name of the zone, in lower-case wire form."""
    names = suffixes(name)
    encloser = zone.apex
    for ancestor in reversed(names[: names.index(zone.apex) + 1]):
        node = zone.nodes.get(ancestor)
        if node is None:
            break
        encloser = ancestor
        if _NS in node and ancestor != zone.apex:
            return Descent(ancestor, None, encloser)
        if _DNAME in node and ancestor != name:
            return Descent(None, ancestor, encloser)
    return Descent(None, None, encloser)


def source(zone: ZoneImage, name: bytes, encloser: bytes) -> Node | None:
    """What answers for a name: its own node, or that of a wildcard; None: no such name."""
    node = zone.nodes.get(name)
    if node is None:
        # RFC 4592 3.3.1: the source of synthesis is the asterisk under the closest encloser.
        asterisk = wildcard(encloser)
        node = zone.nodes.get(asterisk) if asterisk is not None else None
    return node


def contains(zone: ZoneImage, name: bytes) -> bool:
    """Whether a name lies in the zone or, below a cut, under it."""
    # What ends with the apex's bytes need not do so at the start of a label.
    return name.endswith(zone.apex) and zone.apex in suffixes(name)
