"""Points in time as people type them."""

from __future__ import annotations

from datetime import datetime, timedelta

from geodns.config.values import parse_duration
from geodns.errors import GeodnsError


class NoMomentError(GeodnsError):
    """A text that is no point in time."""


def ahead(text: str, now: datetime) -> float:
    """``2h``, ``18:00`` or ``2026-11-24T18:00`` as seconds since 1970, later than ``now``.

    A time without an offset is in the zone of ``now``; one without a date is the next such.
    Raises NoMomentError.
    """
    try:
        return now.timestamp() + parse_duration(text)
    except ValueError:
        pass
    found = _clock(text, now)
    if found is None:
        raise NoMomentError(
            f"{text!r} is no point in time; write 2h, 18:00 or 2026-11-24T18:00, with +01:00 or Z"
            " where it is not local time"
        )
    if found <= now:
        raise NoMomentError(f"{text!r} is in the past")
    return found.timestamp()


def _clock(text: str, now: datetime) -> datetime | None:
    try:
        hour, minute = (int(part) for part in text.split(":"))
        today = now.replace(hour=hour, minute=minute, second=0, microsecond=0)
    except ValueError:
        pass
    else:
        return today if today > now else today + timedelta(days=1)
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=now.tzinfo)
