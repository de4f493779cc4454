"""Why a client of a class gets one endpoint and not another, and how far around it that holds."""

from __future__ import annotations

from geodns.answer.client import V4_SUBNET, V6_SUBNET, Located
from geodns.answer.service import NO_TIER
from geodns.answer.shares import SLOTS, Candidate
from geodns.explain.client import carried, network_around
from geodns.explain.explanation import Choice, Ranking
from geodns.explain.question import Address
from geodns.explain.ranking import Standing

_SUBNET = {4: V4_SUBNET, 6: V6_SUBNET}


def choose(standing: Standing, ranking: Ranking, located: Located, address: Address) -> Choice:
    """The reason word and the pick of a client's slot, with words on both."""
    pick, service = standing.pick, standing.service
    one = len(standing.picks) == 1
    endpoints = dict.fromkeys(service.endpoints[chosen.endpoint] for chosen in pick.addresses)
    best = next(iter(endpoints), None)
    sentences = [_why_tier(standing, ranking)]
    if best is not None:
        sentences.append(_why_endpoint(standing, located, address, best.id))
    return Choice(
        reason=pick.reason,
        region=best.region if best is not None else None,
        tier=service.tiers[pick.tier].name if pick.tier != NO_TIER else None,
        endpoints=tuple(endpoint.id for endpoint in endpoints),
        slot=None if one else located.slot,
        why="; ".join(sentences),
    )


def why_scope(standing: Standing, located: Located, length: int, source: int) -> str:
    """What a scope rests on; ``source`` is the prefix length that the question came with."""
    if length == 0:
        return "every client gets this answer"
    if len(standing.picks) > 1 and located.split_scope > located.scope:
        words = "clients of one subnet of this size are answered alike"
    else:
        words = "all clients in it have this ranking"
    if length > source:
        words += f"; the resolver sent only /{source}, so it may not know whom this is for"
    return words


def _why_tier(standing: Standing, ranking: Ranking) -> str:
    pick = standing.pick
    if pick.tier == NO_TIER:
        return f"nothing can be answered, so when_down decides: {ranking.when_down}"
    name = standing.service.tiers[pick.tier].name
    position = standing.tiers.index(pick.tier)
    before = ", ".join(tier.name for tier in ranking.tiers[:position])
    match pick.reason:
        case "nearest":
            return f"{name} ranks first"
        case "failover":
            return f"{name} is the first that is in service, behind {before}"
        case "spill":
            return f"{before} can't take every client, and {name} takes part of the rest"
    return f"nothing can be answered, so when_down decides: {name} as if all were up"


def _why_endpoint(standing: Standing, located: Located, address: Address, best: str) -> str:
    candidates = _candidates(standing)
    names = list(dict.fromkeys(candidate.id.rpartition("/")[0] for candidate in candidates))
    if len(names) <= 1:
        return f"{best} is its only endpoint in service"
    subject = carried(address).address
    subnet = network_around(subject, _SUBNET[subject.version])
    return (
        f"of its {len(names)} endpoints in service, slot {located.slot} of {SLOTS}, which is that "
        f"of all clients in {subnet}, is {best}'s by weight"
    )


def _candidates(standing: Standing) -> tuple[Candidate, ...]:
    pick = standing.pick
    return next(
        share.candidates
        for share in standing.shares
        if (share.tier, share.reason) == (pick.tier, pick.reason)
    )
