"""What has changed between two images, against sets of all records."""

from __future__ import annotations

import os
import random
from collections.abc import Iterable, Mapping

from geodns.answer.image import GEO, GeoRRset, Image, Node, RRset, ZoneImage
from geodns.answer.store import write_image
from geodns.replication.comparing import Change, changes
from geodns.replication.difference import unpacked
from geodns.replication.messages import ROOM, Record
from geodns.replication.zones import open_zone, soa_of

_APEX = b"\x07example\x04test\0"
_MUCH = 1 << 24


def _soa(serial: int) -> RRset:
    return RRset(3600, (b"\0\0" + serial.to_bytes(4, "big") + bytes(16),))


def _zone(serial: int, nodes: Mapping[bytes, Node], transferred: dict[bytes, Node]) -> ZoneImage:
    return ZoneImage(_APEX, {_APEX: {6: _soa(serial)}, **nodes}, 60, transferred=transferred)


def _image(*zones: ZoneImage) -> Image:
    return Image({zone.apex: zone for zone in zones}, (), ())


def _written(image: Image) -> int:
    file = os.memfd_create("image")
    with os.fdopen(os.dup(file), "w+b") as stream:
        write_image(image, stream)
    return file


def _changes(
    former: Image, image: Image, copied: Iterable[bytes] = (_APEX,), most: int = _MUCH
) -> dict[bytes, Change]:
    file = _written(former)
    try:
        return changes(file, image, frozenset(copied), most)
    finally:
        os.close(file)


def _all(image: Image) -> set[Record]:
    file = _written(image)
    zone = open_zone(file, _APEX)
    os.close(file)
    assert zone is not None
    return set(zone.records())


def _rrset(chance: random.Random) -> RRset:
    rdatas = chance.sample((b"aaaa", b"bbbb", b"cccc"), k=chance.randrange(1, 4))
    return RRset(chance.choice((60, 300)), tuple(rdatas))


def _random(serial: int, chance: random.Random) -> Image:
    """Nodes that exist or not, with GEO names among them whose records stand elsewhere."""
    nodes: dict[bytes, Node] = {}
    transferred: dict[bytes, Node] = {}
    for label in chance.sample(range(8), k=chance.randrange(8)):
        owner = bytes((1, 97 + label)) + _APEX
        nodes[owner] = {16: _rrset(chance)} if chance.random() < 0.5 else {}
        if chance.random() < 0.5:
            nodes[owner][1] = _rrset(chance)
        else:
            nodes[owner][GEO] = GeoRRset(chance.randrange(2), 60)
            transferred[owner] = {1: _rrset(chance)}
    return _image(_zone(serial, nodes, transferred))


def test_the_difference_of_random_zones_is_that_of_their_records() -> None:
    chance = random.Random(3)
    for _ in range(2000):
        before, after = _random(7, chance), _random(9, chance)
        change = _changes(before, after)[_APEX]
        difference = unpacked(_APEX, change.content)
        old, new = _all(before), _all(after)
        assert sorted(difference.removed) == sorted(old - new)
        assert sorted(difference.added) == sorted(new - old)
        assert (change.since, change.until) == (7, 9)
        assert difference.after == soa_of(_APEX, after.zones[_APEX].nodes)


def test_a_zone_of_many_pieces_is_compared_whole() -> None:
    nodes: dict[bytes, Node] = {
        bytes((5,)) + b"%05d" % n + _APEX: {1: RRset(60, (n.to_bytes(4, "big"),))}
        for n in range(3000)
    }
    other = dict(nodes)
    gone, moved = list(nodes)[10], list(nodes)[2900]
    del other[gone]
    other[moved] = {1: RRset(61, nodes[moved][1].rdatas)}  # type: ignore[union-attr]
    other[b"\3new" + _APEX] = {1: RRset(60, (b"zzzz",))}
    change = _changes(_image(_zone(1, nodes, {})), _image(_zone(2, other, {})))[_APEX]
    difference = unpacked(_APEX, change.content)
    assert {record.owner for record in difference.removed} == {gone, moved}
    assert {record.owner for record in difference.added} == {moved, b"\3new" + _APEX}
    assert change.room > ROOM  # as large as the zone


def test_only_zones_that_are_copied_and_newer_have_a_change() -> None:
    before, after = _random(7, random.Random(1)), _random(9, random.Random(2))
    assert _changes(before, after, copied=()) == {}
    assert _changes(after, before) == {}
    assert _changes(before, before) == {}
    assert _changes(_image(), after) == {}
    assert _changes(before, _image()) == {}


def test_a_change_larger_than_the_zone_or_the_setting_is_left_out() -> None:
    nodes: dict[bytes, Node] = {
        bytes((5,)) + b"%05d" % n + _APEX: {1: RRset(60, (b"aaaa",))} for n in range(3000)
    }
    full, empty = _image(_zone(1, nodes, {})), _image(_zone(2, {}, {}))
    assert _changes(full, empty) == {}  # to send an empty zone is less than to remove all
    assert _changes(_image(_zone(1, {}, {})), _image(_zone(2, nodes, {})), most=ROOM) == {}
    few = dict(list(nodes.items())[5:])
    assert set(_changes(full, _image(_zone(2, few, {})), most=ROOM)) == {_APEX}
    assert _changes(full, _image(_zone(2, few, {})), most=0) == {}
