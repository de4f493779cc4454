"""The ranking for a client: effects of filters from the steering, shares from the answer tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from ipaddress import ip_address

from geodns.answer.client import Located
from geodns.answer.image import BranchImage, WhenDown
from geodns.answer.service import NO_TIER
from geodns.answer.shares import Reason
from geodns.config.settings import Topology
from geodns.explain.endpoints import endpoints_of, why_none
from geodns.explain.explanation import (
    BranchFinding,
    EffectFinding,
    EndpointFinding,
    Ranking,
    TierFinding,
    TraitsFinding,
    UnitFinding,
)
from geodns.explain.standing import Standing, all_shares
from geodns.explain.whatif import Availabilities
from geodns.explain.zones import text
from geodns.steering.clients import Clients
from geodns.steering.policy import Finding, Policy
from geodns.steering.units import Unit


class Ranker:
    """Makes the ranking of one client's class from how it stands in the answer tables."""

    def __init__(
        self,
        standing: Standing,
        policy: Policy,
        available: Availabilities,
        topology: Topology,
    ) -> None:
        self._standing = standing
        self._policy = policy
        self._topology = topology
        self._endpoints = endpoints_of(standing, available)
        self._reasons: dict[int, Reason] = {}
        for share in all_shares(standing.shares):
            # A tier comes a second time where what is left over is forced on it.
            self._reasons.setdefault(share.tier, share.reason)

    def rank(
        self, client: Clients, steering: str, chain: Sequence[str], located: Located, prefix: str
    ) -> Ranking:
        """The ranking, tier by tier, with what the policy says of the client.

        ``steering`` is what the policy is called, ``chain`` the filters that it stands for;
        ``prefix`` the network around the client that is of its class.
        """
        standing, policy = self._standing, self._policy
        service, picks = standing.service, standing.picks
        units = [
            self._unit(unit, finding)
            for unit, finding in zip(policy.units, policy.explain(client), strict=True)
        ]
        by_endpoint = {
            position: number
            for number, unit in enumerate(policy.units)
            for position in unit.endpoints
        }
        tiers = tuple(self._tier(number, units, by_endpoint) for number in standing.tiers)
        ranked = {id(unit) for tier in tiers for unit in tier.all_units()}
        return Ranking(
            service=service.name,
            steering=steering,
            chain=tuple(chain),
            traits=TraitsFinding(
                policy.traits.share_by, service.spread, service.sticky, service.answers
            ),
            class_number=located.number,
            classes=len(service.classes),
            prefix=prefix,
            tiers=tiers,
            removed=tuple(unit for unit in units if id(unit) not in ranked),
            unserved=sum(pick.tier == NO_TIER for pick in picks) / len(picks),
            when_down=when_down_words(service.when_down),
        )

    def _unit(self, unit: Unit, finding: Finding) -> UnitFinding:
        endpoints = tuple(self._endpoints[position] for position in unit.endpoints)
        return UnitFinding(
            name=unit.name,
            title=_title(self._topology, unit),
            service=self._policy.candidates[unit.endpoints[0]].id.partition("@")[0],
            region=unit.region,
            cost=finding.cost,
            unit=finding.unit,
            source=finding.source,
            effects=tuple(EffectFinding(*effect) for effect in finding.effects),
            share=_share(endpoints),
            endpoints=endpoints,
        )

    def _tier(
        self, number: int, units: Sequence[UnitFinding], by_endpoint: dict[int, int]
    ) -> TierFinding:
        image = self._standing.service.tiers[number]
        own = dict.fromkeys(by_endpoint[position] for position in image.endpoints)
        found = TierFinding(
            name=image.name,
            share=0.0,
            reason=self._reasons.get(number),
            passed_over=None,
            units=tuple(units[unit] for unit in own),
            branches=tuple(self._branch(branch, units, by_endpoint) for branch in image.branches),
        )
        why = why_none(found.endpoints) if found.reason is None else None
        return replace(found, share=_share(found.endpoints), passed_over=why)

    def _branch(
        self, branch: BranchImage, units: Sequence[UnitFinding], by_endpoint: dict[int, int]
    ) -> BranchFinding:
        tiers = tuple(self._tier(number, units, by_endpoint) for number in branch.tiers)
        return BranchFinding(branch.id, branch.share, sum(tier.share for tier in tiers), tiers)


def when_down_words(down: WhenDown) -> str:
    """What is answered when nothing is available."""
    if down.cname is not None:
        return f"the CNAME {text(down.cname)}"
    if down.kind == "fallback":
        return ", ".join(str(ip_address(packed)) for packed in (*down.v4, *down.v6))
    return "all endpoints as if all were up" if down.kind == "serve_all" else "no data"


def _share(endpoints: Sequence[EndpointFinding]) -> float:
    return sum(endpoint.share for endpoint in endpoints)


def _title(topology: Topology, unit: Unit) -> str | None:
    """The title of a region or an AZ; None of a pool."""
    region = topology.regions.get(unit.region)
    if region is None:
        return None
    az = region.availability_zones.get(unit.name)
    return az.title if az is not None else region.title
