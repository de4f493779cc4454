"""The ranking for a client: costs from the steering, shares and picks from the answer tables."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from math import isnan

from geodns.answer.client import Located
from geodns.answer.hints import family_of
from geodns.answer.image import EndpointImage, ServiceImage, WhenDown
from geodns.answer.plan import Plan
from geodns.answer.resolve import AAAA
from geodns.answer.service import NO_TIER, shares_of
from geodns.answer.shares import Pick, Share
from geodns.config.settings import Topology
from geodns.explain.explanation import EndpointFinding, Ranking, TierFinding
from geodns.explain.whatif import Availabilities
from geodns.explain.zones import text
from geodns.steering.clients import Clients
from geodns.steering.policy import Finding, Policy


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


def stand(
    service: ServiceImage, type: int, located: Located, available: Availabilities
) -> Standing:
    """What the engine's table for a client's class holds, and what the client's slot picks."""
    plan = Plan(service, family_of(service, type), available.states())
    table = plan.build(located.number)
    chosen = tuple(plan.picks[number] for number in table)
    return Standing(
        service=service,
        family=plan.type,
        tiers=service.classes[located.number],
        shares=tuple(shares_of(service, located.number, plan.type, available.states())),
        picks=chosen,
        pick=chosen[located.slot if len(chosen) > 1 else 0],
    )


def rank(
    standing: Standing,
    policy: Policy,
    client: Clients,
    available: Availabilities,
    topology: Topology,
    steering: str,
    located: Located,
    prefix: str,
) -> Ranking:
    """The ranking, tier by tier, with what the policy says of the client."""
    service = standing.service
    endpoints = _endpoints(standing, available)
    findings = _findings_by_endpoint(policy, client)
    tiers = tuple(
        _tier(standing, number, findings, endpoints, topology) for number in standing.tiers
    )
    unserved = sum(pick.tier == NO_TIER for pick in standing.picks) / len(standing.picks)
    return Ranking(
        service=service.name,
        steering=steering,
        class_number=located.number,
        classes=len(service.classes),
        prefix=prefix,
        tiers=tiers,
        unserved=unserved,
        when_down=when_down_words(service.when_down),
    )


def _addresses(endpoint: EndpointImage, family: int) -> list[bytes]:
    addresses = endpoint.v6 if family == AAAA else endpoint.v4
    return [packed for _, packed in addresses]


def _address_texts(endpoint: EndpointImage, family: int) -> tuple[str, ...]:
    """The addresses of a family, or the CNAME target."""
    if endpoint.cname is not None:
        return (text(endpoint.cname),)
    return tuple(str(ip_address(packed)) for packed in _addresses(endpoint, family))


def when_down_words(down: WhenDown) -> str:
    """What is answered when nothing is available."""
    if down.cname is not None:
        return f"the CNAME {text(down.cname)}"
    if down.kind == "fallback":
        return ", ".join(str(ip_address(packed)) for packed in (*down.v4, *down.v6))
    return "all endpoints as if all were up" if down.kind == "serve_all" else "no data"


def _findings_by_endpoint(policy: Policy, client: Clients) -> dict[int, Finding]:
    return {
        endpoint: finding
        for unit, finding in zip(policy.units, policy.explain(client), strict=True)
        for endpoint in unit.endpoints
    }


def _tier(
    standing: Standing,
    number: int,
    findings: dict[int, Finding],
    all_endpoints: Sequence[EndpointFinding],
    topology: Topology,
) -> TierFinding:
    positions = _positions(standing.service, number)
    endpoints = tuple(all_endpoints[position] for position in positions)
    name = standing.service.tiers[number].name
    # Where several are equally good, the best of them speaks for all.
    best = min((findings[position] for position in positions), key=_by_cost)
    # A tier comes a second time where what is left over is forced on it.
    reason = next((share.reason for share in standing.shares if share.tier == number), None)
    return TierFinding(
        name=name,
        title=_title(topology, name),
        cost=best.cost,
        unit=best.unit,
        source=best.source,
        share=sum(endpoint.share for endpoint in endpoints),
        reason=reason,
        passed_over=None if reason is not None else _tier_passed_over(endpoints),
        endpoints=endpoints,
    )


def _positions(service: ServiceImage, number: int) -> list[int]:
    """The endpoints of a tier, those of its branches included."""
    tier = service.tiers[number]
    within = (each for branch in tier.branches for each in branch.tiers)
    return [*tier.endpoints, *(at for each in within for at in _positions(service, each))]


def _by_cost(finding: Finding) -> tuple[bool, float]:
    return isnan(finding.cost), 0.0 if isnan(finding.cost) else finding.cost


def _endpoints(standing: Standing, available: Availabilities) -> list[EndpointFinding]:
    """All endpoints of the service, in its order."""
    first = Counter(pick.addresses[0].endpoint for pick in standing.picks if pick.addresses)
    serving = {
        candidate.address.endpoint
        for share in _all_shares(standing.shares)
        for candidate in share.candidates
    }
    return [
        _endpoint(
            standing,
            position,
            position in serving,
            available,
            first[position] / len(standing.picks),
        )
        for position in range(len(standing.service.endpoints))
    ]


def _endpoint(
    standing: Standing, position: int, serving: bool, available: Availabilities, share: float
) -> EndpointFinding:
    endpoint = standing.service.endpoints[position]
    return EndpointFinding(
        id=endpoint.id,
        availability_zone=endpoint.availability_zone,
        weight=endpoint.weight,
        availability=available.availability(endpoint.id),
        state=available.state(endpoint.id),
        addresses=_address_texts(endpoint, standing.family),
        share=share,
        passed_over=None if serving else _passed_over(standing, position, available),
    )


def _passed_over(standing: Standing, position: int, available: Availabilities) -> str | None:
    """Why an endpoint can't be answered, None where it can."""
    endpoint = standing.service.endpoints[position]
    state = available.state(endpoint.id)
    if available.availability(endpoint.id) <= 0:
        return state if endpoint.id in available.withdrawn else f"withdrawn: {state}"
    addresses = _addresses(endpoint, standing.family)
    if endpoint.cname is None and not addresses:
        return f"has no {'AAAA' if standing.family == AAAA else 'A'} address"
    failing = [packed for packed in addresses if not available.in_service(endpoint.id, packed)]
    if addresses and len(failing) == len(addresses):
        return f"no address of this type is in service: {state}"
    tier = next(tier for tier in standing.service.tiers if position in tier.endpoints)
    others = (standing.service.endpoints[other].weight for other in tier.endpoints)
    return "weight 0" if endpoint.weight == 0 and any(others) else None


def _tier_passed_over(endpoints: Sequence[EndpointFinding]) -> str | None:
    reasons = [endpoint.passed_over for endpoint in endpoints]
    # An endpoint of weight 0 is no reason: a tier of such alone takes clients all the same.
    usable = [reason for reason in reasons if reason is None or reason == "weight 0"]
    if usable or not endpoints:
        return None
    return "; ".join(dict.fromkeys(reason for reason in reasons if reason is not None))


def _all_shares(shares: Sequence[Share]) -> Iterator[Share]:
    for share in shares:
        yield share
        for branch in share.branches:
            yield from _all_shares(branch.shares)


def _title(topology: Topology, name: str) -> str | None:
    """The title of a region or an AZ."""
    if name in topology.regions:
        return topology.regions[name].title
    azs = (region.availability_zones.get(name) for region in topology.regions.values())
    return next((az.title for az in azs if az is not None), None)
