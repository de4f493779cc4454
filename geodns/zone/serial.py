"""Serials of zones: automatic, never going back through edits and restarts. Pure.

RFC 1982 compares serials modulo 2^32: secondaries take a zone over only where its serial is newer,
so one that goes back, or stays while the content changes, leaves them with what is old.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Literal, NamedTuple

Style = Literal["unixtime", "date"]

_SPACE, _HALF = 2**32, 2**31


class Known(NamedTuple):
    """What was last served of a zone: its serial, and a digest of everything but the serial."""

    serial: int
    digest: bytes


class Wanted(NamedTuple):
    """The serial that a zone's file asks for.

    ``explicit``: it stands there; else it is from when the file was changed.
    """

    serial: int
    explicit: bool


def newer(serial: int, than: int) -> bool:
    """RFC 1982 3.2, where the distance that it leaves undefined counts as not newer."""
    return 0 < (serial - than) % _SPACE < _HALF


def following(serial: int) -> int:
    """The next one. 0 is left out: there are secondaries that take it for "no serial yet"."""
    return (serial + 1) % _SPACE or 1


def served_serial(wanted: Wanted, digest: bytes, before: Known | None, style: Style) -> int:
    """The serial to serve a zone with, whose content has this digest.

    ``wanted`` counts where it is newer than what was served. Otherwise the serial stays with a
    content that stays, and moves on with one that has changed.
    """
    candidate = wanted.serial
    if style == "date" and not wanted.explicit:
        candidate = _first_of_day(candidate)
    if before is None:
        return candidate
    unchanged = before.digest == digest
    if unchanged and not wanted.explicit:
        return before.serial
    if newer(candidate, before.serial):
        return candidate
    return before.serial if unchanged else following(before.serial)


def _first_of_day(moment: int) -> int:
    """RFC 1912 2.2: YYYYMMDDnn, the day of a moment in seconds since 1970."""
    return int(datetime.fromtimestamp(moment, UTC).strftime("%Y%m%d")) * 100 + 1
