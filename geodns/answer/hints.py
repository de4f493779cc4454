"""HTTPS records of geo names: their hints are the addresses that the same client is told.

A browser asks for HTTPS, A and AAAA at once and may connect to a hint before the addresses are
there (RFC 9460 7.3), so a hint from another choice than theirs would undo the steering.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import repeat

from geodns.answer.image import ServiceImage
from geodns.answer.plan import NO_LOCATION, Answered, Found, Plan, Turning, worn
from geodns.answer.resolve import AAAA, CNAME, HTTPS, A
from geodns.answer.service import States
from geodns.answer.shares import SLOTS

_IPV4HINT, _IPV6HINT = 4, 6  # RFC 9460 14.3.2
_HINTS = {A: _IPV4HINT, AAAA: _IPV6HINT}
_PRIORITY_AND_TARGET = b"\0\1\0"  # RFC 9460 2.5.2: in ServiceMode, "." is the owner itself


class HintsPlan:
    """The picks of A and AAAA in pairs, one pair for each slot; see ``Plan`` for the rest."""

    __slots__ = ("_by_tables", "_numbers", "_pairs", "_plans", "location", "service", "tables")

    def __init__(self, service: ServiceImage, states: States) -> None:
        self.service = service
        self._plans = [Plan(service, family, states) for family in _families(service)]
        steered = any(plan.location != NO_LOCATION for plan in self._plans)
        self.location = service.location if steered else NO_LOCATION
        self.tables: list[Sequence[int] | None] = [None] * len(service.classes)
        self._pairs: list[tuple[int, ...]] = []
        self._numbers: dict[tuple[int, ...], int] = {}
        self._by_tables: dict[tuple[int, ...], Sequence[int]] = {}

    def build(self, class_number: int) -> Sequence[int]:
        """Makes the table of a class."""
        parts = [plan.tables[class_number] or plan.build(class_number) for plan in self._plans]
        # The plans hold on to their tables until the availability changes: ids stay theirs.
        key = tuple(map(id, parts))
        table = self._by_tables.get(key)
        if table is None:
            one = all(len(part) == 1 for part in parts)
            slots = 1 if one else SLOTS
            columns = (part if len(part) == slots else repeat(part[0], slots) for part in parts)
            pairs = list(zip(*columns, strict=True))
            numbers = {pair: self._number_of(pair) for pair in dict.fromkeys(pairs)}
            found = [numbers[pair] for pair in pairs]
            table = found if self.service.sticky or one else Turning(found)
            self._by_tables[key] = table
        self.tables[class_number] = table
        return table

    def set_states(self, states: States, changed: frozenset[str]) -> None:
        """Takes a new availability; it differs for the endpoints whose ids are ``changed``."""
        for plan in self._plans:
            plan.set_states(states, changed)
        self.tables = [None] * len(self.tables)
        self._by_tables = {}

    @property
    def worn(self) -> bool:
        """Whether most of its pairs are of times that have gone: it is better made anew."""
        own = worn(len(self._pairs), self._by_tables.values())
        return own or any(plan.worn for plan in self._plans)

    def ttl(self, number: int, most: int) -> int:
        """That of the family whose answer could change first: the hints are of both."""
        pairs = zip(self._plans, self._pairs[number], strict=True)
        return min(plan.ttl(pick, most) for plan, pick in pairs)

    def found(self, number: int, type: int = HTTPS) -> Found | None:
        """The HTTPS record of a pair, or the alias; None for no data."""
        assert type == HTTPS
        hints: list[tuple[int, bytes]] = []
        for plan, pick in zip(self._plans, self._pairs[number], strict=True):
            found = plan.found(pick, plan.type)
            if found is not None and found.type == CNAME:
                return found
            if found is not None:
                hints.append((_HINTS[plan.type], b"".join(found.rdatas)))
        # Without any address, there is nothing that the record could lead to.
        return Found(HTTPS, (_record(self.service, hints),)) if hints else None

    def answered(self, number: int) -> Answered:
        """Who answers by a pair, and why: the first family that has an answer speaks for both."""
        both = list(zip(self._plans, self._pairs[number], strict=True))
        plan, pick = next((b for b in both if b[0].found(b[1], b[0].type) is not None), both[0])
        return plan.answered(pick)

    def _number_of(self, pair: tuple[int, ...]) -> int:
        number = self._numbers.setdefault(pair, len(self._pairs))
        if number == len(self._pairs):
            self._pairs.append(pair)
        return number


def plan_for(service: ServiceImage, type: int, states: States) -> Plan | HintsPlan:
    """The plan of the type that steers a question, see ``steering_type``."""
    return HintsPlan(service, states) if type == HTTPS else Plan(service, type, states)


def steering_type(service: ServiceImage, type: int) -> int:
    """Whose picks answer a type: AAAA and HTTPS have their own, all else is steered as A is."""
    own = type == AAAA or (type == HTTPS and service.https is not None)
    return type if own else A


def family_of(service: ServiceImage, type: int) -> int:
    """The one type of address that says most of whom a question is answered from."""
    return types_asked(service, type)[0]


def types_asked(service: ServiceImage, type: int) -> tuple[int, ...]:
    """The types of address whose picks a question is answered from."""
    steering = steering_type(service, type)
    return _families(service) if steering == HTTPS else (steering,)


def _families(service: ServiceImage) -> tuple[int, ...]:
    """The types of address that the service can answer at all."""
    down, endpoints = service.when_down, service.endpoints
    has_v4 = bool(down.v4) or any(endpoint.v4 for endpoint in endpoints)
    has_v6 = bool(down.v6) or any(endpoint.v6 for endpoint in endpoints)
    return tuple(type for type, has in ((A, has_v4), (AAAA, has_v6)) if has) or (A,)


def _record(service: ServiceImage, hints: Sequence[tuple[int, bytes]]) -> bytes:
    """RFC 9460 2.2: priority, target and parameters, whose keys are in increasing order."""
    parameters = sorted((*(service.https or ()), *hints))
    return _PRIORITY_AND_TARGET + b"".join(
        key.to_bytes(2, "big") + len(value).to_bytes(2, "big") + value for key, value in parameters
    )
