"""Zones that are copied from primaries, as rows for terminal and page. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from geodns.control.age import age
from geodns.control.glance import Tone

COLUMNS = ("copied zone", "from", "state", "serial", "next check", "expires in")
"""The heads of CopyRow.cells; the last three are of numbers."""
NUMBERS = 3

_TONES = {"current": Tone.WELL, "kept": Tone.WELL, "retrying": Tone.PART}
_MOST_SHOWN = 20
_MOST_NAMED = 3


class CopyRow(NamedTuple):
    """A zone; ``cells`` go with COLUMNS."""

    tone: Tone
    cells: tuple[str, ...]


def copy_rows(secondaries: list[dict[str, Any]], now: float) -> list[CopyRow]:
    """All of them, those with trouble first."""
    rows = [CopyRow(_tone(each), _cells(each, now)) for each in secondaries]
    return sorted(rows, key=lambda row: -row.tone)


def foremost_copies(rows: list[CopyRow]) -> tuple[list[CopyRow], int]:
    """As many as are looked at, and how many more there are."""
    return rows[:_MOST_SHOWN], max(0, len(rows) - _MOST_SHOWN)


def copy_findings(secondaries: list[dict[str, Any]]) -> Iterator[tuple[Tone, str]]:
    """What is not well with them, in words."""
    for standing, tone, what in (
        ("expired", Tone.BAD, "expired, answered SERVFAIL"),
        ("never had", Tone.BAD, "not copied yet, answered SERVFAIL"),
        ("retrying", Tone.PART, "not confirmed by a primary"),
    ):
        zones = [each["zone"] for each in secondaries if each["standing"] == standing]
        if zones:
            named = ", ".join(zones) if len(zones) <= _MOST_NAMED else f"{len(zones)} copied zones"
            yield tone, f"{named}: {what}"


def _tone(each: dict[str, Any]) -> Tone:
    return _TONES.get(each["standing"], Tone.BAD)


def _cells(each: dict[str, Any], now: float) -> tuple[str, ...]:
    listed = f" (by {each['catalog']})" if each["catalog"] else ""
    due, expires = each["next_check"], each["expires"]
    return (
        each["zone"],
        (each["primary"] or ", ".join(each["primaries"])) + listed,
        _state(each, now),
        "" if each["serial"] is None else str(each["serial"]),
        "" if due is None else f"in {age(max(0.0, due - now))}",
        "" if expires is None or expires <= now else age(expires - now),
    )


def _state(each: dict[str, Any], now: float) -> str:
    checked = "" if each["checked"] is None else f", checked {age(now - each['checked'])} ago"
    text = f"{'catalog, ' if each['is_catalog'] else ''}{each['standing']}{checked}"
    # What one primary says does not matter where another has confirmed it.
    trouble = each["error"] if _tone(each) is not Tone.WELL else None
    return text if trouble is None else f"{text}: {trouble}"
