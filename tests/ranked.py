"""Reads rankings as people do: names of units, tier by tier."""

from __future__ import annotations

from geodns.geo.place import Place
from geodns.steering.clients import Clients
from geodns.steering.policy import Policy, Steering
from geodns.steering.ranking import Ranking


def one(policy: Policy, place: Place, prefix_row: int = -1) -> Clients:
    """A client at a place, covered by one of the policy's prefixes."""
    return Clients.of_one(place, prefix_row, policy.prefixes)


def ranking_of(policy: Policy, place: Place, prefix_row: int = -1) -> Ranking:
    """The ranking for a client."""
    numbers, rankings = policy.rankings(one(policy, place, prefix_row))
    return rankings[numbers[0]]


def tiers_of(policy: Policy, place: Place, prefix_row: int = -1) -> list[list[str]]:
    """The names of the units in each tier, best first; of branches, theirs one by one."""
    return [
        [policy.units[unit].name for unit in tier.units] or [each.name for each in tier.branches]
        for tier in ranking_of(policy, place, prefix_row)
    ]


def names(policy: Policy, place: Place, prefix_row: int = -1) -> list[str]:
    """The names of units, best first."""
    return [name for tier in tiers_of(policy, place, prefix_row) for name in tier]


def sources(policy: Policy, place: Place, prefix_row: int = -1) -> dict[str, str]:
    """Where each unit's cost comes from."""
    return {unit.name: unit.source for unit in policy.explain(one(policy, place, prefix_row))}


def costs(policy: Steering, place: Place, prefix_row: int = -1) -> dict[str, float]:
    """Each unit's cost."""
    row = policy.costs(one(policy, place, prefix_row))[0]
    return {unit.name: float(cost) for unit, cost in zip(policy.units, row, strict=True)}
