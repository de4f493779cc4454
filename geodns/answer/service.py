"""A service's shares for a class under the present availability: what the engine's tables hold."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from geodns.answer.image import EndpointImage, ServiceImage
from geodns.answer.resolve import AAAA, A
from geodns.answer.shares import Address, Offer, Share, Usable, walk

NO_TIER = -1
_CNAME_POSITION = -1
_FULL = 1.0


class EndpointState(NamedTuple):
    """Availability from 0 to 1, and which of the endpoint's addresses are in service."""

    availability: float
    addresses: tuple[bool, ...]


States = Mapping[str, EndpointState]
"""By endpoint id; an endpoint that is not named is fully available."""


def shares_of(service: ServiceImage, class_number: int, type: int, states: States) -> list[Share]:
    """The shares of a class's clients, adding up to 1, for a type of record.

    A share without candidates is answered with the service's fallback, or with no data.
    """
    order = _tier_order(service, class_number)
    in_service = [_usable(n, e, type, states) for n, e in enumerate(service.endpoints)]
    if not any(usable.availability > 0 and usable.positions for usable in in_service):
        # None of the family's addresses answers while endpoints do by the other family: that says
        # more about the prober than about them. They are judged by what is known to work.
        in_service = [
            usable._replace(positions=_positions(endpoint, type))
            for usable, endpoint in zip(in_service, service.endpoints, strict=True)
        ]
    shares, left = walk(_offers(service, order, in_service))
    if left > 0:
        shares += _when_down(service, order, type, left)
    return shares


def _tier_order(service: ServiceImage, class_number: int) -> list[int]:
    ranked = service.classes[class_number]
    named = set(ranked)
    return [*ranked, *(tier for tier in range(len(service.tiers)) if tier not in named)]


def _offers(service: ServiceImage, order: list[int], usable: list[Usable]) -> list[Offer]:
    return [
        Offer(tier, tuple(usable[endpoint] for endpoint in service.tiers[tier].endpoints))
        for tier in order
    ]


def _when_down(service: ServiceImage, order: list[int], type: int, left: float) -> list[Share]:
    if service.when_down.kind == "serve_all":
        everything = [_usable(n, e, type, {}) for n, e in enumerate(service.endpoints)]
        forced, _ = walk(_offers(service, order, everything))
        if forced:
            return [share._replace(share=share.share * left, reason="forced") for share in forced]
    return [Share(NO_TIER, left, "forced", ())]


def _usable(number: int, endpoint: EndpointImage, type: int, states: States) -> Usable:
    state = states.get(endpoint.id)
    positions = _positions(endpoint, type)
    if state is None:
        return Usable(number, endpoint.id, endpoint.weight, _FULL, positions)
    flags = state.addresses
    up = tuple(p for p in positions if p < 0 or p >= len(flags) or flags[p])
    return Usable(number, endpoint.id, endpoint.weight, state.availability, up)


def _positions(endpoint: EndpointImage, type: int) -> tuple[int, ...]:
    if endpoint.cname is not None:
        return (_CNAME_POSITION,)
    addresses = endpoint.v4 if type == A else endpoint.v6 if type == AAAA else ()
    return tuple(position for position, _ in addresses)


def packed(endpoint: EndpointImage, address: Address) -> bytes:
    """The bytes of an endpoint's address, or the wire name of its CNAME target."""
    if address.position == _CNAME_POSITION:
        assert endpoint.cname is not None
        return endpoint.cname
    return next(p for position, p in (*endpoint.v4, *endpoint.v6) if position == address.position)
