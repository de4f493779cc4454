"""The journal of zones in the state folder: what changed from each serial to the next, for IXFR.

Rows are written in the transaction that keeps the serials: a journal either reaches the serial that
is served or, where a change is not known, begins anew.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

from geodns.replication.comparing import Change
from geodns.replication.difference import DamagedError, Difference, condensed, unpacked
from geodns.zone.serial import Known, newer

SCHEMA = """
CREATE TABLE IF NOT EXISTS journal (
    number INTEGER PRIMARY KEY, zone BLOB NOT NULL, since INTEGER NOT NULL, until INTEGER NOT NULL,
    content BLOB NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS journal_by_zone ON journal (zone, number, since, until);
"""
_A_ROW = 64  # bytes that a row takes beside its content, about


def record(
    database: sqlite3.Connection, serials: Mapping[bytes, Known], changes: Mapping[bytes, Change]
) -> None:
    """Within the caller's transaction: what is about to be served, and how it came about.

    What leads to no serial that is served is dropped. Raises sqlite3.Error.
    """
    # A bare column beside max() is of the row that has it.
    newest = database.execute("SELECT zone, until, max(number) FROM journal GROUP BY zone")
    for zone, until, _ in newest.fetchall():
        if zone not in serials or (zone not in changes and until != serials[zone].serial):
            database.execute("DELETE FROM journal WHERE zone = ?", (zone,))
    for zone, change in changes.items():
        _append(database, zone, change)


def _append(database: sqlite3.Connection, zone: bytes, change: Change) -> None:
    rows = database.execute(
        "SELECT number, since, until, length(content) FROM journal WHERE zone = ? ORDER BY number",
        (zone,),
    ).fetchall()
    kept = []
    room = change.room - len(change.content)
    expected = None
    for number, since, until, length in reversed(rows):
        if expected is None and until != change.since:
            continue  # it led to a version that was written down and never came into use
        room -= length + _A_ROW
        # Serials within half of their space of each other have an order, and none comes twice.
        if expected not in (None, until) or room < 0 or not newer(change.until, since):
            break
        kept.append(number)
        expected = since
    gone = [(number,) for number, *_ in rows if number not in set(kept)]
    database.executemany("DELETE FROM journal WHERE number = ?", gone)
    database.execute(
        "INSERT INTO journal (zone, since, until, content) VALUES (?, ?, ?, ?)",
        (zone, change.since, change.until, change.content),
    )


def read(file: Path, zone: bytes, since: int, until: int) -> Difference | None:
    """What changed in a zone between two serials; None: the journal does not reach from one to the
    other. For any thread and process, while the owner has the file open. Raises DamagedError.
    """
    try:
        with closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True)) as database:
            contents = _contents(database, zone, since, until)
    except sqlite3.Error as error:
        raise DamagedError(f"the journal can't be read: {error}") from error
    if not contents:
        return None
    return condensed(unpacked(zone, content) for content in contents)


def _contents(database: sqlite3.Connection, zone: bytes, since: int, until: int) -> list[bytes]:
    database.execute("BEGIN")  # both queries see the same rows
    rows = database.execute(
        "SELECT number, since, until FROM journal WHERE zone = ? ORDER BY number", (zone,)
    )
    wanted: list[int] = []
    at = since
    for number, before, after in rows:
        if before == at:
            wanted.append(number)
            at = after
        if at == until:
            break
    if at != until or not wanted:
        return []
    found = database.execute(
        "SELECT content FROM journal WHERE zone = ? AND number BETWEEN ? AND ? ORDER BY number",
        (zone, wanted[0], wanted[-1]),
    )
    return [content for (content,) in found]
