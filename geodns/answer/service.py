"""A service's shares for a class under the present availability: what the engine's tables hold."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from math import ceil
from typing import NamedTuple

from geodns.answer.image import EndpointImage, Minimum, ServiceImage
from geodns.answer.resolve import AAAA, A
from geodns.answer.shares import (
    ANYWHERE,
    Address,
    BranchOffer,
    Offer,
    Share,
    Usable,
    forced_share,
    walk,
)

NO_TIER = -1
_CNAME_POSITION = -1


class EndpointState(NamedTuple):
    """Availability from 0 to 1, and which of the endpoint's addresses, packed, are out of service.

    Addresses, not positions: a new state may be there before or after the image that it is of.
    ``factor`` multiplies the weight among the endpoints of a tier: what the endpoint has to spare,
    or how quick it is, where the service shares by that.
    """

    availability: float
    failing: frozenset[bytes] = frozenset()
    factor: float = 1.0


_FULL = EndpointState(1.0)

_SPREAD: Mapping[str, Callable[[EndpointImage], str]] = {
    "availability_zone": lambda endpoint: endpoint.availability_zone,
    "region": lambda endpoint: endpoint.region,
    "none": lambda _: ANYWHERE,
}
"""What an endpoint's addresses stand for where answers are spread."""

States = Mapping[str, EndpointState]
"""By endpoint id; an endpoint that is not named is fully available."""


def decided_together(service: ServiceImage, type: int) -> bool:
    """Whether one endpoint is chosen for all types, so that a type it lacks has no data.

    RFC 1034 3.6.2: "If a CNAME RR is present at a node, no other data should be present". A
    resolver that has been told of an alias uses it for every type, so a client for whom a name is
    an alias by one type must find it so by all. The same where only ``when_down`` has a type: it is
    not to be answered while the service is up.
    """
    return service.may_be_alias or not any(_positions(e, (type,)) for e in service.endpoints)


def families_of(service: ServiceImage, type: int) -> tuple[int, ...]:
    """The types whose addresses steer the answer to a type, A or AAAA."""
    return (A, AAAA) if decided_together(service, type) else (type,)


def shares_of(service: ServiceImage, class_number: int, type: int, states: States) -> list[Share]:
    """The shares of a class's clients, adding up to 1, for A or AAAA.

    A share without candidates is answered with the service's fallback, or with no data.
    """
    order = service.classes[class_number]
    families = families_of(service, type)
    in_service, _ = _in_service(service, families, states)
    shares, left = walk(_offers(service, order, in_service))
    if left > 0:
        shares += _when_down(service, order, families, left)
    return shares


def too_few(service: ServiceImage, type: int, states: States) -> dict[int, Minimum]:
    """The endpoints that don't count since too few beside them are available, by position."""
    _, short = _in_service(service, families_of(service, type), states)
    return {position: minimum for minimum in short for position in minimum.endpoints}


def _in_service(
    service: ServiceImage, families: Sequence[int], states: States
) -> tuple[list[Usable], list[Minimum]]:
    """What each endpoint has to offer, and the minimums that are not met."""
    # None of a family's addresses answers while endpoints do by the other family: that says more
    # about the prober than about them. They are judged by what is known to work.
    judged = tuple(family for family in families if _any_in_service(service, family, states))
    in_service = [
        _usable(service, n, families, states, judged) for n in range(len(service.endpoints))
    ]
    short = []
    for minimum in service.minimums:
        if not _is_met(minimum, service, families, in_service):
            short.append(minimum)
            for position in minimum.endpoints:
                in_service[position] = in_service[position]._replace(availability=0.0)
    return in_service, short


def _is_met(
    minimum: Minimum, service: ServiceImage, families: Sequence[int], usable: Sequence[Usable]
) -> bool:
    """Whether enough are available of those endpoints that have an address of the families."""
    # By id: a branch may be reached by two ways.
    held = {
        service.endpoints[at].id
        for at in minimum.endpoints
        if _positions(service.endpoints[at], families)
    }
    able = {
        usable[at].id
        for at in minimum.endpoints
        if usable[at].availability > 0 and usable[at].positions
    }
    least = minimum.least
    wanted = ceil(least * len(held)) if isinstance(least, float) else min(least, len(held))
    return len(able) >= wanted


