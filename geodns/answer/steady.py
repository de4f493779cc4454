"""For how long health can't change a class's answer: what its TTL may be. Pure.

An answer rests on the endpoints that were asked for it: those of all tiers up to the one that took
what was left. Those ahead that are down may come back, those that share may leave; what stands
behind does not matter yet. Beside these, an answer can change by endpoints that are not asked where
a minimum of available ones is no longer met, or is met again, and where a family of addresses is no
longer judged since none of it works anywhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from math import inf
from typing import NamedTuple

from geodns.answer.image import EndpointImage, ServiceImage
from geodns.answer.service import (
    FULL,
    Count,
    EndpointState,
    States,
    addresses_of,
    families_of,
    has_type,
    in_service,
    offers_of,
)
from geodns.answer.shares import walk


class Steady(NamedTuple):
    """``seconds`` for which nothing changes, and the ``endpoint`` that may then; "" for none."""

    seconds: float
    endpoint: str = ""


_FOR_EVER = Steady(inf)


def steady_of(service: ServiceImage, class_number: int, type: int, states: States) -> Steady:
    """For how long a class's answer to A or AAAA is sure to stay as it is."""
    families = families_of(service, type)
    usable, counts = in_service(service, families, states)
    asked = walk(offers_of(service, service.classes[class_number], usable)).asked
    by_itself = (
        _steady(service.endpoints[entry.endpoint], states)
        for entry in asked
        if has_type(service.endpoints[entry.endpoint], families)
    )
    return min(
        (
            *by_itself,
            *(_of_minimum(count, states) for count in counts),
            *_of_families(service, families, states),
        ),
        default=_FOR_EVER,
    )


def _state(endpoint: EndpointImage, states: States) -> EndpointState:
    return states.get(endpoint.id, FULL)


def _steady(endpoint: EndpointImage, states: States) -> Steady:
    return Steady(_state(endpoint, states).steady, endpoint.id)


def _of_minimum(count: Count, states: States) -> Steady:
    """Until so many have changed that a minimum is no longer met, or is."""
    if count.met:
        turning, needed = count.able, len(count.able) - count.wanted + 1
    else:
        turning, needed = count.held - count.able, count.wanted - len(count.able)
    times = sorted(Steady(states.get(id, FULL).steady, id) for id in turning)
    return times[needed - 1] if needed <= len(times) else _FOR_EVER


def _of_families(
    service: ServiceImage, families: Iterable[int], states: States
) -> Iterator[Steady]:
    """Until a family is no longer judged, or is; where there is anything to judge by it."""
    for family in families:
        holders = [e for e in service.endpoints if e.cname is None and addresses_of(e, family)]
        available = [e for e in holders if _state(e, states).availability > 0]
        failing = {
            e.id
            for e in available
            if any(packed in _state(e, states).failing for _, packed in addresses_of(e, family))
        }
        working = [
            _steady(e, states)
            for e in available
            if any(packed not in _state(e, states).failing for _, packed in addresses_of(e, family))
        ]
        if failing and working:
            yield max(working)
        elif failing:
            yield min(_steady(e, states) for e in holders)
