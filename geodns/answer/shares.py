"""Which endpoints a class's clients get: availability to shares, shares to slots.

The tiers of a class are walked best first. A tier takes ``remaining * its availability``, the rest
spills to the next, until nothing remains. A tier is as available as its most available endpoint:
while one AZ of a region still takes all of its share, the region sheds nothing, and the load moves
within the region. Inside a tier, endpoints share by ``weight * availability``, and branches, which
rank their own endpoints, by their share times what they can take.

A client's slot, a stable hash of its subnet, picks the answer. Every tier has all slots in an order
of its own and takes the first of those that are left, so that a tier that shrinks only loses slots,
and a tier behind it keeps all that it had. Inside a tier each slot takes the endpoint with the best
score of a weighted rendezvous (Thaler and Ravishankar 1998, with the logarithmic weights of
Schindelhauer and Schomaker 2005), so that an endpoint whose weight changes exchanges slots only
with the others' loss or gain, and nobody else moves.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from hashlib import blake2b
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

SLOTS = 4096
"""What the first tier takes is exact to 1/4096. What spills is drawn among the slots that are left,
and endpoints draw within a tier: two equal ones get 50 % +- 1 %."""

ANYWHERE = "*"
"""The group of those that may stand beside each other in an answer however it comes."""

Reason = Literal["nearest", "failover", "spill", "forced"]
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)  # splitmix64's finaliser (Steele, Lea and Flood 2014)
_MIX_2 = np.uint64(0x94D049BB133111EB)
_GAMMA = np.uint64(0x9E3779B97F4A7C15)


class Address(NamedTuple):
    """One address of an endpoint: its position in the configuration, or -1 for a CNAME target."""

    endpoint: int
    position: int


class Candidate(NamedTuple):
    """An address that may be answered, by whom, and its share of weight times availability.

    ``group`` is what does not stand twice in an answer before every other has; empty: no matter.
    """

    address: Address
    id: str
    weight: float
    group: str = ""


class Share(NamedTuple):
    """The part of a class's clients that a tier takes, 0 < ``share`` <= 1, and by whom.

    Either its candidates share them, or its branches do. ``key`` tells which slots it takes first.
    """

    tier: int
    share: float
    reason: Reason
    candidates: tuple[Candidate, ...]
    branches: tuple[BranchShare, ...] = ()
    key: str = ""


class BranchShare(NamedTuple):
    """A branch that takes a share of a tier's clients by ``weight``; its own shares add up to 1."""

    id: str
    weight: float
    shares: tuple[Share, ...]


class Pick(NamedTuple):
    """What a slot answers: addresses in order of preference, and why this tier."""

    tier: int
    reason: Reason
    addresses: tuple[Address, ...]


class Usable(NamedTuple):
    """What an endpoint has to offer: weight, availability and the addresses in service.

    ``group`` is what does not stand twice in an answer before every other has; empty: the endpoint.
    ``numbers`` tell its addresses apart in the choice of a slot: clients whose endpoint has one
    address of each family get both of the same endpoint, since these have the same number.
    """

    endpoint: int
    id: str
    weight: float
    availability: float
    positions: tuple[int, ...]
    numbers: tuple[int, ...]
    group: str = ""


class Offer(NamedTuple):
    """A tier and what its endpoints offer; one without positions or availability offers nothing.

    Or what its branches offer. Those without weight or share stand by: they take what the others of
    the tier can't.
    """

    tier: int
    endpoints: tuple[Usable, ...]
    branches: tuple[BranchOffer, ...] = ()


class BranchOffer(NamedTuple):
    """A branch of a tier, its share among the others, and what its own tiers offer, in order."""

    id: str
    share: float
    offers: tuple[Offer, ...]


class Walk(NamedTuple):
    """The shares of tiers, in the order asked, and what is left when too little is available.

    ``asked`` are all that the shares rest on: no other endpoint, whatever it had to offer, would
    change them.
    """

    shares: list[Share]
    left: float
    asked: list[Usable]


