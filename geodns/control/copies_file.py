"""The file in which copies of zones are kept, and what any process reads of it.

A file of its own beside state.db: a zone of a million records must not slow down what else is kept,
and damage to the one must not be damage to the other.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Collection, Iterable
from contextlib import closing
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import NamedTuple, TypeVar
from zlib import crc32

from geodns.answer.image import Node, RRset
from geodns.control.state import StateError
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
    catalog BLOB NOT NULL, zone BLOB NOT NULL, label BLOB NOT NULL, PRIMARY KEY (catalog, zone)
) STRICT;
"""
_SOA = 6
_MOST_TTL = (1 << 32) - 1
_BITS = (1 << 62) - 1
_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)

T = TypeVar("T")
Members = dict[bytes, dict[bytes, bytes]]
"""By catalog, the zones that it lists, each with its label there."""


class Copies(NamedTuple):
    """What is kept: ``nodes`` by apex, of the zones that were asked for and have not expired.

    ``damaged`` are zones whose records are not those that were written.
    """

    nodes: dict[bytes, dict[bytes, Node]]
    damaged: frozenset[bytes]


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


def read_members(folder: Path) -> Members:
    """What catalogs have last been found to list. Raises StateError as ``read_copies`` does."""
    return _read(folder, members_of, {})


def read_copies(folder: Path, wanted: Collection[bytes], now: float) -> Copies:
    """The kept copies of some zones; for any process, while the owner has the file open.

    ``now`` is in seconds since 1970. Nothing where there is no file yet, or none that can be read
    as one: its owner tells of that. Raises StateError where it is sound and can't be read: zones
    must not go away.
    """
    return _read(folder, lambda database: _copies(database, wanted, now), Copies({}, frozenset()))


def members_of(database: sqlite3.Connection) -> Members:
    """The members of all catalogs."""
    found: Members = {}
    for catalog, zone, label in database.execute("SELECT catalog, zone, label FROM members"):
        found.setdefault(catalog, {})[zone] = label
    return found


def _read(folder: Path, reading: Callable[[sqlite3.Connection], T], nothing: T) -> T:
    file = folder / FILE
    if not file.exists():
        return nothing
    try:
        with closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True)) as database:
            # One that is just being made has no tables yet.
            if not database.execute("PRAGMA table_info(members)").fetchall():
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
