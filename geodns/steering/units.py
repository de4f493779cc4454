"""Groups a service's endpoints into units: what no filter of a policy can tell apart."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Hashable, Sequence
from typing import NamedTuple

from geodns.config.settings import Topology


class Candidate(NamedTuple):
    """An endpoint of the service: ``id`` is ``web@eu-central-1a``; lower ``priority`` is better."""

    id: str
    region: str
    availability_zone: str
    weight: int
    priority: int = 1


class Unit(NamedTuple):
    """Endpoints that stand together in every ranking.

    ``name`` is the region, or the AZ where a policy names that one; ``endpoints`` are positions
    in the list of candidates, and ``availability_zones`` theirs, in the same order.
    """

    name: str
    region: str
    endpoints: tuple[int, ...]
    availability_zones: tuple[str, ...]


def units_of(
    topology: Topology,
    candidates: Sequence[Candidate],
    *,
    alone: Collection[str] = (),
    apart: Callable[[Candidate], Hashable] = lambda _: None,
) -> tuple[Unit, ...]:
    """The units in the order of the topology file.

    An AZ in ``alone`` is a unit of its own. Other endpoints of a region stand together where
    ``apart`` gives the same.
    """
    groups: dict[tuple[str, str | None, Hashable], list[int]] = {}
    places = {name: number for number, name in enumerate(topology.regions)}
    behind = len(places)  # pools of dynamic records, which are in no region
    for position in sorted(
        range(len(candidates)), key=lambda at: places.get(candidates[at].region, behind)
    ):
        candidate = candidates[position]
        zone = candidate.availability_zone if candidate.availability_zone in alone else None
        key = candidate.region, zone, None if zone else apart(candidate)
        groups.setdefault(key, []).append(position)
    shared = Counter(region for region, zone, _ in groups if zone is None)
    return tuple(
        _unit(region, zone, positions, candidates, unique=shared[region] == 1)
        for (region, zone, _), positions in groups.items()
    )


def _unit(
    region: str,
    zone: str | None,
    positions: Sequence[int],
    candidates: Sequence[Candidate],
    *,
    unique: bool,
) -> Unit:
    zones = tuple(candidates[position].availability_zone for position in positions)
    name = zone or (region if unique else f"{region} ({', '.join(zones)})")
    return Unit(name, region, tuple(positions), zones)