def depends_on_class(service: ServiceImage, type: int) -> bool:
    """Whether two classes can be answered differently, whatever the availability.

    RFC 7871 7.2.1: scope 0 tells that an answer is suitable for all; it is for a type that only
    one tier has.
    """
    families = families_of(service, type)
    having = [bool(_positions(endpoint, families)) for endpoint in service.endpoints]
    if len(service.classes) == 1:
        return False
    useful = [_useful(service, tier, having) for tier in range(len(service.tiers))]
    orders = {_useful_order(ranked, useful) for ranked in service.classes}
    if len(orders) > 1 and _has_one_answer(service, type):
        # Who is kept away from all that could give it has another answer; so has, at times, who is
        # kept away from some of it.
        return len({frozenset(order) for order in orders}) > 1
    return len(orders) > 1


def _useful(service: ServiceImage, tier: int, having: Sequence[bool]) -> Hashable:
    """What a tier has of a type, alike for tiers that differ in nothing else; empty: nothing."""
    image = service.tiers[tier]
    branches = (
        (branch.share, tuple(filter(None, (_useful(service, one, having) for one in branch.tiers))))
        for branch in image.branches
    )
    return tuple(
        [endpoint for endpoint in image.endpoints if having[endpoint]]
        + [(share, order) for share, order in branches if order]
    )


def _has_one_answer(service: ServiceImage, type: int) -> bool:
    """Whether every endpoint that can be chosen gives the same: one address, alias or no data."""
    together = decided_together(service, type)
    found: set[bytes | None] = set()
    for endpoint in service.endpoints:
        if endpoint.cname is not None:
            found.add(endpoint.cname)
            continue
        held = [packed for _, packed in _addresses(endpoint, type)]
        found.update(held)
        if together and not held:
            found.add(None)
    return len(found) <= 1


def _useful_order(ranked: Sequence[int], useful: Sequence[Hashable]) -> tuple[Hashable, ...]:
    return tuple(useful[tier] for tier in ranked if useful[tier])


def _offers(service: ServiceImage, order: Sequence[int], usable: list[Usable]) -> list[Offer]:
    return [_offer(service, tier, usable) for tier in order]


def _offer(service: ServiceImage, tier: int, usable: list[Usable]) -> Offer:
    image = service.tiers[tier]
    return Offer(
        tier,
        tuple(usable[endpoint] for endpoint in image.endpoints),
        tuple(
            BranchOffer(branch.id, branch.share, tuple(_offers(service, branch.tiers, usable)))
            for branch in image.branches
        ),
    )


def _when_down(
    service: ServiceImage, order: Sequence[int], families: Sequence[int], left: float
) -> list[Share]:
    if service.when_down.kind == "serve_all":
        everything = [_usable(service, n, families, {}, ()) for n in range(len(service.endpoints))]
        forced, _ = walk(_offers(service, order, everything))
        if forced:
            return [forced_share(share._replace(share=share.share * left)) for share in forced]
    return [Share(NO_TIER, left, "forced", ())]


def _any_in_service(service: ServiceImage, family: int, states: States) -> bool:
    return any(
        usable.availability > 0 and usable.positions
        for usable in (
            _usable(service, number, (family,), states, (family,))
            for number, endpoint in enumerate(service.endpoints)
            if endpoint.cname is None
        )
    )


def _usable(
    service: ServiceImage,
    number: int,
    families: Sequence[int],
    states: States,
    judged: Sequence[int],
) -> Usable:
    """What an endpoint has of the families; addresses of ``judged`` ones where in service."""
    endpoint = service.endpoints[number]
    state = states.get(endpoint.id, _FULL)
    group = _SPREAD[service.spread](endpoint)
    if endpoint.cname is not None:
        held = [(_CNAME_POSITION, 0)]
    else:
        held = [
            (position, rank)
            for family in families
            for rank, (position, packed) in enumerate(_addresses(endpoint, family))
            if family not in judged or packed not in state.failing
        ]
    return Usable(
        number,
        endpoint.id,
        endpoint.weight * state.factor,
        state.availability,
        tuple(position for position, _ in held),
        tuple(rank for _, rank in held),
        group,
    )


def _addresses(endpoint: EndpointImage, family: int) -> tuple[tuple[int, bytes], ...]:
    return endpoint.v4 if family == A else endpoint.v6 if family == AAAA else ()


def _positions(endpoint: EndpointImage, families: Sequence[int]) -> tuple[int, ...]:
    if endpoint.cname is not None:
        return (_CNAME_POSITION,)
    return tuple(position for family in families for position, _ in _addresses(endpoint, family))


def packed(endpoint: EndpointImage, address: Address) -> bytes:
    """The bytes of an endpoint's address, or the wire name of its CNAME target."""
    if address.position == _CNAME_POSITION:
        assert endpoint.cname is not None
        return endpoint.cname
    return next(p for position, p in (*endpoint.v4, *endpoint.v6) if position == address.position)
