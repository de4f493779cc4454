"""The file in which copies of zones are kept, and what any process reads of it.

A file of its own beside state.db: a zone of a million records must not slow down what else is kept,
and damage to the one must not be damage to the other.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import closing
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import NamedTuple, TypeVar
from zlib import crc32

from geodns.answer.digest import serial_of
from geodns.answer.image import Node, RRset
from geodns.control.state import StateError
from geodns.replication.secondary.catalogs import Member, Members
from geodns.replication.secondary.ownership import Owned
from geodns.zone.load import collector_paused

FILE = "secondary.db"
# Records stand under a version, and a zone has the one that is whole: a transfer that is under way
# writes another one, which counts from the moment that the zone's row names it.
SCHEMA = """
CREATE TABLE IF NOT EXISTS versions (version INTEGER PRIMARY KEY AUTOINCREMENT) STRICT;
CREATE TABLE IF NOT EXISTS zones (
    zone BLOB PRIMARY KEY, version INTEGER NOT NULL, soa_ttl INTEGER NOT NULL, soa BLOB NOT NULL,
    checksum INTEGER NOT NULL, checked REAL NOT NULL, expires REAL NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS records (
    version INTEGER NOT NULL, owner BLOB NOT NULL, type INTEGER NOT NULL, rdata BLOB NOT NULL,
    ttl INTEGER NOT NULL, PRIMARY KEY (version, owner, type, rdata)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS members (
    catalog BLOB NOT NULL, zone BLOB NOT NULL, label BLOB NOT NULL, more TEXT NOT NULL,
    PRIMARY KEY (catalog, zone)
) STRICT;
CREATE TABLE IF NOT EXISTS owners (
    zone BLOB PRIMARY KEY, catalog BLOB NOT NULL, label BLOB NOT NULL
) STRICT;
"""
_SOA = 6
_MOST_TTL = (1 << 32) - 1
_BITS = (1 << 62) - 1
_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)

T = TypeVar("T")
Lists = dict[bytes, Members]
"""By catalog, what it was last found to list."""


class Copies(NamedTuple):
    """What is kept: ``nodes`` by apex, of the zones that were asked for and have not expired.

    ``damaged`` are zones whose records are not those that were written.
    """

    nodes: dict[bytes, dict[bytes, Node]]
    damaged: frozenset[bytes]


class Summary(NamedTuple):
    """What is kept of a zone, in numbers."""

    serial: int
    checked: float
    expires: float
    records: int


def checksum(owner: bytes, type: int, ttl: int, rdata: bytes) -> int:
    """Of one record; those of a zone are added up."""
    return crc32(rdata, crc32(owner, type << 8 ^ ttl))


def added(total: int, *sums: int) -> int:
    """A sum of checksums with more of them."""
    return (total + sum(sums)) & _BITS


def is_damage(error: sqlite3.Error) -> bool:
    """Whether a file is no database any more, rather than locked or on a full disk."""
    # SQLite puts what is special about an error into higher bits.
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in _DAMAGED


def read_owners(folder: Path) -> dict[bytes, bytes]:
    """The zones that catalogs list, each with the one that it is copied for.

    Raises StateError as ``read_copies`` does.
    """
    nothing: dict[bytes, Owned] = {}
    owners = _read(folder, owners_of, nothing)
    return {zone: owned.catalog for zone, owned in owners.items()}


def read_copies(folder: Path, wanted: Collection[bytes], now: float) -> Copies:
    """The kept copies of some zones; for any process, while the owner has the file open.

    ``now`` is in seconds since 1970. Nothing where there is no file yet, or none that can be read
    as one: its owner tells of that. Raises StateError where it is sound and can't be read: zones
    must not go away.
    """
    return _read(folder, lambda database: _copies(database, wanted, now), Copies({}, frozenset()))


def read_summaries(folder: Path) -> dict[bytes, Summary]:
    """What is kept, expired or not, by apex. Raises StateError as ``read_copies`` does."""
    nothing: dict[bytes, Summary] = {}
    return _read(folder, _summaries, nothing)


def _summaries(database: sqlite3.Connection) -> dict[bytes, Summary]:
    rows = database.execute(
        "SELECT zone, soa, checked, expires,"
        " (SELECT count(*) FROM records WHERE records.version = zones.version) FROM zones"
    )
    return {
        zone: Summary(serial_of(soa), checked, expires, count + 1)
        for zone, soa, checked, expires, count in rows
    }


def lists_of(database: sqlite3.Connection) -> Lists:
    """What all catalogs list."""
    found: dict[bytes, dict[bytes, Member]] = {}
    rows = database.execute("SELECT catalog, zone, label, more FROM members")
    for catalog, zone, label, more in rows:
        groups, coo = json.loads(more)
        own = found.setdefault(catalog, {})
        own[zone] = Member(label, frozenset(groups), None if coo is None else bytes.fromhex(coo))
    return dict(found)


def owners_of(database: sqlite3.Connection) -> dict[bytes, Owned]:
    """The zones that catalogs list, and for which one each is copied."""
    rows = database.execute("SELECT zone, catalog, label FROM owners")
    return {zone: Owned(catalog, Member(label)) for zone, catalog, label in rows}


def list_rows(lists: Lists) -> Iterator[tuple[bytes, bytes, bytes, str]]:
    """As they stand in the table of members."""
    for catalog, members in lists.items():
        for zone, (label, groups, coo) in members.items():
            more = json.dumps([sorted(groups), None if coo is None else coo.hex()])
            yield catalog, zone, label, more


def owner_rows(owners: Mapping[bytes, Owned]) -> Iterator[tuple[bytes, bytes, bytes]]:
    """As they stand in the table of owners."""
    for zone, owned in owners.items():
        yield zone, owned.catalog, owned.member.label


def _read(folder: Path, reading: Callable[[sqlite3.Connection], T], nothing: T) -> T:
    file = folder / FILE
    if not file.exists():
        return nothing
    try:
        with closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True)) as database:
            # One that is just being made has no tables yet.
            if not database.execute("PRAGMA table_info(owners)").fetchall():
                return nothing
            database.execute("BEGIN")  # all that is read is of one moment
            with collector_paused():
                return reading(database)
    except sqlite3.Error as error:
        if is_damage(error):
            return nothing
        raise StateError(f"copies of zones in {file} can't be read: {error}") from error


def _copies(database: sqlite3.Connection, wanted: Collection[bytes], now: float) -> Copies:
    nodes: dict[bytes, dict[bytes, Node]] = {}
    damaged = set()
    zones = database.execute("SELECT zone, version, soa_ttl, soa, checksum, expires FROM zones")
    for zone, version, ttl, soa, expected, expires in zones.fetchall():
        if zone not in wanted or expires <= now:
            continue
        rows = database.execute(
            "SELECT owner, type, ttl, rdata FROM records WHERE version = ?"
            " ORDER BY owner, type, rdata",
            (version,),
        )
        found, total = _nodes(rows)
        if added(total, checksum(zone, _SOA, ttl, soa)) != expected:
            damaged.add(zone)
            continue
        found.setdefault(zone, {})[_SOA] = RRset(ttl, (soa,))
        nodes[zone] = found
    return Copies(nodes, frozenset(damaged))


def _nodes(rows: Iterable[tuple[bytes, int, int, bytes]]) -> tuple[dict[bytes, Node], int]:
    """The nodes that ordered rows make, and the sum of their checksums."""
    nodes: dict[bytes, Node] = {}
    total, last, node = 0, None, Node()
    for (owner, type), rrset in groupby(rows, itemgetter(0, 1)):
        if owner != last:
            node = nodes[owner] = {}
            last = owner
        # RFC 2181 5.2: where the TTLs of a set differ, the lowest counts for all.
        low, rdatas = _MOST_TTL, []
        for _, _, ttl, rdata in rrset:
            total += crc32(rdata, crc32(owner, type << 8 ^ ttl))
            low = min(low, ttl)
            rdatas.append(rdata)
        node[type] = RRset(low, tuple(rdatas))
    return nodes, total
