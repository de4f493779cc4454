"""Differences of zones: kept as bytes, and many as one, against sets of records."""

from __future__ import annotations

import random

import pytest

from geodns.replication.difference import (
    DamagedError,
    Difference,
    condensed,
    packed,
    unpacked,
)
from geodns.replication.messages import Record

_APEX = b"\x07example\x04test\0"
_Zone = frozenset[Record]


def _soa(serial: int) -> Record:
    return Record(_APEX, 6, 3600, b"\0\0" + serial.to_bytes(4, "big") + bytes(16))


def _record(chance: random.Random) -> Record:
    owner = bytes((1, chance.choice(b"abc"))) + _APEX
    ttl = chance.choice((60, 2**31 - 1))
    return Record(owner, chance.choice((1, 16)), ttl, bytes(chance.choices(b"xy", k=2)))


def _edited(zone: _Zone, chance: random.Random) -> _Zone:
    return zone ^ {_record(chance) for _ in range(chance.randrange(4))}


def _between(versions: list[_Zone], first: int) -> Difference:
    before, after = versions[first], versions[first + 1]
    return Difference(_soa(first), _soa(first + 1), tuple(before - after), tuple(after - before))


def test_condensed_or_one_by_one_a_history_leads_to_the_same_zone() -> None:
    chance = random.Random(1)
    for _ in range(3000):
        versions = [frozenset(_record(chance) for _ in range(6))]
        for _ in range(chance.randrange(1, 12)):
            versions.append(_edited(versions[-1], chance))
        steps = [_between(versions, n) for n in range(len(versions) - 1)]
        first = chance.randrange(len(steps))
        whole = condensed(steps[first:])
        old, new = versions[first], versions[-1]
        # Exactly what differs, nothing twice: applied to the old zone it gives the new one.
        assert sorted(whole.removed) == sorted(old - new)
        assert sorted(whole.added) == sorted(new - old)
        assert (whole.before, whole.after) == (_soa(first), _soa(len(steps)))


def test_a_difference_is_sent_in_the_order_of_the_rfc() -> None:
    removed, added = Record(b"\1a" + _APEX, 1, 60, b"xxxx"), Record(b"\1b" + _APEX, 1, 60, b"yyyy")
    difference = Difference(_soa(1), _soa(2), (removed,), (added,))
    assert list(difference.records()) == [_soa(2), _soa(1), removed, _soa(2), added, _soa(2)]


def test_what_is_kept_comes_back_or_is_told_to_be_damaged() -> None:
    chance = random.Random(2)
    for _ in range(500):
        versions = [frozenset(_record(chance) for _ in range(4))]
        versions.append(_edited(versions[0], chance))
        difference = _between(versions, 0)
        content = packed(_APEX, difference)
        assert unpacked(_APEX, content) == difference
        position = chance.randrange(len(content))
        flipped = content[position] ^ 1 << chance.randrange(8)
        for damaged in (
            content[:position] + bytes((flipped,)) + content[position + 1 :],
            content[:position],
            content + b"\0",
        ):
            with pytest.raises(DamagedError):
                unpacked(_APEX, damaged)
    with pytest.raises(DamagedError):
        unpacked(b"\x05other\0", content)
