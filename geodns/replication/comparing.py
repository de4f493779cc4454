"""What has changed in the zones of a new image since the former one, in bytes for the journal."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Mapping
from itertools import chain
from typing import NamedTuple

from geodns.answer.digest import figures, serial_of, size_of
from geodns.answer.image import Image, Node, ZoneImage
from geodns.answer.layered import Layered
from geodns.answer.stored import StoredZone, stored_zones
from geodns.replication.difference import OVERHEAD, Difference, packed
from geodns.replication.messages import ROOM, Record
from geodns.replication.zones import records_of, soa_of
from geodns.zone.serial import newer


class Change(NamedTuple):
    """From one serial of a zone to a newer one; ``content`` is its packed difference.

    ``room`` is how many bytes of such content are worth keeping: where the differences are larger
    than the zone, the zone itself is sent.
    """

    since: int
    until: int
    room: int
    content: bytes


def changes(former: int, image: Image, copied: Collection[bytes], most: int) -> dict[bytes, Change]:
    """By apex, what changed in those zones that are copied at all and have a newer serial.

    ``former`` is the file descriptor of the former image, ``most`` the most bytes to keep of a
    zone. What is larger, or larger than its zone, is left out.
    """
    found: dict[bytes, Change] = {}
    with os.fdopen(os.dup(former), "rb") as file:
        for stored in stored_zones(file):
            zone = image.zones.get(stored.apex)
            if zone is not None and zone.apex in copied and zone.nodes and not stored.is_empty:
                change = _change(stored, zone, most)
                if change is not None:
                    found[zone.apex] = change
    return found


def _change(former: StoredZone, zone: ZoneImage, most: int) -> Change | None:
    first = next(former.nodes())
    before, after = soa_of(former.apex, first), soa_of(zone.apex, zone.nodes)
    since, until = serial_of(before.rdata), serial_of(after.rdata)
    if not newer(until, since):
        return None
    found = _Records(most)
    nodes: Iterable[Mapping[bytes, Node]] = former.nodes()
    later = zone.nodes
    if isinstance(later, Layered) and later.id == former.base_id:
        # What neither has over the base they share is the same.
        owners = dict.fromkeys((*former.top, *later.top))
        nodes = ({owner: former.answered(owner)} for owner in owners)
        later = {owner: node for owner in owners if (node := later.get(owner)) is not None}
    if not (
        _compare(nodes, later, found) and _compare(former.transferred(), zone.transferred, found)
    ):
        return None
    # A record that stood for a GEO name may now be there by itself.
    removed, added = found.removed - found.added, found.added - found.removed
    content = packed(zone.apex, Difference(before, after, tuple(removed), tuple(added)))
    # RFC 1995 5: information "should be purged if the total length of an IXFR response would be
    # longer than that of an AXFR response".
    room = min(most, max(ROOM, _size(zone)))
    return Change(since, until, room, content) if len(content) <= room else None


class _Records:
    """What was found so far, at most ``room`` bytes of it."""

    def __init__(self, room: int) -> None:
        self.removed: set[Record] = set()
        self.added: set[Record] = set()
        self._room = room

    def take(self, removed: set[Record], added: set[Record]) -> bool:
        """Whether there was room for these."""
        self.removed |= removed
        self.added |= added
        self._room -= sum(map(_bytes, removed)) + sum(map(_bytes, added))
        return self._room >= 0


def _compare(
    former: Iterable[Mapping[bytes, Node]], nodes: Mapping[bytes, Node], found: _Records
) -> bool:
    """Piece by piece, so that both versions of a large zone are never in memory at once."""
    unseen = set(nodes)
    for piece in former:
        unseen.difference_update(piece)
        for owner, before in piece.items():
            after = nodes.get(owner, {})
            if before == after:
                continue
            old, new = set(records_of(owner, before)), set(records_of(owner, after))
            if not found.take(old - new, new - old):
                return False
    return all(found.take(set(), set(records_of(owner, nodes[owner]))) for owner in unseen)


def _size(zone: ZoneImage) -> int:
    """The bytes of all records, about as they are transferred."""
    if isinstance(zone.nodes, Layered) and zone.kept is not None:
        # About: what is over the base hides little of it.
        over = ((owner, node) for owner, node in zone.nodes.top.items() if node is not None)
        return figures(zone.kept.base)[1] + sum(size_of(*each) for each in over)
    both = chain(zone.nodes.items(), zone.transferred.items())
    return sum(size_of(owner, node) for owner, node in both)


def _bytes(record: Record) -> int:
    return len(record.owner) + OVERHEAD + len(record.rdata)
