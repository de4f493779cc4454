"""What a server keeps of its pair, in ``state.db``: its standing, and the way of dynamic records.

On the primary, triggers number every change of ``written`` in a log, whoever makes it; a standby
that knows a number is sent what came after. On the standby, record sets wait in ``ahead``, on disk,
until the generation that they belong to is in use: a generation is files, record sets and serials
that the primary had in use together, and it is taken over in one transaction.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from geodns.config.basis import STATE_FILE, Basis
from geodns.control.state import StateError
from geodns.replication.pair.frames import Row
from geodns.replication.pair.standing import Epoch, Standing, read_standing

MOST_LOGGED = 10_000  # changes: a standby that missed more is sent everything
SET = "zone, owner, type, ttl, rdatas"
_SCHEMA = """
CREATE TABLE IF NOT EXISTS pair (name TEXT PRIMARY KEY, content TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS written_log (
    number INTEGER PRIMARY KEY AUTOINCREMENT, zone BLOB NOT NULL, owner BLOB NOT NULL,
    type INTEGER NOT NULL, ttl INTEGER, rdatas BLOB NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS ahead (
    number INTEGER NOT NULL, zone BLOB NOT NULL, owner BLOB NOT NULL, type INTEGER NOT NULL,
    ttl INTEGER, rdatas BLOB NOT NULL, PRIMARY KEY (zone, owner, type, number)
) STRICT;
CREATE TABLE IF NOT EXISTS followed (zone BLOB PRIMARY KEY, serial INTEGER NOT NULL) STRICT;
"""
_TRIGGER = """
CREATE TRIGGER IF NOT EXISTS log_{event} AFTER {event} ON written
WHEN EXISTS (SELECT 1 FROM pair WHERE name = 'standing') BEGIN
    INSERT INTO written_log (zone, owner, type, ttl, rdatas) VALUES ({values});
    DELETE FROM written_log WHERE number <= last_insert_rowid() - {most};
END;
"""
_FRESH = "NEW.zone, NEW.owner, NEW.type, NEW.ttl, NEW.rdatas"
_GONE = "OLD.zone, OLD.owner, OLD.type, NULL, x''"
SCHEMA = _SCHEMA + "".join(
    _TRIGGER.format(event=event, values=values, most=MOST_LOGGED)
    for event, values in (("INSERT", _FRESH), ("UPDATE", _FRESH), ("DELETE", _GONE))
)
"""To be run once ``written`` is there."""

# A bare column beside max() is of the row that has it.
LATEST = (
    f"SELECT {SET}, max(number) AS number FROM ahead WHERE number <= ? GROUP BY zone, owner, type"
)


class Position(NamedTuple):
    """How far a standby has come: the last number that it has, in the history of a primary.

    ``copying``: it is in the middle of its first copy, and can't go on from there.
    """

    history: str
    epoch: Epoch
    number: int
    copying: bool = False


class Candidate(NamedTuple):
    """A generation that came, and is not in use yet. ``whole``: its record sets are all there are.

    ``serials`` are by apex in hexadecimal, and only those that have changed. ``states`` are those
    of endpoints, for what GEO names are transferred as, as ``states.packed`` makes them.
    """

    id: int
    basis: Basis
    number: int
    whole: bool
    serials: dict[str, int]
    states: list[Any]

    def as_dict(self) -> dict[str, Any]:
        """Ready for JSON."""
        return {**self._asdict(), "basis": self.basis.as_dict()}


class PairStore:
    """The pair's part of an open store. Changes are on disk when a call returns.

    All that write raise StateError; then nothing changed.
    """

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database

    # --- what is kept by name -------------------------------------------------------------------

    def get(self, name: str) -> Any:
        """What is kept under a name; None: nothing."""
        query = "SELECT content FROM pair WHERE name = ?"
        row = self._database.execute(query, (name,)).fetchone()
        return None if row is None else json.loads(row[0])

    def put(self, **named: Any) -> None:
        """Keep these; None: forget it."""
        with _Writing(self._database):
            self._put(named)

    def _put(self, named: Mapping[str, Any]) -> None:
        for name, content in named.items():
            if content is None:
                self._database.execute("DELETE FROM pair WHERE name = ?", (name,))
            else:
                row = (name, json.dumps(content))
                self._database.execute("INSERT OR REPLACE INTO pair VALUES (?, ?)", row)

    def standing(self) -> Standing | None:
        """What this node is; None: it has never been started."""
        found = self.get("standing")
        return None if found is None else read_standing(found)

    def position(self) -> Position | None:
        """How far it has come as a standby."""
        found = self.get("position")
        if found is None:
            return None
        return Position(found[0], Epoch(*found[1]), found[2], found[3])

    def candidate(self) -> Candidate | None:
        """What came and is not in use yet."""
        return read_candidate(self.get("candidate"))

    # --- as the primary -------------------------------------------------------------------------

    def newest(self) -> int:
        """The number of the last change of ``written``."""
        return newest(self._database)

    def reaches_from(self, number: int) -> bool:
        """Whether the log has all that came after a number."""
        (oldest,) = self._database.execute("SELECT min(number) FROM written_log").fetchone()
        newest = self.newest()
        return number <= newest and (number == newest or (oldest or newest + 1) <= number + 1)

    def logged(self, after: int, most: int) -> list[Row]:
        """The changes after a number, in order."""
        rows = self._database.execute(
            f"SELECT number, {SET} FROM written_log WHERE number > ? ORDER BY number LIMIT ?",
            (after, most),
        )
        return [Row(*row) for row in rows]

    # --- as the standby -------------------------------------------------------------------------

    def begin_copy(self, history: str, epoch: Epoch) -> None:
        """Everything comes anew, and counts once it is there."""
        with _Writing(self._database):
            self._database.execute("DELETE FROM ahead")
            self._put({"position": (history, epoch, 0, True), "candidate": None, "whole": None})

    def keep_ahead(self, rows: Iterable[Row]) -> None:
        """Keep what came in the middle of a copy, or after it, up to the last row."""
        position = self.position()
        assert position is not None
        kept = list(rows)
        with _Writing(self._database):
            self._database.executemany(
                f"INSERT OR REPLACE INTO ahead (number, {SET}) VALUES (?, ?, ?, ?, ?, ?)", kept
            )
            if not position.copying and kept:
                self._put({"position": position._replace(number=kept[-1].number)})

    def end_copy(self, number: int) -> None:
        """The copy is whole, as of this number."""
        position = self.position()
        assert position is not None
        with _Writing(self._database):
            done = position._replace(number=number, copying=False)
            self._put({"position": done, "whole": True})

    def followed(self) -> dict[bytes, int]:
        """The serials of the generation in use, by apex."""
        return dict(self._database.execute("SELECT zone, serial FROM followed"))

    def take_over(self, candidate: Candidate, at: float) -> None:
        """A generation comes into use: its files, record sets and serials, together."""
        with _Writing(self._database):
            self._merge(candidate.number, candidate.whole)
            serials = [(bytes.fromhex(apex), serial) for apex, serial in candidate.serials.items()]
            self._database.executemany("INSERT OR REPLACE INTO followed VALUES (?, ?)", serials)
            waiting = self.candidate()
            in_use = {"id": candidate.id, "number": candidate.number, "at": at}
            self._put({"basis": candidate.basis.as_dict(), "generation": in_use})
            self._put({"states": candidate.states})
            if candidate.whole:
                self._put({"whole": None})
            if waiting is None or waiting.id == candidate.id:
                self._put({"candidate": None})

    def promote(self, standing: Standing, basis: Basis, zones: Iterable[bytes], by: int) -> None:
        """From now on this is the primary, with all that came, whether it was in use or not.

        The serials of ``zones`` move on by ``by``.
        """
        position = self.position()
        with _Writing(self._database):
            if position is not None and not position.copying:
                self._merge(position.number, bool(self.get("whole")))
            self._database.execute("DELETE FROM ahead")
            self._database.execute("DELETE FROM followed")
            self._database.executemany(
                "UPDATE serials SET serial = max(1, (serial + ?) % 4294967296) WHERE zone = ?",
                [(by, zone) for zone in zones],
            )
            gone = (
                "candidate",
                "whole",
                "position",
                "states",
                "generation",
                "former",
                "acked",
                "acked_files",
            )
            self._put(dict.fromkeys(gone))
            self._put({"standing": standing.as_dict(), "basis": basis.as_dict()})

    def _merge(self, number: int, whole: bool) -> None:
        """What is ahead, up to a number, was written now. Only what differs is touched."""
        if whole:
            self._database.execute(
                "DELETE FROM written WHERE NOT EXISTS (SELECT 1 FROM ahead a WHERE a.number <= ?"
                " AND (a.zone, a.owner, a.type) = (written.zone, written.owner, written.type))",
                (number,),
            )
        self._database.execute(
            f"INSERT OR REPLACE INTO written ({SET}) SELECT {SET} FROM ({LATEST})"
            f" WHERE ttl IS NOT NULL EXCEPT SELECT {SET} FROM written",
            (number,),
        )
        self._database.execute(
            f"DELETE FROM written WHERE (zone, owner, type) IN"
            f" (SELECT zone, owner, type FROM ({LATEST}) WHERE ttl IS NULL)",
            (number,),
        )
        self._database.execute("DELETE FROM ahead WHERE number <= ?", (number,))


class Whole:
    """Everything that updates wrote, at one moment, for a thread: a connection of its own."""

    def __init__(self, state: Path) -> None:
        self._database = read_only(state)
        self._database.execute("BEGIN")
        self.number = newest(self._database)
        self._rows = self._database.execute(f"SELECT ?, {SET} FROM written", (self.number,))

    def next(self, most: int) -> list[Row]:
        """The next rows; none: that was all."""
        return [Row(*row) for row in self._rows.fetchmany(most)]

    def close(self) -> None:
        """To be called at the end."""
        self._database.close()


def read_candidate(kept: Any) -> Candidate | None:
    """What ``Candidate.as_dict`` made."""
    return None if kept is None else Candidate(**{**kept, "basis": Basis(**kept["basis"])})


def newest(database: sqlite3.Connection) -> int:
    """The number of the last change of ``written``."""
    query = "SELECT seq FROM sqlite_sequence WHERE name = 'written_log'"
    row = database.execute(query).fetchone()
    return 0 if row is None else int(row[0])


def read_only(state: Path) -> sqlite3.Connection:
    """The store of a state folder, for any process and thread. Raises sqlite3.Error."""
    file = (state / STATE_FILE).absolute()
    return sqlite3.connect(f"{file.as_uri()}?mode=ro", uri=True, check_same_thread=False)


class _Writing:
    """A transaction, as ``with database`` is; its failure is a StateError."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database

    def __enter__(self) -> None:
        self._database.__enter__()

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        try:
            self._database.__exit__(kind, error, trace)
        except sqlite3.Error as failure:
            raise StateError(f"it can't be kept, so it is not done: {failure}") from failure
        if isinstance(error, sqlite3.Error):
            raise StateError(f"it can't be kept, so it is not done: {error}") from error
