"""The journal of zones: every row leads on from the one before, up to the serial that is served."""

from __future__ import annotations

import random
import sqlite3
from itertools import pairwise
from pathlib import Path

import pytest

from geodns.control.journal import read
from geodns.control.store import FILE, Store
from geodns.replication.comparing import Change
from geodns.replication.difference import DamagedError, Difference, packed
from geodns.replication.messages import Record
from geodns.zone.serial import Known

_APEX = b"\x07example\x04test\0"
_OTHER = b"\x05other\0"
_DIGEST = bytes(16)
_ROOM = 1 << 20


def _soa(serial: int) -> Record:
    return Record(_APEX, 6, 3600, b"\0\0" + serial.to_bytes(4, "big") + bytes(16))


def _change(since: int, until: int, *, room: int = _ROOM, size: int = 4) -> Change:
    """Each version has one record, named by its serial."""
    old, new = (
        Record(_APEX, 16, 60, serial.to_bytes(4, "big").ljust(size)) for serial in (since, until)
    )
    difference = Difference(_soa(since), _soa(until), (old,), (new,))
    return Change(since, until, room, packed(_APEX, difference))


def _keep(store: Store, serial: int, change: Change | None = None) -> None:
    changes = {} if change is None else {_APEX: change}
    store.keep_serials({_APEX: Known(serial, _DIGEST)}, changes)


def _reaches(folder: Path, since: int, until: int) -> bool:
    found = read(folder / FILE, _APEX, since, until)
    if found is None:
        return False
    assert [record.rdata[:4] for record in found.removed] == [since.to_bytes(4, "big")]
    assert [record.rdata[:4] for record in found.added] == [until.to_bytes(4, "big")]
    assert (found.before, found.after) == (_soa(since), _soa(until))
    return True


def test_from_every_serial_that_is_kept_to_the_present_one(tmp_path: Path) -> None:
    store = Store(tmp_path)
    for serial in (1, 2, 5, 6):
        _keep(store, serial)
    assert not _reaches(tmp_path, 5, 6)
    _keep(store, 7, _change(6, 7))
    _keep(store, 9, _change(7, 9))
    _keep(store, 9)  # a reload that changes nothing here
    _keep(store, 10, _change(9, 10))
    assert [since for since in range(12) if _reaches(tmp_path, since, 10)] == [6, 7, 9]
    assert not _reaches(tmp_path, 6, 11)
    store.close()
    store = Store(tmp_path)  # a start with the content of before
    _keep(store, 10)
    assert _reaches(tmp_path, 6, 10)
    store.close()


def test_it_begins_anew_where_a_change_is_not_known(tmp_path: Path) -> None:
    store = Store(tmp_path)
    _keep(store, 2, _change(1, 2))
    _keep(store, 3)  # edited while the server was not running
    assert not _reaches(tmp_path, 1, 2)
    _keep(store, 4, _change(3, 4))
    assert _reaches(tmp_path, 3, 4)
    _keep(store, 8, _change(7, 8))  # what led from 4 to 7 could not be written down
    assert [since for since in range(9) if _reaches(tmp_path, since, 8)] == [7]
    store.keep_serials({}, {})  # the zone is gone
    assert not _reaches(tmp_path, 7, 8)
    store.close()


def test_a_version_that_never_came_into_use_is_not_on_the_way(tmp_path: Path) -> None:
    store = Store(tmp_path)
    _keep(store, 2, _change(1, 2))
    _keep(store, 3, _change(2, 3))  # killed or refused before it was published
    _keep(store, 4, _change(2, 4))
    assert [since for since in range(5) if _reaches(tmp_path, since, 4)] == [1, 2]
    store.close()


def test_the_oldest_changes_go_where_there_is_no_room(tmp_path: Path) -> None:
    store = Store(tmp_path)
    for serial in range(1, 101):
        _keep(store, serial + 1, _change(serial, serial + 1, room=20_000, size=1000))
    kept = [since for since in range(1, 101) if _reaches(tmp_path, since, 101)]
    assert kept == list(range(kept[0], 101))
    assert 5 < len(kept) < 10
    size = len(_change(101, 102, size=1000).content)
    _keep(store, 102, _change(101, 102, room=size, size=1000))  # the zone has become small
    assert [since for since in range(1, 102) if _reaches(tmp_path, since, 102)] == [101]
    store.close()


def test_serials_that_go_around_are_each_there_once(tmp_path: Path) -> None:
    store = Store(tmp_path)
    half = 2**31 - 1
    serials = [5, 5 + half, (5 + 2 * half) % 2**32, 4, 5, 6]
    for since, until in pairwise(serials):
        _keep(store, until, _change(since, until))
    assert _reaches(tmp_path, 5, 6)
    assert _reaches(tmp_path, 4, 6)
    assert not _reaches(tmp_path, 5 + half, 6)
    store.close()


def test_random_histories_of_crashes_and_refusals_never_lead_astray(tmp_path: Path) -> None:
    """``_reaches`` checks the content; here, that what must be there is."""
    chance = random.Random(4)
    store = Store(tmp_path)
    in_use, way = 1, [1]
    for serial in range(2, 400):
        how = chance.random()
        if how < 0.7:
            _keep(store, serial, _change(in_use, serial))
            way.append(serial)
            in_use = serial
        elif how < 0.8:
            _keep(store, serial, _change(in_use, serial))  # refused later
        elif how < 0.9:
            _keep(store, serial)
            in_use, way = serial, [serial]
        since = chance.choice(way)
        if way[-1] == in_use and since != in_use:
            assert _reaches(tmp_path, since, in_use)
    store.close()


def test_what_is_damaged_is_told(tmp_path: Path) -> None:
    store = Store(tmp_path)
    _keep(store, 2, _change(1, 2))
    _keep(store, 3, _change(2, 3))
    store.close()
    database = sqlite3.connect(tmp_path / FILE)
    with database:
        database.execute("UPDATE journal SET content = zeroblob(99) WHERE since = 1")
    database.close()
    assert _reaches(tmp_path, 2, 3)
    with pytest.raises(DamagedError):
        read(tmp_path / FILE, _APEX, 1, 3)
    (tmp_path / FILE).write_bytes(b"not a database" * 1000)
    with pytest.raises(DamagedError):
        read(tmp_path / FILE, _APEX, 2, 3)
    with pytest.raises(DamagedError):
        read(tmp_path / "missing.db", _APEX, 2, 3)
