"""What the engine holds ready for one question: one reply, or the replies of a class's slots."""

from __future__ import annotations

from collections.abc import Sequence

from geodns.answer.body import ANSWER, Body
from geodns.answer.image import EndpointImage, Image, RRset, ServiceImage
from geodns.answer.ready import Ready
from geodns.answer.resolve import AAAA, CNAME, A, GeoPart, Outcome
from geodns.answer.service import States, packed, shares_of
from geodns.answer.shares import Address, Pick, Share, picks


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
    """``ready`` is the one reply; where it is None, ``tables[class]`` are the replies of the slots.

    A table has one reply, or one for each slot. ``location`` is the location map to ask, -1 none.
    """

    __slots__ = ("location", "ready", "tables")

    def __init__(self, ready: Ready | None, location: int = -1, classes: int = 0) -> None:
        self.ready = ready
        self.location = location
        self.tables: list[Sequence[Ready] | None] = [None] * classes

    def build(self, class_number: int, states: States) -> Sequence[Ready]:  # noqa: ARG002
        """Makes the table of a class; here, of the one reply, whatever class and states are."""
        return (self.ready,) if self.ready is not None else ()

    def replies(self) -> list[Ready]:
        """All replies made so far, for their counts."""
        return [self.ready] if self.ready is not None else []

    def forget_tables(self) -> list[Ready]:
        """Drops what depends on availability; returns the replies made so far, for their counts."""
        return []


class GeoEntry(Entry):
    """The question of a geo name, or of an alias that leads to one."""

    __slots__ = ("_by_pick", "_by_shares", "_image", "_outcome", "_part", "_question", "_service")

    def __init__(self, question: bytes, outcome: Outcome, part: GeoPart, image: Image) -> None:
        service = image.services[part.service]
        super().__init__(None, service.location, len(service.classes))
        self._question = question
        self._outcome = outcome
        self._part = part
        self._image = image
        self._service: ServiceImage = service
        self._by_pick: dict[Pick, Ready] = {}
        self._by_shares: dict[tuple[Share, ...], Sequence[Ready]] = {}

    def build(self, class_number: int, states: States) -> Sequence[Ready]:
        """The replies of a class's slots under the present availability."""
        type = _type_of(self._question)
        shares = tuple(shares_of(self._service, class_number, _family(type), states))
        table = self._by_shares.get(shares)
        if table is None:
            table = self._by_shares[shares] = self._table(picks(shares, self._service.answers))
        self.tables[class_number] = table
        return table

    def replies(self) -> list[Ready]:
        return list(self._by_pick.values())

    def forget_tables(self) -> list[Ready]:
        replies = self.replies()
        self.tables = [None] * len(self.tables)
        self._by_pick = {}
        self._by_shares = {}
        return replies

    def _table(self, chosen: tuple[Pick, ...]) -> Sequence[Ready]:
        by_identity: dict[int, Ready] = {}
        table = []
        for pick in chosen:  # equal picks are mostly one object: hashing each would be slow
            ready = by_identity.get(id(pick))
            if ready is None:
                ready = by_identity[id(pick)] = self._ready(pick)
            table.append(ready)
        return table

    def _ready(self, pick: Pick) -> Ready:
        ready = self._by_pick.get(pick)
        if ready is None:
            ready = self._by_pick[pick] = self._make(pick)
        return ready

    def _make(self, pick: Pick) -> Ready:
        type = _type_of(self._question)
        outcome = Outcome(self._outcome.rcode, self._outcome.aa, list(self._outcome.records))
        outcome.zone = self._outcome.zone
        for record_type, rdatas in self._rdatas(pick, type):
            outcome.add(ANSWER, self._part.owner, record_type, RRset(self._part.ttl, rdatas))
        if len(outcome.records) == len(self._outcome.records):
            outcome.deny(outcome.rcode)
        ready = static_ready(self._question, outcome)
        ready.answered = (self._service.name, *self._place_of(pick), pick.reason)
        return ready

    def _place_of(self, pick: Pick) -> tuple[str, str]:
        if not pick.addresses:
            return "", ""
        endpoint = self._endpoint(pick.addresses[0])
        return endpoint.region, endpoint.availability_zone

    def _endpoint(self, address: Address) -> EndpointImage:
        return self._service.endpoints[address.endpoint]

    def _rdatas(self, pick: Pick, type: int) -> list[tuple[int, tuple[bytes, ...]]]:
        """What the pick answers to a type: [(record type, rdatas)]; empty for no data."""
        if not pick.addresses:
            down = self._service.when_down
            if down.cname is not None:
                return [(CNAME, (down.cname,))]
            fallback = down.v4 if type == A else down.v6 if type == AAAA else ()
            return [(type, fallback)] if fallback else []
        best = pick.addresses[0]
        if self._endpoint(best).cname is not None:
            # RFC 1034 3.6.2: an alias stands alone.
            return [(CNAME, (packed(self._endpoint(best), best),))]
        if type not in (A, AAAA):
            return []
        found = tuple(
            packed(self._endpoint(address), address)
            for address in pick.addresses
            if self._endpoint(address).cname is None
        )
        return [(type, found)]


def _family(type: int) -> int:
    """Whose addresses steer: a type that only an alias can answer is steered as A is."""
    return type if type == AAAA else A
