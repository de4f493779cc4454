"""The endpoints of a service as a client's class sees them: what each gets, or why it gets none."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from ipaddress import ip_address

from geodns.answer.image import EndpointImage, ServiceImage, TierImage
from geodns.answer.resolve import AAAA
from geodns.answer.service import too_few
from geodns.explain.explanation import EndpointFinding
from geodns.explain.standing import Standing, all_shares
from geodns.explain.whatif import Availabilities
from geodns.explain.zones import text

UNWEIGHTED = frozenset(("weight 0", "its branch has the share 0"))
"""Reasons that leave an endpoint without clients only while others have a weight."""


def endpoints_of(standing: Standing, available: Availabilities) -> list[EndpointFinding]:
    """All endpoints of the service, in its order."""
    first = Counter(pick.addresses[0].endpoint for pick in standing.picks if pick.addresses)
    serving = {
        candidate.address.endpoint
        for share in all_shares(standing.shares)
        for candidate in share.candidates
    }
    unweighted = dict(_unweighted(standing.service, standing.tiers))
    found = []
    short = too_few(standing.service, standing.family, available.states())
    for position, endpoint in enumerate(standing.service.endpoints):
        why = _passed_over(standing, endpoint, available)
        if why is None and position in short:
            why = f"too few endpoints of {short[position].service} are available"
        why = why or unweighted.get(position)
        found.append(
            EndpointFinding(
                id=endpoint.id,
                availability_zone=endpoint.availability_zone,
                weight=endpoint.weight,
                factor=available.factor(endpoint.id),
                availability=available.availability(endpoint.id),
                state=available.state(endpoint.id),
                addresses=_address_texts(endpoint, standing.family),
                share=first[position] / len(standing.picks),
                passed_over=None if position in serving else why,
            )
        )
    return found


def why_none(endpoints: Sequence[EndpointFinding]) -> str | None:
    """Why none of a tier's endpoints can be answered; None where one can."""
    reasons = [endpoint.passed_over for endpoint in endpoints]
    # An endpoint of weight 0 is no reason: a tier of such alone takes clients all the same.
    usable = [reason for reason in reasons if reason is None or reason in UNWEIGHTED]
    if usable or not endpoints:
        return None
    return "; ".join(dict.fromkeys(reason for reason in reasons if reason is not None))


def _addresses(endpoint: EndpointImage, family: int) -> list[bytes]:
    addresses = endpoint.v6 if family == AAAA else endpoint.v4
    return [packed for _, packed in addresses]


def _address_texts(endpoint: EndpointImage, family: int) -> tuple[str, ...]:
    """The addresses of a family, or the CNAME target."""
    if endpoint.cname is not None:
        return (text(endpoint.cname),)
    return tuple(str(ip_address(packed)) for packed in _addresses(endpoint, family))


def _passed_over(
    standing: Standing, endpoint: EndpointImage, available: Availabilities
) -> str | None:
    """Why an endpoint can't be answered by itself, None where it can."""
    state = available.state(endpoint.id)
    if available.availability(endpoint.id) <= 0:
        return state if endpoint.id in available.withdrawn else f"withdrawn: {state}"
    addresses = _addresses(endpoint, standing.family)
    if endpoint.cname is None and not addresses:
        return f"has no {'AAAA' if standing.family == AAAA else 'A'} address"
    failing = [packed for packed in addresses if not available.in_service(endpoint.id, packed)]
    if addresses and len(failing) == len(addresses):
        return f"no address of this type is in service: {state}"
    return None


def _unweighted(service: ServiceImage, order: Sequence[int]) -> Iterator[tuple[int, str]]:
    """The endpoints that get no clients because others of their tier have a weight, and why."""
    for number in order:
        tier = service.tiers[number]
        weights = {position: service.endpoints[position].weight for position in tier.endpoints}
        if any(weights.values()):
            yield from ((at, "weight 0") for at, weight in weights.items() if not weight)
        shared = any(branch.share for branch in tier.branches)
        for branch in tier.branches:
            yield from _unweighted(service, branch.tiers)
            if shared and not branch.share:
                inside = (service.tiers[each] for each in branch.tiers)
                for position in (at for each in inside for at in positions(service, each)):
                    yield position, "its branch has the share 0"


def positions(service: ServiceImage, tier: TierImage) -> list[int]:
    """The endpoints of a tier, those of its branches included."""
    within = (service.tiers[each] for branch in tier.branches for each in branch.tiers)
    return [*tier.endpoints, *(at for each in within for at in positions(service, each))]
