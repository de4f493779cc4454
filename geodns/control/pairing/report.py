"""How the pair stands, for status, page and metrics."""

from __future__ import annotations

import time
from typing import Any

from geodns.control.pairing.pairing import Pairing
from geodns.control.pairing.promoting import files_of


def pair_status(pairing: Pairing) -> dict[str, Any] | None:
    """Ready for JSON; None: this server is alone.

    ``behind`` is for how long, in seconds, the standby has lacked something; None: not known.
    ``number`` counts changes of dynamic records, on the primary and as the standby has them.
    """
    pair, meeting = pairing.settings, pairing.meeting
    if pair is None or meeting is None:
        return None
    found: dict[str, Any] = {
        "name": pair.name,
        "role": pairing.standing.role,
        "epoch": pairing.standing.epoch.number,
        "primary": pairing.standing.epoch.node or pair.other.name,
        "other": {"name": pair.other.name, "address": str(pair.other.address)},
        "listen": meeting.address,
        "connected": False,
        "last_heard": meeting.last_heard,
        "trouble": meeting.trouble,
        "behind": None,
        "number": 0,
        "standby_number": None,
        "in_use": None,
        "error": pairing.error,
        "files": files_of(pairing),
        "unreplicated": pairing.acknowledged.unreplicated(),
    }
    return found | (_leading(pairing) if pairing.leads else _following(pairing))


def _leading(pairing: Pairing) -> dict[str, Any]:
    assert pairing.meeting is not None
    found: dict[str, Any] = {"number": pairing.store.newest()}
    leading = pairing.meeting.leading
    if leading is None:
        return found
    held = pairing.generation
    return found | {
        "connected": True,
        "behind": round(leading.behind(), 3),
        "standby_number": leading.had.number,
        "in_use": held is not None and leading.had.in_use >= held.id,
        "error": leading.had.error,
    }


def _following(pairing: Pairing) -> dict[str, Any]:
    assert pairing.meeting is not None
    following = pairing.meeting.following
    position = pairing.store.position()
    number = 0 if position is None or position.copying else position.number
    found: dict[str, Any] = {"standby_number": number, "number": number}
    if following is None:
        return found
    return found | {
        "connected": True,
        "last_heard": time.time() - following.silent(),
        "behind": round(following.behind(), 3),
        "number": max(number, following.primary_number),
        "in_use": following.in_use,
    }