def walk(offers: Sequence[Offer]) -> Walk:
    """Asks tiers in this order, until nothing is left.

    A tier comes twice where those of it that stand by take a share, too.
    """
    shares: list[Share] = []
    asked: list[Usable] = []
    remaining = 1.0
    passed_over = False
    for offer in offers:
        reason: Reason = "spill" if shares else "failover" if passed_over else "nearest"
        for part in _parts(offer):
            inside = [(branch, walk(branch.offers)) for branch in part.branches]
            asked += part.endpoints
            for _, walked in inside:
                asked += walked.asked
            taken = _branch_share(part, inside, reason) if inside else _tier_share(part, reason)
            if taken is None:
                passed_over = passed_over or bool(part.endpoints or part.branches)
                continue
            shares.append(taken._replace(share=remaining * taken.share))
            remaining -= remaining * taken.share
            if remaining < 0.5 / SLOTS:
                return Walk(shares, 0.0, asked)
            reason = "spill"
    return Walk(shares, remaining, asked)


def _parts(offer: Offer) -> tuple[Offer, ...]:
    """Those of a tier that have a weight, then those that stand by."""
    # All of a tier's weights 0: they are equal, as SRV has it (RFC 2782).
    if offer.branches:
        weighted = tuple(branch for branch in offer.branches if branch.share)
        standing_by = tuple(branch for branch in offer.branches if not branch.share)
        both = offer._replace(branches=weighted), offer._replace(branches=standing_by)
        return both if weighted and standing_by else (offer,)
    able = tuple(entry for entry in offer.endpoints if entry.weight)
    idle = tuple(entry for entry in offer.endpoints if not entry.weight)
    both = offer._replace(endpoints=able), offer._replace(endpoints=idle)
    return both if able and idle else (offer,)


def _tier_share(offer: Offer, reason: Reason) -> Share | None:
    """What a tier's endpoints take of all clients; None: nothing."""
    usable = [entry for entry in offer.endpoints if entry.availability > 0 and entry.positions]
    if not usable:
        return None
    availability = min(1.0, max(entry.availability for entry in usable))
    key = offer.endpoints[0].id
    return Share(offer.tier, availability, reason, _candidates(usable), key=key)


def _branch_share(
    offer: Offer, inside: Sequence[tuple[BranchOffer, Walk]], reason: Reason
) -> Share | None:
    """What a tier's branches take; one that can't take all of its share leaves it to the others."""
    usable = [(branch, own.shares, 1 - own.left) for branch, own in inside if own.shares]
    if not usable:
        return None
    branches = tuple(
        BranchShare(
            branch.id,
            (branch.share or 1) * available,
            tuple(_within(share, available, reason) for share in found),
        )
        for branch, found, available in usable
    )
    most = max(available for _, _, available in usable)
    return Share(offer.tier, most, reason, (), branches, key=offer.branches[0].id)


def _within(share: Share, available: float, reason: Reason) -> Share:
    """A branch's own share, as a part of what the branch takes."""
    outer = reason if share.reason == "nearest" else share.reason
    return share._replace(share=share.share / available, reason=outer)


def forced_share(share: Share) -> Share:
    """The same share, taken because nothing is available."""
    branches = tuple(
        branch._replace(shares=tuple(map(forced_share, branch.shares))) for branch in share.branches
    )
    return share._replace(reason="forced", branches=branches)


def _candidates(usable: Sequence[Usable]) -> tuple[Candidate, ...]:
    return tuple(
        Candidate(
            Address(entry.endpoint, position),
            f"{entry.id}/{number}",
            (entry.weight or 1) * entry.availability / len(entry.positions),
            "" if entry.group == ANYWHERE else entry.group or entry.id,
        )
        for entry in usable
        for position, number in zip(entry.positions, entry.numbers, strict=True)
    )


@lru_cache(maxsize=4096)
def picks(shares: tuple[Share, ...], most: int) -> tuple[Pick, ...]:
    """The answer of each slot: one pick where all slots agree, else SLOTS of them.

    ``most`` is how many addresses one answer has. The shares add up to 1; a share without
    candidates is answered without addresses.
    """
    if len(shares) == 1 and len(shares[0].candidates) <= 1 and not shares[0].branches:
        only = shares[0]
        return (Pick(only.tier, only.reason, tuple(c.address for c in only.candidates)),)
    found: dict[int, Pick] = {}
    _fill(found, shares, np.arange(SLOTS), most)
    return tuple(found[slot] for slot in range(SLOTS))


