"""Groups a service's endpoints into tiers: the units that a policy ranks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from geodns.config.settings import Topology


class Candidate(NamedTuple):
    """An endpoint of the service: ``id`` is ``web@eu-central-1a``."""

    id: str
    region: str
    availability_zone: str
    weight: int


class TierDefinition(NamedTuple):
    """Endpoints that are equally good for any client, as positions in the list of candidates.

    ``name`` is the region, or the AZ where a failover order names one.
    """

    name: str
    region: str
    endpoints: tuple[int, ...]


def by_region(topology: Topology, candidates: Sequence[Candidate]) -> tuple[TierDefinition, ...]:
    """A tier for each region that holds a candidate, in the order of the topology file."""
    return _without_empty(
        TierDefinition(name, name, _positions(candidates, name)) for name in topology.regions
    )


def by_failover_order(
    topology: Topology, candidates: Sequence[Candidate], order: Sequence[str]
) -> tuple[TierDefinition, ...]:
    """Tiers in the order of a failover list of regions and AZs; what it leaves out follows.

    An AZ that the list names is a tier of its own, and its region's tier is the other AZs. Regions
    that the list does not name come last, in the order of the topology file.
    """
    region_of = {
        az: name for name, region in topology.regions.items() for az in region.availability_zones
    }
    alone = {name for name in order if name in region_of and name not in topology.regions}
    # dict.fromkeys keeps the first of each: a region that stands in the list keeps its place there.
    names = dict.fromkeys([*order, *topology.regions])
    return _without_empty(
        TierDefinition(name, region_of[name], _positions(candidates, region_of[name], only=name))
        if name in alone
        else TierDefinition(name, name, _positions(candidates, name, without=alone))
        for name in names
    )


def _positions(
    candidates: Sequence[Candidate],
    region: str,
    *,
    only: str | None = None,
    without: Iterable[str] = (),
) -> tuple[int, ...]:
    return tuple(
        position
        for position, candidate in enumerate(candidates)
        if candidate.region == region
        and only in (None, candidate.availability_zone)
        and candidate.availability_zone not in without
    )


def _without_empty(tiers: Iterable[TierDefinition]) -> tuple[TierDefinition, ...]:
    return tuple(tier for tier in tiers if tier.endpoints)
