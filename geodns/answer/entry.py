"""What the engine holds ready for one question: one reply, or one for each pick of a plan."""

from __future__ import annotations

from geodns.answer.body import ANSWER, Body
from geodns.answer.hints import HintsPlan
from geodns.answer.image import RRset
from geodns.answer.plan import Plan
from geodns.answer.ready import Ready
from geodns.answer.resolve import PROHIBITED, REFUSED, Outcome

_REFUSAL = -1  # its place among the replies of an entry; a plan's picks count from 0


def static_ready(question: bytes, outcome: Outcome) -> Ready:
    """The reply of an outcome that does not depend on the client."""
    body = Body(question)
    for section, owner, type, ttl, rdatas in outcome.records:
        body.add(section, owner, type, ttl, rdatas)
    counts, data = body.finish()
    ready = Ready(_type_of(question), outcome.aa, outcome.rcode, counts, data)
    ready.error = outcome.error
    ready.stops = body.stops
    return ready


def _type_of(question: bytes) -> int:
    return int.from_bytes(question[-4:-2], "big")


class Entry:
    """``ready`` is the one reply; where it is None, the plan's pick says which of ``replies``.

    ``access``: only these clients get it, all others ``refusal``; None: everybody.
    """

    __slots__ = ("_outcome", "_question", "access", "plan", "ready", "replies")

    def __init__(self, question: bytes, outcome: Outcome, plan: Plan | HintsPlan | None) -> None:
        self.plan = plan
        self.ready: Ready | None = None
        self.replies: dict[int, Ready] = {}
        self.access = outcome.zone.access if outcome.zone is not None else None
        self._question = question
        if plan is None:
            self.ready = self.replies[0] = static_ready(question, outcome)
            return
        self._outcome = outcome

    def refusal(self) -> Ready:
        """The reply to those who may not ask."""
        ready = self.replies.get(_REFUSAL)
        if ready is None:
            # RFC 8914 4.19: 18, Prohibited, is for clients that are not authorized.
            outcome = Outcome(rcode=REFUSED, aa=False, error=PROHIBITED)
            ready = self.replies[_REFUSAL] = static_ready(self._question, outcome)
        return ready

    def make(self, number: int) -> Ready:
        """Makes the reply for a pick of the plan."""
        assert self.plan is not None
        ready = self.replies[number] = self._ready(self.plan, number)
        return ready

    def _ready(self, plan: Plan | HintsPlan, number: int) -> Ready:
        outcome = Outcome(self._outcome.rcode, self._outcome.aa, list(self._outcome.records))
        part, zone = self._outcome.geo, self._outcome.zone
        assert part is not None
        assert zone is not None
        outcome.zone = zone
        found = plan.found(number, _type_of(self._question))
        if found is not None:
            ttl = plan.ttl(number, part.ttl)
            outcome.add(ANSWER, part.owner, found.type, RRset(ttl, found.rdatas))
        else:
            outcome.deny(outcome.rcode, plan.ttl(number, zone.negative_ttl))
        ready = static_ready(self._question, outcome)
        ready.answered = plan.answered(number)
        return ready
