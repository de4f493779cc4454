"""The store of one node: orders, verdicts and the event log, in SQLite in the state folder.

What is written is on the disk when the call returns: it outlives this process and the machine.
"""

from __future__ import annotations

import json
import logging
import sqlite3
from collections.abc import Collection, Iterable, Mapping
from contextlib import closing, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from geodns.answer.image import RRset
from geodns.config.basis import STATE_FILE
from geodns.control import journal
from geodns.control.pairing import kept
from geodns.control.pairing.content import content as kept_content
from geodns.control.pairing.content import unpacked
from geodns.control.state import StateError
from geodns.health.orders import Order, Orders
from geodns.replication.comparing import Change
from geodns.replication.written import Written
from geodns.zone.serial import Known

logger = logging.getLogger(__name__)

FILE = STATE_FILE
MOST_EVENTS = 10_000
_SCHEMA = """
CREATE TABLE IF NOT EXISTS orders (
    kind TEXT NOT NULL, id TEXT NOT NULL, content TEXT NOT NULL, PRIMARY KEY (kind, id)
) STRICT;
CREATE TABLE IF NOT EXISTS events (
    number INTEGER PRIMARY KEY AUTOINCREMENT, at REAL NOT NULL, content TEXT NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS events_by_time ON events (at);
CREATE TABLE IF NOT EXISTS verdicts (name TEXT PRIMARY KEY, content TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS serials (
    zone BLOB PRIMARY KEY, serial INTEGER NOT NULL, digest BLOB NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS written (
    zone BLOB NOT NULL, owner BLOB NOT NULL, type INTEGER NOT NULL,
    ttl INTEGER NOT NULL, rdatas BLOB NOT NULL, PRIMARY KEY (zone, owner, type)
) STRICT;
CREATE TABLE IF NOT EXISTS moments (name TEXT PRIMARY KEY, at REAL NOT NULL) STRICT;
"""
_KEEP_SERIAL = """
INSERT INTO serials VALUES (?, ?, ?) ON CONFLICT (zone) DO UPDATE
SET serial = excluded.serial, digest = excluded.digest
WHERE serial != excluded.serial OR digest != excluded.digest
"""
_WATCHED = "watched"  # the moment until which the verdicts are known to have held