def _fill(
    found: dict[int, Pick], shares: Sequence[Share], slots: NDArray[np.int64], most: int
) -> None:
    """Gives slots to shares: to each those that stand first in its own order, of what is left."""
    left = 1.0
    for number, share in enumerate(shares):
        if number == len(shares) - 1:
            mine = slots
        else:
            first = _places(share.key)[slots] * left < share.share
            mine, slots = slots[first], slots[~first]
            left -= share.share
        if share.branches:
            _fill_branches(found, share, mine, most)
        else:
            found.update(zip(mine.tolist(), _tier_picks(share, mine, most), strict=True))


def _fill_branches(
    found: dict[int, Pick], share: Share, slots: NDArray[np.int64], most: int
) -> None:
    """Gives slots to branches by rendezvous, as endpoints within a tier get theirs."""
    scores = np.stack([_scores(each.id)[slots] / each.weight for each in share.branches])
    chosen = np.argmin(scores, axis=0)
    for number, branch in enumerate(share.branches):
        _fill(found, branch.shares, slots[chosen == number], most)


def _tier_picks(share: Share, slots: NDArray[np.int64], most: int) -> list[Pick]:
    addresses = [candidate.address for candidate in share.candidates]
    if not len(slots):
        return []
    if len(addresses) <= 1:
        return [Pick(share.tier, share.reason, tuple(addresses))] * len(slots)
    scores = np.stack([_scores(c.id)[slots] / c.weight for c in share.candidates])
    order = np.argsort(scores, axis=0, kind="stable").T
    groups = [candidate.group for candidate in share.candidates]
    several = len(set(groups)) < len(groups) and any(groups)
    if not several or most == 1:
        order = order[:, :most]
    known: dict[tuple[int, ...], Pick] = {}
    found = []
    for row in order.tolist():
        key = tuple(row)
        pick = known.get(key)
        if pick is None:
            spread = _spread(key, groups) if several else key
            chosen = [addresses[index] for index in spread[:most]]
            pick = known[key] = Pick(share.tier, share.reason, tuple(chosen))
        found.append(pick)
    return found


def _spread(order: Sequence[int], groups: Sequence[str]) -> list[int]:
    """The same order, a second one of a group only after the first of every other."""
    seen: dict[str, int] = {}
    turns = []
    for index in order:
        turns.append((seen.get(groups[index], 0), index))
        seen[groups[index]] = turns[-1][0] + 1
    return [index for _, index in sorted(turns, key=_turn)]


def _turn(entry: tuple[int, int]) -> int:
    return entry[0]


@lru_cache(maxsize=4096)
def _scores(id: str) -> NDArray[np.float64]:
    """For each slot an exponentially distributed number that depends on the endpoint's id alone."""
    scores: NDArray[np.float64] = -np.log(np.maximum(_uniform(id), 2.0**-53))
    return scores


@lru_cache(maxsize=4096)
def _places(key: str) -> NDArray[np.float64]:
    """For each slot its place, from 0 to 1, in an order that depends on the key alone."""
    places = np.empty(SLOTS)
    places[np.argsort(_uniform(f"{key}|"))] = (np.arange(SLOTS) + 0.5) / SLOTS
    return places


def _uniform(id: str) -> NDArray[np.float64]:
    """For each slot a number from 0 to 1 that depends on the id alone."""
    seed = np.uint64(int.from_bytes(blake2b(id.encode(), digest_size=8).digest(), "big"))
    with np.errstate(over="ignore"):  # the mixing is arithmetic modulo 2^64
        mixed = seed + np.arange(1, SLOTS + 1, dtype=np.uint64) * _GAMMA
        mixed = (mixed ^ (mixed >> np.uint64(30))) * _MIX_1
        mixed = (mixed ^ (mixed >> np.uint64(27))) * _MIX_2
        mixed ^= mixed >> np.uint64(31)
    return np.asarray((mixed >> np.uint64(11)).astype(np.float64) / 2.0**53)
