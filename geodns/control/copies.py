"""Keeps copies of zones on disk, so that a restart needs no transfer. A Keeper, of SQLite.

What a call has done survives a crash once it returns; a crash in the middle of it leaves the zone
as it was. Rows of a version that no zone names are what a crash, or a newer version, left behind.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import threading
from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import suppress
from functools import partial
from itertools import islice, starmap
from pathlib import Path
from typing import TypeVar

import dns.exception

from geodns.answer.digest import serial_of
from geodns.control.copies_file import (
    FILE,
    SCHEMA,
    Lists,
    added,
    checksum,
    is_damage,
    list_rows,
    lists_of,
    owner_rows,
    owners_of,
)
from geodns.control.state import StateError
from geodns.replication.difference import Difference
from geodns.replication.inbound import DoesNotFitError, Kept, NotKeptError, Steps, Whole
from geodns.replication.messages import Record
from geodns.replication.secondary.ownership import Owned
from geodns.replication.written import rdata_of

logger = logging.getLogger(__name__)

T = TypeVar("T")
_SOA = 6
_ROWS = 20_000
"""In one transaction, so that zones which come meanwhile wait for tenths of a second at most."""
_CACHE = -65_536  # KiB: rows come in the primary's order, and go where they belong in ours


class Copies:
    """Opened once, by the process that holds the lock on the folder. Raises StateError.

    A file that is no database any more is put aside and a new one begun; ``lost`` is told, in the
    event loop, of the zones that were in it.
    """

    def __init__(
        self, folder: Path, lost: Callable[[Collection[bytes]], None], rows: int = _ROWS
    ) -> None:
        self._file = folder / FILE
        self._rows = rows
        self._lost = lost
        self._lock = threading.Lock()
        self._receiving: set[int | None] = set()
        self._purging = False
        self.lists: Lists = {}
        """What catalogs were last found to list, and what is copied for which of them."""
        self.owners: dict[bytes, Owned] = {}
        try:
            self._database = _open(self._file)
            self._kept = self._read()
            self.lists, self.owners = lists_of(self._database), owners_of(self._database)
        except sqlite3.Error as error:
            if not is_damage(error):
                raise StateError(f"{self._file} can't be used: {error}") from error
            self._kept = {}
            self._begin_anew(error)

    def kept(self, apex: bytes) -> Kept | None:
        """What there is of a zone, expired or not; None: nothing."""
        return self._kept.get(apex)

    async def replace(self, apex: bytes, whole: Whole, checked: float, expires: float) -> None:
        """Keep this zone in place of what there was. Raises NotKeptError."""
        await self._in_thread(self._replace, apex, whole, checked, expires)
        await self.purge()

    async def apply(self, apex: bytes, steps: Steps, checked: float, expires: float) -> None:
        """Change what there is. Raises DoesNotFitError and NotKeptError."""
        await self._in_thread(self._apply, apex, steps, checked, expires)

    async def current(self, apex: bytes, checked: float, expires: float) -> None:
        """A primary has confirmed the serial that is kept. Raises NotKeptError."""
        await self._in_thread(self._current, apex, checked, expires)

    async def forget(self, apexes: Collection[bytes]) -> None:
        """Keep nothing of these zones any more. Raises NotKeptError."""
        gone = [apex for apex in apexes if apex in self._kept]
        if gone:
            await self._in_thread(self._forget, gone)
            await self.purge()

    async def keep_lists(self, lists: Lists, owners: Mapping[bytes, Owned]) -> None:
        """Keep what catalogs list, and what is copied for which. Raises NotKeptError."""
        await self._in_thread(self._keep_lists, lists, owners)
        self.lists, self.owners = dict(lists), dict(owners)

    async def records(self, apex: bytes) -> list[Record]:
        """Those of a zone that is kept, without its SOA. Raises NotKeptError."""
        return await self._in_thread(self._records, apex)

    def zones(self) -> tuple[bytes, ...]:
        """The apexes of all zones that are kept."""
        return tuple(self._kept)

    def close(self) -> None:
        """Nothing is lost without it."""
        with self._lock, suppress(sqlite3.Error):
            self._database.close()

    async def purge(self) -> None:
        """Delete what no zone names any more, piece by piece."""
        if self._purging:
            return
        self._purging = True
        try:
            # It is but room on a disk: the next time is soon enough.
            with suppress(NotKeptError):
                while await self._in_thread(self._purge_some):
                    pass
        finally:
            self._purging = False

    # --- in a thread ----------------------------------------------------------------------------

    async def _in_thread(self, function: Callable[..., T], *arguments: object) -> T:
        loop = asyncio.get_running_loop()
        try:
            return await asyncio.to_thread(function, *arguments)
        except sqlite3.Error as error:
            if is_damage(error):
                lost = self._kept
                with self._lock:
                    self._begin_anew(error)
                loop.call_soon(partial(self._lost, tuple(lost)))
            raise NotKeptError(f"{self._file.name} can't be written: {error}") from error

    def _replace(self, apex: bytes, whole: Whole, checked: float, expires: float) -> None:
        records = iter(whole.records)
        total, twice, version = 0, False, None
        try:
            while True:
                piece = list(islice(records, self._rows))
                total = added(total, *map(_checksum, piece))
                with self._lock, self._database:
                    version = self._begun() if version is None else version
                    # A record may be there twice.
                    twice = self._insert(version, piece) != len(piece) or twice
                    # A zone that is in one piece is kept by one transaction.
                    if len(piece) < self._rows:
                        total = self._sum_of(version) if twice else total
                        total = added(total, _checksum(whole.soa))
                        self._keep(apex, version, whole.soa, total, checked, expires)
                        return
        finally:
            self._receiving.discard(version)

    def _begun(self) -> int:
        """The number of a new version, of which nothing is deleted for now."""
        version = self._database.execute("INSERT INTO versions VALUES (NULL)").lastrowid
        assert version is not None
        self._receiving.add(version)
        return version

    def _insert(self, version: int, records: Collection[Record]) -> int:
        """How many of them were not there."""
        return self._database.executemany(
            "INSERT OR IGNORE INTO records VALUES (?, ?, ?, ?, ?)",
            [_row(version, record) for record in records],
        ).rowcount

    def _sum_of(self, version: int) -> int:
        rows = self._database.execute(
            "SELECT owner, type, ttl, rdata FROM records WHERE version = ?", (version,)
        )
        return added(0, *(checksum(*row) for row in rows))

    def _apply(self, apex: bytes, steps: Steps, checked: float, expires: float) -> None:
        kept = self._kept.get(apex)
        if kept is None or kept.serial != steps.since:
            raise DoesNotFitError(f"serial {steps.since} is not what is kept")
        with self._lock, self._database:
            version, ttl, soa, total = self._database.execute(
                "SELECT version, soa_ttl, soa, checksum FROM zones WHERE zone = ?", (apex,)
            ).fetchone()
            total = added(total, -checksum(apex, _SOA, ttl, soa), _checksum(steps.soa))
            for difference in steps.differences:
                total = self._change(version, difference, total)
            self._keep(apex, version, steps.soa, total, checked, expires)

    def _change(self, version: int, difference: Difference, total: int) -> int:
        for record in difference.removed:
            total = added(total, -self._remove(version, record))
        for record in difference.added:
            # NSD 4.6 also adds what has not changed, where a file has a name's types in some order.
            former = self._ttl(version, record, record.rdata)
            if former is not None:
                total = added(total, -_checksum(record._replace(ttl=former)))
            self._database.execute(
                "INSERT OR REPLACE INTO records VALUES (?, ?, ?, ?, ?)", _row(version, record)
            )
            total = added(total, _checksum(record))
        return total

    def _remove(self, version: int, record: Record) -> int:
        """The checksum of what was removed."""
        rdata: bytes | None = record.rdata
        found = self._ttl(version, record, record.rdata)
        if found is None:
            # RFC 4343 3: names are the same in any case, and compression can change theirs.
            rdata = self._same(version, record)
            found = None if rdata is None else self._ttl(version, record, rdata)
        if rdata is None or found is None:
            raise DoesNotFitError("a record that is removed is not there")
        self._database.execute(
            "DELETE FROM records WHERE version = ? AND owner = ? AND type = ? AND rdata = ?",
            (version, record.owner, record.type, rdata),
        )
        return checksum(record.owner, record.type, found, rdata)

    def _ttl(self, version: int, record: Record, rdata: bytes) -> int | None:
        row = self._database.execute(
            "SELECT ttl FROM records WHERE version = ? AND owner = ? AND type = ? AND rdata = ?",
            (version, record.owner, record.type, rdata),
        ).fetchone()
        return None if row is None else int(row[0])

    def _same(self, version: int, record: Record) -> bytes | None:
        rows = self._database.execute(
            "SELECT rdata FROM records WHERE version = ? AND owner = ? AND type = ?",
            (version, record.owner, record.type),
        )
        try:
            wanted = rdata_of(record.type, record.rdata)
            same = (rdata for (rdata,) in rows if rdata_of(record.type, rdata) == wanted)
            return next(same, None)
        except (dns.exception.DNSException, ValueError):
            return None

    def _current(self, apex: bytes, checked: float, expires: float) -> None:
        kept = self._kept.get(apex)
        if kept is None:
            raise NotKeptError("nothing is kept of it")
        with self._lock, self._database:
            self._database.execute(
                "UPDATE zones SET checked = ?, expires = ? WHERE zone = ?", (checked, expires, apex)
            )
        self._kept[apex] = kept._replace(checked=checked, expires=expires)

    def _keep(
        self, apex: bytes, version: int, soa: Record, total: int, checked: float, expires: float
    ) -> None:
        """Within a transaction, the last of it."""
        self._database.execute(
            "INSERT OR REPLACE INTO zones VALUES (?, ?, ?, ?, ?, ?, ?)",
            (apex, version, soa.ttl, soa.rdata, total, checked, expires),
        )
        self._database.commit()
        self._kept[apex] = _kept(soa.rdata, checked, expires)

    def _records(self, apex: bytes) -> list[Record]:
        with self._lock:
            rows = self._database.execute(
                "SELECT owner, type, ttl, rdata FROM records WHERE version ="
                " (SELECT version FROM zones WHERE zone = ?)",
                (apex,),
            )
            return list(starmap(Record, rows))

    def _forget(self, apexes: Iterable[bytes]) -> None:
        apexes = list(apexes)
        with self._lock, self._database:
            self._database.executemany(
                "DELETE FROM zones WHERE zone = ?", [(apex,) for apex in apexes]
            )
        for apex in apexes:
            self._kept.pop(apex, None)

    def _keep_lists(self, lists: Lists, owners: Mapping[bytes, Owned]) -> None:
        with self._lock, self._database:
            self._write_lists(lists, owners)

    def _write_lists(self, lists: Lists, owners: Mapping[bytes, Owned]) -> None:
        self._database.execute("DELETE FROM members")
        self._database.executemany("INSERT INTO members VALUES (?, ?, ?, ?)", list_rows(lists))
        self._database.execute("DELETE FROM owners")
        self._database.executemany("INSERT INTO owners VALUES (?, ?, ?)", owner_rows(owners))

    def _purge_some(self) -> bool:
        """Whether there may be more."""
        with self._lock, self._database:
            found = self._database.execute(
                "SELECT version FROM versions WHERE version NOT IN (SELECT version FROM zones)"
            )
            gone = [version for (version,) in found if version not in self._receiving]
            if not gone:
                return False
            version = gone[0]
            last = self._database.execute(
                "SELECT owner FROM records WHERE version = ? ORDER BY owner LIMIT 1 OFFSET ?",
                (version, self._rows),
            ).fetchone()
            if last is not None:
                self._database.execute(
                    "DELETE FROM records WHERE version = ? AND owner <= ?", (version, *last)
                )
                return True
            self._database.execute("DELETE FROM records WHERE version = ?", (version,))
            self._database.execute("DELETE FROM versions WHERE version = ?", (version,))
            return len(gone) > 1

    def _read(self) -> dict[bytes, Kept]:
        rows = self._database.execute("SELECT zone, soa, checked, expires FROM zones")
        return {zone: _kept(soa, checked, expires) for zone, soa, checked, expires in rows}

    def _begin_anew(self, error: sqlite3.Error) -> None:
        """Put the file aside. What catalogs list is known, and goes into the new one."""
        broken = self._file.with_name(f"{FILE}.broken")
        logger.error(
            "the copies of zones are damaged, and all are fetched anew",
            extra={"file": str(self._file), "kept_as": str(broken), "reason": str(error)},
        )
        with suppress(sqlite3.Error, AttributeError):
            self._database.close()
        self._file.replace(broken)
        for beside in (f"{FILE}-wal", f"{FILE}-shm"):
            self._file.with_name(beside).unlink(missing_ok=True)
        self._database = _open(self._file)
        self._kept = {}
        with self._database:
            self._write_lists(self.lists, self.owners)


def _row(version: int, record: Record) -> tuple[int, bytes, int, bytes, int]:
    return version, record.owner, record.type, record.rdata, record.ttl


def _checksum(record: Record) -> int:
    return checksum(record.owner, record.type, record.ttl, record.rdata)


def _kept(soa: bytes, checked: float, expires: float) -> Kept:
    # RFC 1035 3.3.13: serial, refresh, retry, expire and minimum end it, of 4 bytes each.
    refresh, retry, expire = (
        int.from_bytes(soa[len(soa) - at : len(soa) - at + 4], "big") for at in (16, 12, 8)
    )
    return Kept(serial_of(soa), refresh, retry, expire, checked, expires)


def _open(file: Path) -> sqlite3.Connection:
    # One thread at a time has the lock that goes with it.
    database = sqlite3.connect(file, check_same_thread=False)
    try:
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = FULL")
        database.execute(f"PRAGMA cache_size = {_CACHE}")
        database.executescript(SCHEMA)
    except BaseException:
        database.close()
        raise
    return database
