"""Asks the primaries of a zone now, where a person does not want to wait for its timers."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import dns.exception
import dns.name

from geodns.control.secondaries import Secondaries
from geodns.control.store import Event
from geodns.errors import GeodnsError


class RefreshError(GeodnsError):
    """Nobody is asked; the sentence says why."""


class Wish(NamedTuple):
    """Which zone; ``whole``: copy it whole, whatever its serial."""

    zone: dns.name.Name
    whole: bool


def read_wish(body: bytes) -> Wish:
    """``{"zone": NAME, "whole": false}``. Raises RefreshError."""
    try:
        data = json.loads(body)
        zone = dns.name.from_text(data["zone"]).canonicalize()
        return Wish(zone, data.get("whole", False) is True)
    except (ValueError, KeyError, TypeError, AttributeError, dns.exception.DNSException) as error:
        raise RefreshError('it is {"zone": NAME, "whole": false}') from error


def refresh(
    secondaries: Secondaries,
    wish: Wish,
    author: str,
    log: Callable[[Event], None],
    wall: Callable[[], float] = time.time,
) -> dict[str, Any]:
    """Have them asked: whom. Raises RefreshError."""
    apex, zone = wish.zone.to_digestable(), wish.zone.to_text()
    primaries = secondaries.primaries_of(apex)
    if primaries is None or not secondaries.refresh(apex, whole=wish.whole):
        raise RefreshError(
            f"{zone} is not copied from anywhere; geodns zone list has those that are"
        )
    what = "to be copied whole" if wish.whole else "to be checked"
    log(Event(wall(), "copy", zone, what, author))
    return {"zone": zone, "primaries": primaries, "whole": wish.whole}
