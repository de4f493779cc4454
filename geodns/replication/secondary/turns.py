"""The states and events of a zone that is copied, as tables.

Theory. Two things are known of a zone, and each has its table. What is being done: nothing until a
moment, or primaries are asked for their serials, or the zone is copied from one of them. And its
standing: there is no copy yet, or a primary has confirmed it in time, or not of late, or not for so
long that it has expired. A check is a turn from waiting to waiting. It begins when the wait is over
and ends with a finding, which sets the standing and the next wait.

All primaries are asked at once. The one with the newest serial is copied from first, then the next
where that fails, as long as they are newer than the copy. So one that lags behind, or an old serial
that came back from a backup, holds up nothing. A confirmation is that a primary has the serial of
the copy: to have an older one, or to be unreachable, confirms nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import TypeVar

_State = TypeVar("_State", bound=StrEnum)
_Event = TypeVar("_Event", bound=StrEnum)


class Doing(StrEnum):
    """What is being done about a zone."""

    WAITING = "waiting"
    ASKING = "asking"
    TRANSFERRING = "transferring"


class Event(StrEnum):
    """What happens to it."""

    DUE = "the wait is over"
    NOTIFIED = "NOTIFY"
    NEWER = "a primary has a newer serial"
    SAME = "a primary has the same serial, none a newer one"
    NOTHING = "no primary answers, or with older serials only"
    RECEIVED = "received"
    BROKEN = "the transfer failed, another primary is left"
    EXHAUSTED = "the transfer failed, no primary is left"


# fmt: off
TURNS: Mapping[tuple[Doing, Event], Doing] = {
    (Doing.WAITING,      Event.DUE):       Doing.ASKING,
    (Doing.WAITING,      Event.NOTIFIED):  Doing.WAITING,
    (Doing.ASKING,       Event.NOTIFIED):  Doing.ASKING,
    (Doing.ASKING,       Event.NEWER):     Doing.TRANSFERRING,
    (Doing.ASKING,       Event.SAME):      Doing.WAITING,
    (Doing.ASKING,       Event.NOTHING):   Doing.WAITING,
    (Doing.TRANSFERRING, Event.NOTIFIED):  Doing.TRANSFERRING,
    (Doing.TRANSFERRING, Event.RECEIVED):  Doing.WAITING,
    (Doing.TRANSFERRING, Event.BROKEN):    Doing.TRANSFERRING,
    (Doing.TRANSFERRING, Event.EXHAUSTED): Doing.WAITING,
}
"""Nothing else can happen: nobody answers who was not asked."""
# fmt: on


class Standing(StrEnum):
    """What there is of it."""

    NEVER_HAD = "never had"
    CURRENT = "current"
    RETRYING = "retrying"
    EXPIRED = "expired"


class Finding(StrEnum):
    """What sets the standing."""

    CONFIRMED = "received, or a primary has the same serial"
    FAILED = "a check failed"
    LAPSED = "EXPIRE is over"


# fmt: off
STANDINGS: Mapping[tuple[Standing, Finding], Standing] = {
    (Standing.NEVER_HAD, Finding.CONFIRMED): Standing.CURRENT,
    (Standing.NEVER_HAD, Finding.FAILED):    Standing.NEVER_HAD,
    (Standing.CURRENT,   Finding.CONFIRMED): Standing.CURRENT,
    (Standing.CURRENT,   Finding.FAILED):    Standing.RETRYING,
    (Standing.CURRENT,   Finding.LAPSED):    Standing.EXPIRED,
    (Standing.RETRYING,  Finding.CONFIRMED): Standing.CURRENT,
    (Standing.RETRYING,  Finding.FAILED):    Standing.RETRYING,
    (Standing.RETRYING,  Finding.LAPSED):    Standing.EXPIRED,
    (Standing.EXPIRED,   Finding.CONFIRMED): Standing.CURRENT,
    (Standing.EXPIRED,   Finding.FAILED):    Standing.EXPIRED,
}
# fmt: on


def diagrams() -> tuple[str, str]:
    """Both tables as Mermaid state diagrams; what changes nothing is left out."""
    return _diagram(Doing.WAITING, TURNS), _diagram(Standing.NEVER_HAD, STANDINGS)


def _diagram(first: _State, table: Mapping[tuple[_State, _Event], _State]) -> str:
    labels: dict[tuple[_State, _State], list[_Event]] = {}
    for (before, event), after in table.items():
        if before != after:
            labels.setdefault((before, after), []).append(event)
    lines = ["stateDiagram-v2", f"    [*] --> {_node(first)}"]
    for (before, after), events in labels.items():
        lines.append(f"    {_node(before)} --> {_node(after)}: {' / '.join(events)}")
    return "\n".join(lines) + "\n"


def _node(state: StrEnum) -> str:
    return state.replace(" ", "_")
