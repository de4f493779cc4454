"""Where a client stands in the answer tables: who gets what in its class, and what it gets."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from geodns.answer.client import Located
from geodns.answer.hints import family_of
from geodns.answer.image import ServiceImage
from geodns.answer.plan import Plan
from geodns.answer.service import shares_of
from geodns.answer.shares import Pick, Reason, Share
from geodns.explain.whatif import Availabilities


@dataclass(frozen=True)
class Standing:
    """The client's class: who gets what in it, and what this client gets.

    ``family`` is the type whose addresses steer. ``picks`` are those that clients of the class can
    get, one for each slot or one for all; ``tiers`` is the order in which tiers are asked.
    """

    service: ServiceImage
    family: int
    tiers: tuple[int, ...]
    shares: tuple[Share, ...]
    picks: tuple[Pick, ...]
    pick: Pick


class Step(NamedTuple):
    """On the way to a tier: one that was asked, and those before it.

    ``reason`` is why it takes clients, None: it does not. ``branch`` is which of its branches the
    way leads through, None at the end.
    """

    before: tuple[int, ...]
    tier: int
    reason: Reason | None
    branch: str | None


def stand(
    service: ServiceImage, type: int, located: Located, available: Availabilities
) -> Standing:
    """What the engine's table for a client's class holds, and what the client's slot picks.

    Where answers take turns, it is the first that an engine gives.
    """
    states = available.states()
    plan = Plan(service, family_of(service, type), states)
    table = plan.build(located.number)
    chosen = tuple(plan.picks[number] for number in table)
    return Standing(
        service=service,
        family=plan.type,
        tiers=service.classes[located.number],
        shares=tuple(shares_of(service, located.number, plan.type, states)),
        picks=chosen,
        pick=plan.picks[table[located.slot if len(table) > 1 else 0]],
    )


def way_to(standing: Standing, tier: int) -> tuple[Step, ...]:
    """The tiers that lead to one, the outermost first."""
    reasons: dict[int, Reason] = {}
    for share in all_shares(standing.shares):
        # A tier comes a second time where what is left over is forced on it.
        reasons.setdefault(share.tier, share.reason)
    return _way(standing.service, standing.tiers, tier, reasons)


def _way(
    service: ServiceImage, order: Sequence[int], wanted: int, reasons: dict[int, Reason]
) -> tuple[Step, ...]:
    for at, number in enumerate(order):
        before = tuple(order[:at])
        # Within a branch, the reason is that of the branch where its best tier takes all.
        reason = reasons.get(number) if before else "nearest"
        if number == wanted:
            return (Step(before, number, reason, None),)
        for branch in service.tiers[number].branches:
            rest = _way(service, branch.tiers, wanted, reasons)
            if rest:
                return (Step(before, number, reason, branch.id), *rest)
    return ()


def all_shares(shares: Sequence[Share]) -> Iterator[Share]:
    """The shares of tiers, and those within branches."""
    for share in shares:
        yield share
        for branch in share.branches:
            yield from all_shares(branch.shares)