AllWritten = dict[bytes, dict[bytes, dict[int, RRset]]]
"""By apex, owner and type, as ``replication.written.Written`` has it."""


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened at ``at``, seconds since 1970.

    ``kind`` is verdict, guard, trust, drain, undrain, force, reload, update, or copy; ``subject``
    is what it was about, ``who`` did it and ``why``. ``moved`` has the availability of endpoints
    before and after.
    """

    at: float
    kind: str
    subject: str
    what: str
    who: str
    why: str = ""
    moved: dict[str, tuple[float, float]] | None = None

    def as_dict(self) -> dict[str, Any]:
        """Ready for JSON."""
        return asdict(self) | {"moved": {id: list(pair) for id, pair in (self.moved or {}).items()}}


class Store:
    """Opened once, by the process that holds the lock on the folder. Raises StateError.

    A file that is no database any more is put aside and a new one begun: a server that answers is
    worth more than its log.
    """

    def __init__(self, folder: Path, *, most_events: int = MOST_EVENTS) -> None:
        file = folder / FILE
        self._most = most_events
        try:
            self._database = _open(file)
        except sqlite3.OperationalError as error:
            raise StateError(f"the state in {file} can't be used: {error}") from error
        except sqlite3.DatabaseError as error:
            broken = file.with_name(f"{FILE}.broken")
            logger.error(  # noqa: TRY400 - the reason says it all
                "the state is damaged and begun anew; drains must be given again",
                extra={"file": str(file), "kept_as": str(broken), "reason": str(error)},
            )
            file.replace(broken)
            for beside in (f"{FILE}-wal", f"{FILE}-shm"):
                file.with_name(beside).unlink(missing_ok=True)
            self._database = _open(file)
        self.pair = kept.PairStore(self._database)

    def orders(self) -> Orders:
        """All of them; one that can't be read is left out and told."""
        found = []
        for (content,) in self._database.execute("SELECT content FROM orders ORDER BY rowid"):
            try:
                found.append(Order(**json.loads(content)))
            except (ValueError, TypeError) as error:
                reason = {"reason": str(error)}
                logger.error("an order can't be read", extra=reason)  # noqa: TRY400 - as above
        return Orders(found)

    def keep(self, orders: Orders) -> None:
        """Keep these orders in place of those so far. Raises StateError; then nothing changed."""
        rows = [(o.kind, o.id, json.dumps(asdict(o))) for o in orders.all.values()]
        try:
            with self._database:
                self._database.execute("DELETE FROM orders")
                self._database.executemany("INSERT INTO orders VALUES (?, ?, ?)", rows)
        except sqlite3.Error as error:
            raise StateError(f"it can't be kept, so it is not done: {error}") from error

    def add(self, *events: Event) -> None:
        """Append to the log, which forgets its oldest events. A full disk is told, not raised."""
        rows = [(event.at, json.dumps(event.as_dict())) for event in events]
        try:
            with self._database:
                self._database.executemany("INSERT INTO events (at, content) VALUES (?, ?)", rows)
                self._database.execute(
                    "DELETE FROM events WHERE number <= (SELECT max(number) FROM events) - ?",
                    (self._most,),
                )
        except sqlite3.Error as error:
            reason = {"reason": str(error)}
            logger.error("an event can't be written down", extra=reason)  # noqa: TRY400 - as above

    def events(self, since: float = 0.0, after: int = 0, most: int = 1000) -> list[dict[str, Any]]:
        """Those from ``since`` on, the newest, in order.

        Each has a ``number``, which grows from event to event; ``after`` is one that is known.
        """
        rows = self._database.execute(
            "SELECT number, content FROM events WHERE at >= ? AND number > ?"
            " ORDER BY number DESC LIMIT ?",
            (since, after, most),
        )
        return [json.loads(content) | {"number": number} for number, content in rows][::-1]

    def verdicts(self) -> tuple[dict[str, str], float]:
        """The rows of ``health.memory``, and until when they are known to have held."""
        rows = dict(self._database.execute("SELECT name, content FROM verdicts"))
        moments = dict(self._database.execute("SELECT name, at FROM moments"))
        return rows, float(moments.get(_WATCHED, 0.0))

    def keep_verdicts(self, rows: Mapping[str, str], wall: float) -> None:
        """Keep these rows beside the others, all of which hold now. A full disk is told."""
        try:
            with self._database:
                self._database.executemany(
                    "INSERT OR REPLACE INTO verdicts VALUES (?, ?)", rows.items()
                )
                self._database.execute(
                    "INSERT OR REPLACE INTO moments VALUES (?, ?)", (_WATCHED, wall)
                )
        except sqlite3.Error as error:
            reason = {"reason": str(error)}
            logger.error("verdicts can't be written down", extra=reason)  # noqa: TRY400 - as above

    def drop_verdicts(self, wanted: Collection[str]) -> None:
        """Forget all rows but those of these names. A full disk is told."""
        try:
            with self._database:
                names = [n for (n,) in self._database.execute("SELECT name FROM verdicts")]
                gone = [(name,) for name in names if name not in wanted]
                self._database.executemany("DELETE FROM verdicts WHERE name = ?", gone)
        except sqlite3.Error as error:
            reason = {"reason": str(error)}
            logger.error("verdicts can't be dropped", extra=reason)  # noqa: TRY400 - as above

    def keep_serials(
        self,
        serials: Mapping[bytes, Known],
        changes: Mapping[bytes, Change] = {},
    ) -> None:
        """Keep what is about to be served, by apex, and what has changed.

        Raises StateError; then nothing changed, and it must not be served: the serial of a process
        after this one would go back. What is kept already takes no room on a full disk.
        """
        rows = [(apex, known.serial, known.digest) for apex, known in serials.items()]
        try:
            with self._database:
                self._database.executemany(_KEEP_SERIAL, rows)
                journal.record(self._database, serials, changes)
        except sqlite3.Error as error:
            raise StateError(
                f"the serials of zones can't be kept, so it is not served: {error}"
            ) from error

    def written(self) -> AllWritten:
        """The record sets that updates wrote, by the apex of their zone."""
        return _all_written(self._database)

    def keep_written(self, zone: bytes, sets: Written) -> None:
        """Keep what updates wrote into a zone. Raises StateError; then nothing changed."""
        rows = [
            (zone, owner, type, rrset.ttl, _packed(rrset.rdatas))
            for owner, node in sets.items()
            for type, rrset in node.items()
        ]
        try:
            with self._database:
                self._database.executemany(
                    "INSERT OR REPLACE INTO written VALUES (?, ?, ?, ?, ?)", rows
                )
        except sqlite3.Error as error:
            raise StateError(f"it can't be kept, so it is not done: {error}") from error

    def drop_written(self, zone: bytes, sets: Written) -> None:
        """Forget these of the sets that updates wrote. Raises StateError; then nothing changed."""
        rows = [(zone, owner, type) for owner, node in sets.items() for type in node]
        try:
            with self._database:
                self._database.executemany(
                    "DELETE FROM written WHERE zone = ? AND owner = ? AND type = ?", rows
                )
        except sqlite3.Error as error:
            raise StateError(f"it can't be kept, so it is not done: {error}") from error

    def close(self) -> None:
        """Nothing is lost without it."""
        with suppress(sqlite3.Error):
            self._database.close()


def known_serials(folder: Path) -> dict[bytes, Known]:
    """What was last served of each zone, by apex; for any process, while the owner has it open.

    Nothing where there is no store yet, or none that can be read: its owner tells of that.
    """
    file = folder / FILE
    try:
        with closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True)) as database:
            rows = database.execute("SELECT zone, serial, digest FROM serials").fetchall()
    except sqlite3.Error:
        return {}
    return {apex: Known(serial, digest) for apex, serial, digest in rows}


def written_sets(folder: Path) -> AllWritten:
    """The record sets that updates wrote; for any process, while the owner has the store open.

    Raises StateError where they can't be read.
    """
    return kept_content(folder, candidate=False).written


def _all_written(database: sqlite3.Connection) -> AllWritten:
    found: AllWritten = {}
    for zone, owner, type, ttl, rdatas in database.execute("SELECT * FROM written"):
        found.setdefault(zone, {}).setdefault(owner, {})[type] = RRset(ttl, unpacked(rdatas))
    return found


def _packed(rdatas: Iterable[bytes]) -> bytes:
    return b"".join(len(rdata).to_bytes(2, "big") + rdata for rdata in rdatas)


def _open(file: Path) -> sqlite3.Connection:
    database = sqlite3.connect(file)
    try:
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = FULL")
        database.executescript(_SCHEMA + journal.SCHEMA + kept.SCHEMA)
    except BaseException:
        database.close()
        raise
    return database
