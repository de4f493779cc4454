"""Why a client of a class gets one endpoint and not another, and how far around it that holds."""

from __future__ import annotations

from geodns.answer.client import V4_SUBNET, V6_SUBNET, Located
from geodns.answer.service import NO_TIER
from geodns.answer.shares import SLOTS, Candidate
from geodns.explain.client import carried, network_around
from geodns.explain.explanation import Choice, Ranking
from geodns.explain.question import Address
from geodns.explain.standing import Standing, Step, all_shares, way_to

SHARED_BY = {
    "weight": "weight",
    "load": "weight and load",
    "response_time": "weight and response time",
    "equal": "equal shares",
}
_SUBNET = {4: V4_SUBNET, 6: V6_SUBNET}


def choose(standing: Standing, ranking: Ranking, located: Located, address: Address) -> Choice:
    """The reason word and the pick of a client's slot, with words on both."""
    pick, service = standing.pick, standing.service
    branches = [step.branch for step in way_to(standing, pick.tier)]
    one = len(standing.picks) == 1 or not service.sticky
    endpoints = dict.fromkeys(service.endpoints[chosen.endpoint] for chosen in pick.addresses)
    best = next(iter(endpoints), None)
    sentences = [_why_tier(standing, ranking)]
    if best is not None:
        sentences.append(_why_endpoint(standing, ranking, located, address, best.id))
    return Choice(
        reason=pick.reason,
        region=best.region if best is not None else None,
        branches=tuple(branch for branch in branches if branch is not None),
        tier=service.tiers[pick.tier].name if pick.tier != NO_TIER else None,
        endpoints=tuple(endpoint.id for endpoint in endpoints),
        slot=None if one else located.slot,
        why="; ".join(sentences),
    )


def why_scope(standing: Standing, located: Located, length: int, source: int) -> str:
    """What a scope rests on; ``source`` is the prefix length that the question came with."""
    if length == 0:
        return "every client gets this answer"
    if len(standing.picks) > 1 and not standing.service.sticky:
        words = "answers take turns"
    elif len(standing.picks) > 1 and located.split_scope > located.scope:
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
    if pick.reason == "forced":
        return f"nothing can be answered, so when_down decides: {name} as if all were up"
    words: list[str] = []
    inside: str | None = None
    for step in way_to(standing, pick.tier):
        # A region with a share of its own is a branch of one tier, of which all is said.
        if step.before or inside != standing.service.tiers[step.tier].name:
            words.append(_why_step(standing, step))
        inside = step.branch
    return "; ".join(words)


def _why_step(standing: Standing, step: Step) -> str:
    tiers = standing.service.tiers
    name, before = tiers[step.tier].name, ", ".join(tiers[tier].name for tier in step.before)
    match step.reason:
        case "failover":
            words = f"{name} is the first that is in service, behind {before}"
        case "spill":
            words = f"{before} can't take every client, and {name} takes part of the rest"
        case _:
            words = f"{name} ranks first"
    return words if step.branch is None else f"{words}; {step.branch} has this client, by share"


def _why_endpoint(
    standing: Standing, ranking: Ranking, located: Located, address: Address, best: str
) -> str:
    candidates = _candidates(standing)
    names = list(dict.fromkeys(candidate.id.rpartition("/")[0] for candidate in candidates))
    if len(names) <= 1:
        return f"{best} is its only endpoint in service"
    if not standing.service.sticky:
        return f"of its {len(names)} endpoints in service, which take turns, {best} comes first now"
    subject = carried(address).address
    subnet = network_around(subject, _SUBNET[subject.version])
    return (
        f"of its {len(names)} endpoints in service, slot {located.slot} of {SLOTS}, which is that "
        f"of all clients in {subnet}, is {best}'s by {SHARED_BY[ranking.traits.share_by]}"
    )


def _candidates(standing: Standing) -> tuple[Candidate, ...]:
    pick = standing.pick
    return next(
        share.candidates
        for share in all_shares(standing.shares)
        if (share.tier, share.reason) == (pick.tier, pick.reason)
    )
