"""A service's shares for a class under the present availability: what the engine's tables hold."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from math import ceil, inf
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
    or how quick it is, where the service shares by that. ``steady`` is for how many seconds health
    can't change any of this.
    """

    availability: float
    failing: frozenset[bytes] = frozenset()
    factor: float = 1.0
    steady: float = inf


FULL = EndpointState(1.0)
"""The state of an endpoint of which nothing is known."""

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
    return service.may_be_alias or not any(has_type(e, (type,)) for e in service.endpoints)


def families_of(service: ServiceImage, type: int) -> tuple[int, ...]:
    """The types whose addresses steer the answer to a type, A or AAAA."""
    return (A, AAAA) if decided_together(service, type) else (type,)


def shares_of(service: ServiceImage, class_number: int, type: int, states: States) -> list[Share]:
    """The shares of a class's clients, adding up to 1, for A or AAAA.

    A share without candidates is answered with the service's fallback, or with no data.
    """
    order = service.classes[class_number]
    families = families_of(service, type)
    usable, _ = in_service(service, families, states)
    shares, left, _ = walk(offers_of(service, order, usable))
    if left > 0:
        shares += _when_down(service, order, families, left)
    return shares


def too_few(service: ServiceImage, type: int, states: States) -> dict[int, Minimum]:
    """The endpoints that don't count since too few beside them are available, by position."""
    _, counts = in_service(service, families_of(service, type), states)
    return {
        position: minimum
        for minimum, count in zip(service.minimums, counts, strict=True)
        for position in minimum.endpoints
        if not count.met
    }


def in_service(
    service: ServiceImage, families: Sequence[int], states: States
) -> tuple[list[Usable], list[Count]]:
    """What each endpoint has to offer, and what each of the minimums was judged by."""
    # None of a family's addresses answers while endpoints do by the other family: that says more
    # about the prober than about them. They are judged by what is known to work.
    judged = tuple(family for family in families if _any_in_service(service, family, states))
    usable = [_usable(service, n, families, states, judged) for n in range(len(service.endpoints))]
    counts = []
    for minimum in service.minimums:
        counts.append(_counted(minimum, service, families, usable))
        if not counts[-1].met:
            for position in minimum.endpoints:
                usable[position] = usable[position]._replace(availability=0.0)
    return usable, counts


class Count(NamedTuple):
    """Of a minimum's endpoints, by id: those that have the type, those available, how many must be.

    By id, for a branch may be reached by two ways.
    """

    held: set[str]
    able: set[str]
    wanted: int

    @property
    def met(self) -> bool:
        return len(self.able) >= self.wanted


def _counted(
    minimum: Minimum, service: ServiceImage, families: Sequence[int], usable: Sequence[Usable]
) -> Count:
    held = {
        service.endpoints[at].id
        for at in minimum.endpoints
        if has_type(service.endpoints[at], families)
    }
    able = {
        usable[at].id
        for at in minimum.endpoints
        if usable[at].availability > 0 and usable[at].positions
    }
    least = minimum.least
    wanted = ceil(least * len(held)) if isinstance(least, float) else min(least, len(held))
    return Count(held, able, wanted)


def depends_on_class(service: ServiceImage, type: int) -> bool:
    """Whether two classes can be answered differently, whatever the availability.

    RFC 7871 7.2.1: scope 0 tells that an answer is suitable for all; it is for a type that only
    one tier has.
    """
    families = families_of(service, type)
    having = [has_type(endpoint, families) for endpoint in service.endpoints]
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
        held = [packed for _, packed in addresses_of(endpoint, type)]
        found.update(held)
        if together and not held:
            found.add(None)
    return len(found) <= 1


def _useful_order(ranked: Sequence[int], useful: Sequence[Hashable]) -> tuple[Hashable, ...]:
    return tuple(useful[tier] for tier in ranked if useful[tier])


def offers_of(service: ServiceImage, order: Sequence[int], usable: list[Usable]) -> list[Offer]:
    """What the tiers of a class have to offer, in this order."""
    return [_offer(service, tier, usable) for tier in order]


def _offer(service: ServiceImage, tier: int, usable: list[Usable]) -> Offer:
    image = service.tiers[tier]
    return Offer(
        tier,
        tuple(usable[endpoint] for endpoint in image.endpoints),
        tuple(
            BranchOffer(branch.id, branch.share, tuple(offers_of(service, branch.tiers, usable)))
            for branch in image.branches
        ),
    )


def _when_down(
    service: ServiceImage, order: Sequence[int], families: Sequence[int], left: float
) -> list[Share]:
    if service.when_down.kind == "serve_all":
        everything = [_usable(service, n, families, {}, ()) for n in range(len(service.endpoints))]
        forced = walk(offers_of(service, order, everything)).shares
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
    state = states.get(endpoint.id, FULL)
    group = _SPREAD[service.spread](endpoint)
    if endpoint.cname is not None:
        held = [(_CNAME_POSITION, 0)]
    else:
        held = [
            (position, rank)
            for family in families
            for rank, (position, packed) in enumerate(addresses_of(endpoint, family))
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


def addresses_of(endpoint: EndpointImage, family: int) -> tuple[tuple[int, bytes], ...]:
    """The (position, packed) of an endpoint's addresses of a family."""
    return endpoint.v4 if family == A else endpoint.v6 if family == AAAA else ()


def has_type(endpoint: EndpointImage, families: Sequence[int]) -> bool:
    """Whether an endpoint has anything to answer to these types."""
    return endpoint.cname is not None or any(addresses_of(endpoint, family) for family in families)


def packed(endpoint: EndpointImage, address: Address) -> bytes:
    """The bytes of an endpoint's address, or the wire name of its CNAME target."""
    if address.position == _CNAME_POSITION:
        assert endpoint.cname is not None
        return endpoint.cname
    return next(p for position, p in (*endpoint.v4, *endpoint.v6) if position == address.position)
