"""Per service: which pick each slot of each class gets, under the present availability."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import NamedTuple

from geodns.answer.image import EndpointImage, ServiceImage
from geodns.answer.resolve import AAAA, CNAME, A
from geodns.answer.service import (
    States,
    decided_together,
    depends_on_class,
    packed,
    shares_of,
)
from geodns.answer.shares import SLOTS, Address, Pick, Share, picks
from geodns.answer.steady import steady_of

NO_LOCATION = -1
_V4_BYTES, _V6_BYTES = 4, 16
_ALL = 1 << 16  # more addresses than one tier holds
_LONGEST_TTL = 2**31 - 1  # RFC 2181 8
_MANY, _WASTE = 16 * SLOTS, 4  # picks, and how many times those in use


class Found(NamedTuple):
    """What a pick answers: the records' type, and their rdata."""

    type: int
    rdatas: tuple[bytes, ...]


Answered = tuple[str, str, str, str]
"""(service, region, AZ, reason)"""


class Turning(Sequence[int]):
    """A table whose items take turns, whichever slot is asked for: an even spread, not sticky.

    Its order is that of slots, which is as good as chance.
    """

    __slots__ = ("_items", "_next")

    def __init__(self, items: Sequence[int]) -> None:
        self._items = items
        self._next = 0

    def __len__(self) -> int:
        return len(self._items)

    def __iter__(self) -> Iterator[int]:
        return iter(self._items)

    def __getitem__(self, _slot: int) -> int:  # type: ignore[override] # no slices are asked for
        self._next = (self._next + 1) % len(self._items)
        return self._items[self._next]


class Plan:
    """A service's picks for one type, shared by all names that are answered from it.

    ``tables[class]`` holds numbers of picks: one, or one for each slot; None until it is asked
    for. ``picks[number]`` and the TTL that goes with it never change their meaning, whatever the
    availability, so that replies made for a number stay good. ``location`` is the location map to
    ask, -1 none.
    """

    __slots__ = (
        "_by_shares",
        "_numbers",
        "_states",
        "_steady",
        "_together",
        "location",
        "picks",
        "service",
        "tables",
        "type",
    )

    def __init__(self, service: ServiceImage, type: int, states: States) -> None:
        self.service = service
        self.type = type
        self.location = service.location if depends_on_class(service, type) else NO_LOCATION
        self.picks: list[Pick] = []
        self.tables: list[Sequence[int] | None] = [None] * len(service.classes)
        self._together = decided_together(service, type)
        self._states = states
        self._steady: list[int] = []
        self._numbers: dict[tuple[Pick, int], int] = {}
        self._by_shares: dict[tuple[tuple[Share, ...], int], Sequence[int]] = {}

    def build(self, class_number: int) -> Sequence[int]:
        """Makes the table of a class."""
        shares = tuple(shares_of(self.service, class_number, self.type, self._states))
        steady = self._steady_seconds(class_number)
        table = self._by_shares.get((shares, steady))
        if table is None:
            most = _ALL if self._together else self.service.answers
            table = self._number(picks(shares, most), steady)
            if not self.service.sticky and len(table) > 1:
                table = Turning(table)
            self._by_shares[shares, steady] = table
        self.tables[class_number] = table
        return table

    def set_states(self, states: States, changed: frozenset[str]) -> None:
        """Takes a new availability; it differs for the endpoints whose ids are ``changed``."""
        self._states = states
        if any(endpoint.id in changed for endpoint in self.service.endpoints):
            self.tables = [None] * len(self.tables)
            self._by_shares = {}

    @property
    def worn(self) -> bool:
        """Whether most of its picks are of times that have gone: it is better made anew."""
        return worn(len(self.picks), self._by_shares.values())

    def ttl(self, number: int, most: int) -> int:
        """The TTL of a pick's answer, in seconds, where it is ``most`` while all is stable."""
        least = self.service.least_ttl
        return most if least is None else min(most, max(least, self._steady[number]))

    def found(self, number: int, type: int) -> Found | None:
        """What a pick answers to a type; None for no data."""
        pick = self.picks[number]
        if not pick.addresses:
            return self._found_when_down(type)
        best = pick.addresses[0]
        if self._endpoint(best).cname is not None:
            # RFC 1034 3.6.2: an alias stands alone.
            return Found(CNAME, (packed(self._endpoint(best), best),))
        if type not in (A, AAAA):
            return None
        size = _V4_BYTES if type == A else _V6_BYTES
        addresses = (packed(self._endpoint(address), address) for address in pick.addresses)
        rdatas = tuple(rdata for rdata in addresses if len(rdata) == size)
        return Found(type, rdatas) if rdatas else None

    def answered(self, number: int) -> Answered:
        """Who answers by a pick, and why."""
        pick = self.picks[number]
        if not pick.addresses:
            return self.service.name, "", "", pick.reason
        best = self._endpoint(pick.addresses[0])
        return self.service.name, best.region, best.availability_zone, pick.reason

    def _found_when_down(self, type: int) -> Found | None:
        down = self.service.when_down
        if down.cname is not None:
            return Found(CNAME, (down.cname,))
        fallback = down.v4 if type == A else down.v6 if type == AAAA else ()
        return Found(type, fallback) if fallback else None

    def _endpoint(self, address: Address) -> EndpointImage:
        return self.service.endpoints[address.endpoint]

    def _steady_seconds(self, class_number: int) -> int:
        """For how many whole seconds a class's answer stays, as far as that matters."""
        least = self.service.least_ttl
        if least is None:
            return _LONGEST_TTL
        steady = steady_of(self.service, class_number, self.type, self._states).seconds
        return int(min(max(least, steady), _LONGEST_TTL))

    def _number(self, chosen: Sequence[Pick], steady: int) -> Sequence[int]:
        by_identity: dict[int, int] = {}
        table = []
        for pick in chosen:  # equal picks are mostly one object: hashing each would be slow
            number = by_identity.get(id(pick))
            if number is None:
                number = by_identity[id(pick)] = self._number_of(pick, steady)
            table.append(number)
        # Different picks may answer alike: one AZ's address is that of another, or neither has one.
        first = self.found(table[0], self.type)
        alike = all(self.found(other, self.type) == first for other in by_identity.values())
        return table[:1] if alike else table

    def _number_of(self, pick: Pick, steady: int) -> int:
        if self._together and pick.addresses:
            pick = pick._replace(addresses=self._of_each_family(pick.addresses))
        number = self._numbers.setdefault((pick, steady), len(self.picks))
        if number == len(self.picks):
            self.picks.append(pick)
            self._steady.append(steady)
        return number

    def _of_each_family(self, addresses: tuple[Address, ...]) -> tuple[Address, ...]:
        """Of addresses in order of preference: the alias that is first, or as many as are answered
        of each family."""
        if self._endpoint(addresses[0]).cname is not None:
            return addresses[:1]
        kept: list[Address] = []
        room = {_V4_BYTES: self.service.answers, _V6_BYTES: self.service.answers}
        for address in addresses:
            endpoint = self._endpoint(address)
            size = len(packed(endpoint, address)) if endpoint.cname is None else 0
            if room.get(size, 0):
                room[size] -= 1
                kept.append(address)
        return tuple(kept)


def worn(known: int, tables: Iterable[Sequence[int]]) -> bool:
    """Whether far more numbers are ``known`` than stand in the tables in use."""
    return known > _MANY and known > _WASTE * len(set(chain.from_iterable(tables)))
