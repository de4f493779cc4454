"""Copies of zones on disk: whole or as they were, whatever comes and whenever it is killed."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import time
from collections.abc import Collection, Iterator
from pathlib import Path

import dns.name
import pytest
from copied import (
    APEX,
    TXT,
    A,
    Content,
    kept_serial_and_content,
    owner,
    records,
    soa,
    some,
    steps,
    whole,
)

from geodns.answer.image import RRset
from geodns.control.copies import Copies
from geodns.control.copies_file import FILE, read_copies, read_owners
from geodns.replication.difference import Difference
from geodns.replication.inbound import DoesNotFitError, NotKeptError, Steps, Whole
from geodns.replication.messages import Record
from geodns.replication.secondary.catalogs import Member
from geodns.replication.secondary.ownership import Owned

LATER = 2**33
MEMBER = Member(b"\5label", frozenset({"one", "two"}), APEX)
OTHER = dns.name.from_text("other.test.").to_digestable()


def _ignore(_zones: Collection[bytes]) -> None:
    """Nobody is to be told."""


@pytest.fixture
def copies(tmp_path: Path) -> Iterator[Copies]:
    opened = Copies(tmp_path, _ignore, rows=7)
    yield opened
    opened.close()


def test_what_was_kept_is_there_after_a_restart(tmp_path: Path, copies: Copies) -> None:
    content = some(random.Random(1))
    asyncio.run(copies.replace(APEX, whole(5, content), 100.0, LATER))
    assert kept_serial_and_content(tmp_path) == (5, content)
    copies.close()
    again = Copies(tmp_path, _ignore)
    kept = again.kept(APEX)
    assert kept is not None
    assert kept == (5, 60, 30, 600, 100.0, LATER)
    asyncio.run(again.current(APEX, 200.0, LATER + 1.0))
    again.close()
    kept = Copies(tmp_path, _ignore).kept(APEX)
    assert kept is not None
    assert (kept.checked, kept.expires) == (200.0, LATER + 1.0)


def test_random_changes_make_of_a_zone_what_the_primary_has(tmp_path: Path, copies: Copies) -> None:
    chance = random.Random(2)

    async def run() -> None:
        content = some(chance)
        await copies.replace(APEX, whole(1, content), 0, LATER)
        for serial in range(2, 200):
            after = some(chance)
            if chance.random() < 0.1:
                await copies.replace(APEX, whole(serial, after), 0, LATER)
            else:
                await copies.apply(APEX, steps(serial - 1, content, serial, after), 0, LATER)
            content = after
            assert kept_serial_and_content(tmp_path) == (serial, content)

    asyncio.run(run())


def _step(removed: Content, added: Content) -> Steps:
    difference = Difference(soa(1), soa(2), records(removed, ttl=9), records(added))
    return Steps(1, soa(2), (difference,))


@pytest.mark.parametrize(
    ("removed", "added"),
    [
        ({(owner("a"), A, b"0000")}, set()),
        ({(owner("a"), TXT, b"1111")}, set()),
        ({(owner("b"), A, b"1111")}, set()),
        ({(owner("a"), A, b"1111"), (owner("a"), A, b"0000")}, {(owner("d"), A, b"3333")}),
    ],
)
def test_steps_that_do_not_fit_change_nothing(
    tmp_path: Path, copies: Copies, removed: Content, added: Content
) -> None:
    content = frozenset({(owner("a"), A, b"1111"), (owner("c"), A, b"3333")})
    asyncio.run(copies.replace(APEX, whole(1, content), 0, LATER))
    with pytest.raises(DoesNotFitError):
        asyncio.run(copies.apply(APEX, _step(removed, added), 0, LATER))
    assert kept_serial_and_content(tmp_path) == (1, content)


def test_what_is_added_and_is_there_takes_the_new_ttl(tmp_path: Path, copies: Copies) -> None:
    content = frozenset({(owner("a"), A, b"1111")})
    asyncio.run(copies.replace(APEX, Whole(soa(1), records(content, ttl=60)), 0, LATER))
    asyncio.run(copies.apply(APEX, _step(frozenset(), content), 0, LATER))
    assert read_copies(tmp_path, {APEX}, 0).nodes[APEX][owner("a")][A] == RRset(300, (b"1111",))


def test_steps_begin_at_what_is_kept(copies: Copies) -> None:
    nothing: Content = frozenset()
    with pytest.raises(DoesNotFitError):
        asyncio.run(copies.apply(APEX, steps(1, nothing, 2, nothing), 0, LATER))
    asyncio.run(copies.replace(APEX, whole(3, nothing), 0, LATER))
    with pytest.raises(DoesNotFitError):
        asyncio.run(copies.apply(APEX, steps(1, nothing, 2, nothing), 0, LATER))


def test_names_in_a_removed_record_may_be_in_another_case(tmp_path: Path, copies: Copies) -> None:
    name, again = (dns.name.from_text(t).to_wire() or b"" for t in ("Ns.X.test.", "ns.x.TEST."))
    asyncio.run(copies.replace(APEX, whole(1, frozenset({(APEX, 2, name)})), 0, LATER))
    asyncio.run(copies.apply(APEX, _step(frozenset({(APEX, 2, again)}), frozenset()), 0, LATER))
    assert kept_serial_and_content(tmp_path) == (2, frozenset())


def test_a_record_may_come_twice_and_ttls_of_a_set_may_differ(
    tmp_path: Path, copies: Copies
) -> None:
    twice = [Record(owner("a"), A, ttl, data) for ttl, data in ((60, b"1"), (60, b"1"), (30, b"2"))]
    asyncio.run(copies.replace(APEX, Whole(soa(1), twice), 0, LATER))
    assert read_copies(tmp_path, {APEX}, 0).nodes[APEX][owner("a")][A] == RRset(30, (b"1", b"2"))


def test_expired_and_unwanted_copies_are_not_read(tmp_path: Path, copies: Copies) -> None:
    asyncio.run(copies.replace(APEX, whole(1, frozenset()), 0, 1000.0))
    assert kept_serial_and_content(tmp_path, now=999.0) is not None
    assert kept_serial_and_content(tmp_path, now=1000.0) is None
    assert not read_copies(tmp_path, {OTHER}, 0).nodes


def test_what_is_forgotten_takes_no_room(tmp_path: Path, copies: Copies) -> None:
    content = some(random.Random(3))

    async def run() -> None:
        await copies.replace(APEX, whole(1, content), 0, LATER)
        await copies.replace(APEX, whole(2, content), 0, LATER)
        await copies.keep_lists({OTHER: {APEX: MEMBER}}, {APEX: Owned(OTHER, MEMBER)})
        assert _rows(copies) == len(content)
        await copies.forget([APEX])

    asyncio.run(run())
    assert _rows(copies) == 0
    copies.close()
    again = Copies(tmp_path, _ignore)
    assert again.lists == {OTHER: {APEX: MEMBER}}
    again.close()
    assert read_owners(tmp_path) == {APEX: OTHER}
    assert copies.kept(APEX) is None


def _rows(copies: Copies) -> int:
    (count,) = copies._database.execute("SELECT count(*) FROM records").fetchone()
    return int(count)


def test_a_file_that_is_damaged_is_put_aside(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b"this is no database" * 1000)
    copies = Copies(tmp_path, _ignore)
    assert copies.zones() == ()
    assert (tmp_path / f"{FILE}.broken").exists()
    asyncio.run(copies.replace(APEX, whole(1, frozenset()), 0, LATER))
    assert kept_serial_and_content(tmp_path) == (1, frozenset())


def test_damage_that_shows_later_loses_copies_and_no_members(tmp_path: Path) -> None:
    lost: list[Collection[bytes]] = []
    content = frozenset((owner(f"n{n}"), A, n.to_bytes(4, "big")) for n in range(2000))

    async def run() -> None:
        copies = Copies(tmp_path, lost.append)
        await copies.replace(APEX, whole(1, content), 0, LATER)
        await copies.keep_lists({OTHER: {APEX: MEMBER}}, {APEX: Owned(OTHER, MEMBER)})
        copies.close()
        copies = Copies(tmp_path, lost.append)
        with (tmp_path / FILE).open("r+b") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(4096)
            file.write(b"\xff" * (size - 4096))
        with pytest.raises(NotKeptError):
            await copies.replace(APEX, whole(2, content), 0, LATER)
        await asyncio.sleep(0)
        assert copies.kept(APEX) is None
        await copies.replace(APEX, whole(2, content), 0, LATER)

    asyncio.run(run())
    assert lost == [(APEX,)]
    assert kept_serial_and_content(tmp_path) == (2, content)
    assert read_owners(tmp_path) == {APEX: OTHER}


def test_records_that_are_not_those_that_were_written_are_not_served(
    tmp_path: Path, copies: Copies
) -> None:
    asyncio.run(copies.replace(APEX, whole(1, some(random.Random(4))), 0, LATER))
    copies._database.execute("UPDATE records SET ttl = ttl + 1 WHERE owner = ?", (owner("a"),))
    copies._database.commit()
    assert read_copies(tmp_path, {APEX}, 0).damaged == {APEX}
    assert not read_copies(tmp_path, {APEX}, 0).nodes


def _version(serial: int) -> Content:
    """All records of a version say which it is."""
    return frozenset((owner(f"n{n}"), A, serial.to_bytes(4, "big")) for n in range(60))


def _write_for_ever(folder: Path, pipe: int) -> None:
    """Whole zones and steps in turn; the serial of each goes into a pipe once it is kept."""
    copies = Copies(folder, _ignore, rows=8)
    kept = copies.kept(APEX)
    serial = 0 if kept is None else kept.serial

    async def run(serial: int) -> None:
        while True:
            if serial % 2 or not serial:
                await copies.replace(APEX, whole(serial + 1, _version(serial + 1)), 0, LATER)
            else:
                await copies.apply(
                    APEX,
                    steps(serial, _version(serial), serial + 1, _version(serial + 1)),
                    0,
                    LATER,
                )
            serial += 1
            os.write(pipe, serial.to_bytes(4, "big"))

    asyncio.run(run(serial))


def test_whenever_it_is_killed_there_is_a_whole_zone(tmp_path: Path) -> None:
    chance = random.Random(5)
    acknowledged = 0
    for _ in range(20):
        reading, writing = os.pipe()
        child = os.fork()
        if not child:
            os.close(reading)
            try:
                _write_for_ever(tmp_path, writing)
            finally:
                os._exit(1)
        os.close(writing)
        # At least one of its own, and then somewhere in what follows.
        acknowledged = int.from_bytes(os.read(reading, 4), "big")
        time.sleep(chance.random() * 0.02)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        while more := os.read(reading, 4):
            acknowledged = int.from_bytes(more, "big")
        os.close(reading)
        found = kept_serial_and_content(tmp_path)
        assert found is not None
        serial, content = found
        assert serial in (acknowledged, acknowledged + 1)
        assert content == _version(serial)
