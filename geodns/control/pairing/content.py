"""What a compile takes from the store: record sets and serials, those of a candidate first."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

from geodns.answer.image import RRset
from geodns.config.basis import STATE_FILE
from geodns.control.pairing.kept import (
    LATEST,
    SET,
    Candidate,
    newest,
    read_candidate,
    read_only,
)
from geodns.control.state import StateError


class Content(NamedTuple):
    """What a compile takes from the store beside files: of the candidate, where there is one.

    ``number`` is that of the last change in ``written``; ``serials`` are the primary's.
    """

    written: dict[bytes, dict[bytes, dict[int, RRset]]]
    number: int
    serials: dict[bytes, int]
    candidate: Candidate | None


def content(state: Path, *, candidate: bool) -> Content:
    """For the compiler, while the owner has the store open; with a candidate if that is wanted.

    Nothing where there is no store yet, or none that can be read as one: its owner tells of that.
    Raises StateError where it is sound and can't be read: zones must not go back.
    """
    try:
        if not (state / STATE_FILE).exists():
            return Content({}, 0, {}, None)
        with closing(read_only(state)) as database:
            database.execute("BEGIN")
            return _content(database, candidate)
    except sqlite3.OperationalError as error:
        raise StateError(f"the state in {state / STATE_FILE} can't be read: {error}") from error
    except sqlite3.DatabaseError:
        return Content({}, 0, {}, None)


def _content(database: sqlite3.Connection, with_candidate: bool) -> Content:
    # One that was made before there were updates, or pairs, has no such tables.
    if not database.execute("PRAGMA table_info(written)").fetchall():
        return Content({}, 0, {}, None)
    if not database.execute("PRAGMA table_info(ahead)").fetchall():
        return Content(_sets(database.execute(f"SELECT {SET} FROM written")), 0, {}, None)
    query = "SELECT content FROM pair WHERE name = 'candidate'"
    row = database.execute(query).fetchone() if with_candidate else None
    candidate = None if row is None else read_candidate(json.loads(row[0]))
    found = {}
    if candidate is None or not candidate.whole:
        found = _sets(database.execute(f"SELECT {SET} FROM written"))
    serials: dict[bytes, int] = dict(database.execute("SELECT zone, serial FROM followed"))
    if candidate is not None:
        _add(found, database.execute(LATEST, (candidate.number,)))
        serials |= {bytes.fromhex(apex): serial for apex, serial in candidate.serials.items()}
    return Content(found, newest(database), serials, candidate)


def _sets(rows: Iterable[Any]) -> dict[bytes, dict[bytes, dict[int, RRset]]]:
    found: dict[bytes, dict[bytes, dict[int, RRset]]] = {}
    _add(found, ((*row, 0) for row in rows))
    return found


def _add(found: dict[bytes, dict[bytes, dict[int, RRset]]], rows: Iterable[Any]) -> None:
    for zone, owner, type, ttl, rdatas, _ in rows:
        node = found.setdefault(zone, {}).setdefault(owner, {})
        if ttl is None:
            node.pop(type, None)
        else:
            node[type] = RRset(ttl, unpacked(rdatas))


def unpacked(packed: bytes) -> tuple[bytes, ...]:
    """Rdatas in wire form, each behind its length in two bytes."""
    found, at = [], 0
    while at < len(packed):
        end = at + 2 + int.from_bytes(packed[at : at + 2], "big")
        found.append(packed[at + 2 : end])
        at = end
    return tuple(found)
