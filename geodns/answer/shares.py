"""Which endpoints a class's clients get: availability to shares, shares to slots.

The tiers of a class are walked best first. A tier takes ``remaining * its availability``, the rest
spills to the next, until nothing remains. A tier is as available as its most available endpoint:
while one AZ of a region still takes all of its share, the region sheds nothing, and the load moves
within the region. Inside a tier, endpoints share by ``weight * availability``.

A client's slot, a stable hash of its subnet, picks the answer. Slots are cut into tiers in order,
so that a tier that shrinks only loses its last slots; inside a tier each slot takes the endpoint
with the best score of a weighted rendezvous (Thaler and Ravishankar 1998, with the logarithmic
weights of Schindelhauer and Schomaker 2005), so that an endpoint whose weight changes exchanges
slots only with the others' loss or gain, and nobody else moves.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from hashlib import blake2b
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

SLOTS = 4096
"""Shares are exact to 1/4096 between tiers; inside a tier two equal endpoints get 50 % +- 1 %."""

Reason = Literal["nearest", "failover", "spill", "forced"]
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)  # splitmix64's finaliser (Steele, Lea and Flood 2014)
_MIX_2 = np.uint64(0x94D049BB133111EB)
_GAMMA = np.uint64(0x9E3779B97F4A7C15)


class Address(NamedTuple):
    """One address of an endpoint: its position in the configuration, or -1 for a CNAME target."""

    endpoint: int
    position: int


class Candidate(NamedTuple):
    """An address that may be answered, by whom, and its share of weight times availability."""

    address: Address
    id: str
    weight: float


class Share(NamedTuple):
    """The part of a class's clients that a tier takes, 0 < ``share`` <= 1, and by whom."""

    tier: int
    share: float
    reason: Reason
    candidates: tuple[Candidate, ...]


class Pick(NamedTuple):
    """What a slot answers: addresses in order of preference, and why this tier."""

    tier: int
    reason: Reason
    addresses: tuple[Address, ...]


class Usable(NamedTuple):
    """What an endpoint has to offer: weight, availability and the addresses in service.

    ``numbers`` tell its addresses apart in the choice of a slot: clients whose endpoint has one
    address of each family get both of the same endpoint, since these have the same number.
    """

    endpoint: int
    id: str
    weight: int
    availability: float
    positions: tuple[int, ...]
    numbers: tuple[int, ...]


class Offer(NamedTuple):
    """A tier and what its endpoints offer; one without positions or availability offers nothing."""

    tier: int
    endpoints: tuple[Usable, ...]


def walk(offers: Sequence[Offer]) -> tuple[list[Share], float]:
    """The shares of tiers, in the order asked, and what is left when too little is available."""
    shares: list[Share] = []
    remaining = 1.0
    passed_over = False
    for offer in offers:
        usable = [entry for entry in offer.endpoints if entry.availability > 0 and entry.positions]
        if not usable:
            passed_over = passed_over or bool(offer.endpoints)
            continue
        availability = min(1.0, max(entry.availability for entry in usable))
        reason: Reason = "spill" if shares else "failover" if passed_over else "nearest"
        shares.append(Share(offer.tier, remaining * availability, reason, _candidates(usable)))
        remaining -= remaining * availability
        if remaining < 0.5 / SLOTS:
            return shares, 0.0
    return shares, remaining


def _candidates(usable: Sequence[Usable]) -> tuple[Candidate, ...]:
    # All of a tier's weights 0: they are equal, as SRV has it (RFC 2782).
    unweighted = not any(entry.weight for entry in usable)
    return tuple(
        Candidate(
            Address(entry.endpoint, position),
            f"{entry.id}/{number}",
            (entry.weight or unweighted) * entry.availability / len(entry.positions),
        )
        for entry in usable
        if entry.weight or unweighted
        for position, number in zip(entry.positions, entry.numbers, strict=True)
    )


@lru_cache(maxsize=4096)
def picks(shares: tuple[Share, ...], most: int) -> tuple[Pick, ...]:
    """The answer of each slot: one pick where all slots agree, else SLOTS of them.

    ``most`` is how many addresses one answer has. The shares add up to 1; a share without
    candidates is answered without addresses.
    """
    if len(shares) == 1 and len(shares[0].candidates) <= 1:
        only = shares[0]
        return (Pick(only.tier, only.reason, tuple(c.address for c in only.candidates)),)
    found: list[Pick] = []
    reached = 0.0
    for number, share in enumerate(shares):
        reached += share.share
        until = SLOTS if number == len(shares) - 1 else round(reached * SLOTS)
        found.extend(_tier_picks(share, len(found), until, most))
    return tuple(found)


def _tier_picks(share: Share, first: int, until: int, most: int) -> list[Pick]:
    addresses = [candidate.address for candidate in share.candidates]
    if until <= first:
        return []
    if len(addresses) <= 1:
        return [Pick(share.tier, share.reason, tuple(addresses))] * (until - first)
    scores = np.stack([_scores(c.id)[first:until] / c.weight for c in share.candidates])
    order = np.argsort(scores, axis=0, kind="stable").T
    several = len({address.endpoint for address in addresses}) < len(addresses)
    if not several or most == 1:
        order = order[:, :most]
    known: dict[tuple[int, ...], Pick] = {}
    found = []
    for row in order.tolist():
        key = tuple(row)
        pick = known.get(key)
        if pick is None:
            chosen = _spread([addresses[index] for index in key])[:most]
            pick = known[key] = Pick(share.tier, share.reason, tuple(chosen))
        found.append(pick)
    return found


def _spread(addresses: list[Address]) -> list[Address]:
    """The same addresses, a second one of an endpoint only after the first of every other."""
    seen: dict[int, int] = {}
    turns = []
    for address in addresses:
        turns.append(seen.get(address.endpoint, 0))
        seen[address.endpoint] = turns[-1] + 1
    return [address for _, address in sorted(zip(turns, addresses, strict=True), key=_turn)]


def _turn(entry: tuple[int, Address]) -> int:
    return entry[0]


@lru_cache(maxsize=4096)
def _scores(id: str) -> NDArray[np.float64]:
    """For each slot an exponentially distributed number that depends on the endpoint's id alone."""
    seed = np.uint64(int.from_bytes(blake2b(id.encode(), digest_size=8).digest(), "big"))
    with np.errstate(over="ignore"):  # the mixing is arithmetic modulo 2^64
        mixed = seed + np.arange(1, SLOTS + 1, dtype=np.uint64) * _GAMMA
        mixed = (mixed ^ (mixed >> np.uint64(30))) * _MIX_1
        mixed = (mixed ^ (mixed >> np.uint64(27))) * _MIX_2
        mixed ^= mixed >> np.uint64(31)
    uniform = (mixed >> np.uint64(11)).astype(np.float64) / 2.0**53
    scores: NDArray[np.float64] = -np.log(np.maximum(uniform, 2.0**-53))
    return scores
