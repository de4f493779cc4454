"""The state machine of one target: what a row of probe results means.

Theory. A single probe is a noisy witness: a packet is lost, a process restarts. So a target that
was judged is judged anew only by several witnesses in a row that agree: ``fall`` failures take it
down, ``rise`` successes bring it back; one that disagrees starts the count again. Before the first
verdict nothing is known, and a target that is not known counts as in service: a start or a reload
must not empty the answers. There, one success is enough, for it changes no answer, while a failure
still has to be confirmed.

A result becomes an event: a success is RISEN when it completes ``rise`` in a row, else SUCCESS; a
failure is FALLEN when it completes ``fall`` in a row, else FAILURE. The table then gives the next
state for every state and event; there are no other rules.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple


class State(StrEnum):
    """What is believed of a target."""

    UNKNOWN = "unknown"
    UP = "up"
    DOWN = "down"


class Event(StrEnum):
    """A result, together with what went before it."""

    SUCCESS = "success"
    RISEN = "rise successes in a row"
    FAILURE = "failure"
    FALLEN = "fall failures in a row"


# fmt: off
TABLE: Mapping[tuple[State, Event], State] = {
    (State.UNKNOWN, Event.SUCCESS): State.UP,
    (State.UNKNOWN, Event.RISEN):   State.UP,
    (State.UNKNOWN, Event.FAILURE): State.UNKNOWN,
    (State.UNKNOWN, Event.FALLEN):  State.DOWN,
    (State.UP,      Event.SUCCESS): State.UP,
    (State.UP,      Event.RISEN):   State.UP,
    (State.UP,      Event.FAILURE): State.UP,
    (State.UP,      Event.FALLEN):  State.DOWN,
    (State.DOWN,    Event.SUCCESS): State.DOWN,
    (State.DOWN,    Event.RISEN):   State.UP,
    (State.DOWN,    Event.FAILURE): State.DOWN,
    (State.DOWN,    Event.FALLEN):  State.DOWN,
}
# fmt: on


class Machine(NamedTuple):
    """A target's state since ``since`` and the results in a row of either kind (one is 0)."""

    since: float
    state: State = State.UNKNOWN
    successes: int = 0
    failures: int = 0

    def step(self, ok: bool, now: float, *, rise: int, fall: int) -> Machine:
        """The machine after one more result. ``now`` is on the scale of ``since``."""
        successes, failures = (self.successes + 1, 0) if ok else (0, self.failures + 1)
        if ok:
            event = Event.RISEN if successes >= rise else Event.SUCCESS
        else:
            event = Event.FALLEN if failures >= fall else Event.FAILURE
        state = TABLE[self.state, event]
        return Machine(now if state != self.state else self.since, state, successes, failures)

    @property
    def disagreeing(self) -> int:
        """How many of the last results in a row disagree with the state, too few for a verdict."""
        return self.successes if self.state is State.DOWN else self.failures

    def uncertain(self) -> bool:
        """Whether the last results disagree with the state."""
        return self.disagreeing > 0

    def inherited(self, *, rise: int) -> Machine:
        """The first state of a target whose check was changed while this was known of the address.

        An edited interval must not put a dead address back into the answers, so the verdict stays;
        but it was another check's, so a success as first result of the new one overturns it.
        """
        return Machine(self.since, self.state, successes=rise - 1)


def diagram() -> str:
    """The table as a Mermaid state diagram; results that change nothing are left out."""
    labels: dict[tuple[State, State], list[Event]] = {}
    for (before, event), after in TABLE.items():
        if before != after:
            labels.setdefault((before, after), []).append(event)
    lines = ["stateDiagram-v2", f"    [*] --> {State.UNKNOWN}"]
    for (before, after), events in labels.items():
        lines.append(f"    {before} --> {after}: {' / '.join(events)}")
    return "\n".join(lines) + "\n"
