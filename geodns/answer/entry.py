"""What the engine holds ready for one question: one reply, or one for each pick of a plan."""

from __future__ import annotations

from geodns.answer.body import ANSWER, Body
from geodns.answer.image import EndpointImage, RRset
from geodns.answer.plan import Plan
from geodns.answer.ready import Ready
from geodns.answer.resolve import AAAA, CNAME, A, Outcome
from geodns.answer.service import packed
from geodns.answer.shares import Address, Pick


def static_ready(question: bytes, outcome: Outcome) -> Ready:
    """The reply of an outcome that does not depend on the client."""
    body = Body(question)
    for section, owner, type, ttl, rdatas in outcome.records:
        body.add(section, owner, type, ttl, rdatas)
    counts, data = body.finish()
    return Ready(_type_of(question), outcome.aa, outcome.rcode, counts, data)


def _type_of(question: bytes) -> int:
    return int.from_bytes(question[-4:-2], "big")


class Entry:
    """``ready`` is the one reply; where it is None, the plan's pick says which of ``replies``."""

    __slots__ = ("_outcome", "_question", "plan", "ready", "replies")

    def __init__(self, question: bytes, outcome: Outcome, plan: Plan | None) -> None:
        self.plan = plan
        self.ready: Ready | None = None
        self.replies: dict[int, Ready] = {}
        if plan is None:
            self.ready = self.replies[0] = static_ready(question, outcome)
            return
        self._question = question
        self._outcome = outcome

    def make(self, number: int) -> Ready:
        """Makes the reply for a pick of the plan."""
        assert self.plan is not None
        pick = self.plan.picks[number]
        ready = self.replies[number] = self._ready(self.plan, pick)
        return ready

    def _ready(self, plan: Plan, pick: Pick) -> Ready:
        outcome = Outcome(self._outcome.rcode, self._outcome.aa, list(self._outcome.records))
        outcome.zone = self._outcome.zone
        part = self._outcome.geo
        assert part is not None
        found = _rdatas(plan, pick, _type_of(self._question))
        if found is not None:
            outcome.add(ANSWER, part.owner, found[0], RRset(part.ttl, found[1]))
        else:
            outcome.deny(outcome.rcode)
        ready = static_ready(self._question, outcome)
        place = ("", "")
        if pick.addresses:
            endpoint = _endpoint(plan, pick.addresses[0])
            place = endpoint.region, endpoint.availability_zone
        ready.answered = (plan.service.name, *place, pick.reason)
        return ready


def steering_type(type: int) -> int:
    """Whose addresses steer: a type that only an alias can answer is steered as A is."""
    return type if type == AAAA else A


def _endpoint(plan: Plan, address: Address) -> EndpointImage:
    return plan.service.endpoints[address.endpoint]


def _rdatas(plan: Plan, pick: Pick, type: int) -> tuple[int, tuple[bytes, ...]] | None:
    """What a pick answers to a type: record type and rdatas; None for no data."""
    if not pick.addresses:
        down = plan.service.when_down
        if down.cname is not None:
            return CNAME, (down.cname,)
        fallback = down.v4 if type == A else down.v6 if type == AAAA else ()
        return (type, fallback) if fallback else None
    best = pick.addresses[0]
    if _endpoint(plan, best).cname is not None:
        # RFC 1034 3.6.2: an alias stands alone.
        return CNAME, (packed(_endpoint(plan, best), best),)
    if type not in (A, AAAA):
        return None
    addresses = [a for a in pick.addresses if _endpoint(plan, a).cname is None]
    return type, tuple(packed(_endpoint(plan, address), address) for address in addresses)
