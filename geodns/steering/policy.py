"""Ranks a service's endpoints for many clients at once, or for one with words on every figure."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from math import isnan
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from geodns.config.settings import LatencyRow, Service, Topology
from geodns.config.steering import names_in
from geodns.latency.client import Network
from geodns.latency.estimate import DEFAULT, Estimate
from geodns.planning.plan import Rows
from geodns.steering.chain import Inputs, Traits, apart, filters_of, traits_of
from geodns.steering.clients import Clients
from geodns.steering.distinct import distinct_rows
from geodns.steering.filter import Filter
from geodns.steering.presets import chain_of, chain_of_branches
from geodns.steering.ranking import Branch, Ranking, Rankings, Tier, groups_of, quantised
from geodns.steering.sort import Sort
from geodns.steering.standing import REMOVED, Standing
from geodns.steering.units import Candidate, Unit, units_of

#: Clients ranked at a time: bounds the work space to some 25 MB for 40 units.
_CHUNK = 16_384


class Effect(NamedTuple):
    """What one filter of a chain found of a unit, or of the branch that the unit is in.

    ``tier`` is where it stands after the filter, from 1; None: it never serves the client.
    """

    filter: str
    words: str
    tier: int | None
    branch: str | None = None


class Finding(NamedTuple):
    """One unit for one client: ``cost`` in ``unit`` is what it was last sorted by, with its source.

    ``cost`` is nan where it is unknown, or where nothing sorts.
    """

    name: str
    cost: float
    unit: str
    source: str
    effects: tuple[Effect, ...]


class Stood(ABC):
    """How a policy's units stand for many clients: what rankings are made from."""

    @abstractmethod
    def rankings(self, depth: int | None = None, most: int | None = None) -> Rankings | None:
        """The ranking of every client; None if there are more than ``most`` different ones.

        With ``depth``, only the best so many tiers are told apart; what comes behind those follows
        in file order.
        """


class Policy(ABC):
    """How a service ranks its endpoints. Immutable; pure; safe to share.

    ``candidates`` are the endpoints that ``units`` refer to. ``prefixes`` are those whose clients
    are ranked on their own. Policies of equal ``key`` rank equally, whatever their endpoints.
    """

    candidates: tuple[Candidate, ...]
    units: tuple[Unit, ...]
    prefixes: tuple[Network, ...]
    unit: str
    key: Hashable
    traits: Traits

    @abstractmethod
    def stand(self, clients: Clients) -> Stood:
        """How the units stand for every client after all filters."""

    def rankings(self, clients: Clients, depth: int | None = None) -> Rankings:
        """The ranking of every client; see ``Stood.rankings``."""
        found = self.stand(clients).rankings(depth)
        assert found is not None  # without ``most``, there are never too many
        return found

    @abstractmethod
    def explain(self, client: Clients) -> list[Finding]:
        """What the policy finds of each unit for one client. Raises ValueError for several."""


class Steering(Policy):
    """A chain of filters over a service's own endpoints.

    ``rows`` are those of all latency tables, in order: for the same client, the first row counts.
    ``plans`` are the rows of plan files.
    """

    def __init__(
        self,
        service: Service,
        topology: Topology,
        candidates: Sequence[Candidate],
        rows: Sequence[LatencyRow],
        estimate: Estimate = DEFAULT,
        plans: Mapping[Path, Rows] = MappingProxyType({}),
    ) -> None:
        chain = chain_of(service.steering)
        named = frozenset(name for stage in chain for name, _, _ in names_in(stage))
        zones = named - topology.regions.keys()
        self.traits = traits_of(chain)
        equal = self.traits.share_by == "equal"
        self.candidates = tuple(
            candidate._replace(weight=1) if equal else candidate for candidate in candidates
        )
        self.units = units_of(topology, candidates, alone=zones, apart=apart(chain))
        self._chain = filters_of(
            chain, Inputs(topology, self.units, candidates, rows, estimate, plans)
        )
        self.prefixes = _prefixes(self._chain)
        self.unit = next((each.unit for each in reversed(self._chain) if each.unit), "")
        priorities = [min(candidates[at].priority for at in unit.endpoints) for unit in self.units]
        self.key = (
            repr(chain),
            tuple((unit.name, unit.region, len(unit.endpoints)) for unit in self.units),
            tuple(priorities),
        )

    def stand(self, clients: Clients) -> Stood:
        return _LeafStood(self.units, _stand(self._chain, clients, len(self.units)))

    def costs(self, clients: Clients) -> NDArray[np.float64]:
        """What the chain sorts by last, in ``unit``: float64, shape (n, units); nan is unknown."""
        sort = next((each for each in reversed(self._chain) if isinstance(each, Sort)), None)
        if sort is None:
            return np.full((len(clients), len(self.units)), np.nan)
        parts = [sort.costs(part) for part in _parts(clients)]
        return np.concatenate(parts) if parts else np.zeros((0, len(self.units)))

    def explain(self, client: Clients) -> list[Finding]:
        return _explain(self._chain, client, self.units)


class _LeafStood(Stood):
    """Of a service with endpoints of its own."""

    def __init__(self, units: Sequence[Unit], standing: Standing) -> None:
        self._units = units
        self._standing = standing
        self._single = [Tier((unit,)) for unit in range(len(units))]

    def rankings(self, depth: int | None = None, most: int | None = None) -> Rankings | None:
        tiers, weights = self._standing.tiers, self._standing.weights
        if depth is not None:
            tiers = np.minimum(tiers, np.int16(depth))
        distinct, numbers = distinct_rows(_beside(tiers, weights))
        if most is not None and len(distinct) > most:
            return None
        rows = distinct[:, : len(self._units)].tolist()
        if weights is None:
            return _interned([self._ranking(row, depth) for row in rows], numbers)
        _, first = np.unique(numbers, return_index=True)
        found = [
            self._weighted(row, shares, depth)
            for row, shares in zip(rows, weights[first].tolist(), strict=True)
        ]
        return _interned(found, numbers)

    def _ranking(self, tiers: Sequence[int], depth: int | None) -> Ranking:
        groups = groups_of(tiers, depth)
        return tuple(self._single[group[0]] if len(group) == 1 else Tier(group) for group in groups)

    def _weighted(
        self, tiers: Sequence[int], weights: Sequence[float], depth: int | None
    ) -> Ranking:
        found = []
        for tier in self._ranking(tiers, depth):
            shares = [weights[unit] for unit in tier.units]
            if len(shares) == 1 or any(map(isnan, shares)):
                found.append(tier)
                continue
            branches = (
                Branch(self._units[unit].name, share, (self._single[unit],))
                for unit, share in zip(tier.units, shares, strict=True)
            )
            found.append(Tier(branches=tuple(branches)))
        return tuple(found)


class Branching(Policy):
    """A chain of filters over other services: each branch ranks its own endpoints."""

    def __init__(
        self,
        service: Service,
        topology: Topology,
        branches: dict[str, Policy],
        plans: Mapping[Path, Rows] = MappingProxyType({}),
    ) -> None:
        chain = chain_of_branches(service.steering)
        weights = service.branches
        self._branches = branches
        self._shares = [weights[name] for name in branches]
        pseudo = tuple(Unit(name, name, (), ()) for name in branches)
        self._pseudo = pseudo
        self._chain = filters_of(chain, Inputs(topology, pseudo, plans=plans))
        self.traits = traits_of(chain)
        self.candidates, self.units = _joined(branches.values())
        within = tuple(prefix for policy in branches.values() for prefix in policy.prefixes)
        self.prefixes = tuple(dict.fromkeys((*_prefixes(self._chain), *within)))
        self.unit = next((policy.unit for policy in branches.values() if policy.unit), "")
        self.key = (
            repr(chain),
            tuple(weights.items()),
            tuple(policy.key for policy in branches.values()),
        )

    def stand(self, clients: Clients) -> Stood:
        return _BranchesStood(
            self._branches,
            self._shares,
            [policy.stand(clients) for policy in self._branches.values()],
            _stand(self._chain, clients, len(self._branches)),
        )

    def explain(self, client: Clients) -> list[Finding]:
        found = []
        own = _explain(self._chain, client, self._pseudo)
        for (name, policy), branch in zip(self._branches.items(), own, strict=True):
            said = tuple(effect._replace(branch=name) for effect in branch.effects)
            found += [
                unit._replace(effects=(*said, *unit.effects)) for unit in policy.explain(client)
            ]
        return found


class _BranchesStood(Stood):
    """Of a service that is made of others."""

    def __init__(
        self,
        branches: Mapping[str, Policy],
        shares: Sequence[float],
        within: Sequence[Stood],
        standing: Standing,
    ) -> None:
        self._branches = branches
        self._shares = shares
        self._within = within
        self._standing = standing

    def rankings(self, depth: int | None = None, most: int | None = None) -> Rankings | None:
        within = []
        for stood in self._within:
            each = stood.rankings(depth, most)
            if each is None:
                return None
            within.append(each)
        own = _beside(self._standing.tiers, self._standing.weights).astype(np.int64)
        columns = [own, *(each.numbers[:, None] for each in within)]
        distinct, numbers = distinct_rows(np.concatenate(columns, axis=1))
        if most is not None and len(distinct) > most:
            return None
        shifted = self._shifted(within)
        _, first = np.unique(numbers, return_index=True)
        found = []
        for row, at in zip(distinct.tolist(), first.tolist(), strict=True):
            given = self._standing.weights
            weights = None if given is None else given[at].tolist()
            rankings = [
                each[number] for each, number in zip(shifted, row[own.shape[1] :], strict=True)
            ]
            found.append(self._ranking(row[: len(within)], weights, rankings))
        return _interned(found, numbers)

    def _shifted(self, within: Sequence[Rankings]) -> list[list[Ranking]]:
        """The rankings of the branches, their units counted over all branches."""
        shifted, offset = [], 0
        for policy, each in zip(self._branches.values(), within, strict=True):
            shifted.append([_shift(ranking, offset) for ranking in each.rankings])
            offset += len(policy.units)
        return shifted

    def _ranking(
        self, tiers: Sequence[int], weights: Sequence[float] | None, within: Sequence[Ranking]
    ) -> Ranking:
        names = list(self._branches)
        found: list[Tier] = []
        for group in groups_of(tiers):
            if len(group) == 1:
                found.extend(within[group[0]])
                continue
            given = [np.nan if weights is None else weights[branch] for branch in group]
            shares = [self._shares[branch] for branch in group]
            if not any(map(np.isnan, given)):
                shares = [float(share) for share in given]
            branches = (
                Branch(names[branch], share, within[branch])
                for branch, share in zip(group, shares, strict=True)
            )
            found.append(Tier(branches=tuple(branches)))
        return tuple(found)


def _stand(chain: Sequence[Filter], clients: Clients, units: int) -> Standing:
    """How units stand after a chain, for any number of clients."""
    parts = []
    for part in _parts(clients):
        standing = Standing.start(len(part), units)
        for each in chain:
            standing = each.apply(part, standing)
        parts.append(standing)
    if not parts:
        return Standing.start(0, units)
    weights = [part.weights for part in parts if part.weights is not None]
    return Standing(
        np.concatenate([part.tiers for part in parts]),
        np.concatenate(weights) if weights else None,
    )


def _explain(chain: Sequence[Filter], client: Clients, units: Sequence[Unit]) -> list[Finding]:
    if len(client) != 1:
        raise ValueError(f"one client can be explained at a time, not {len(client)}")
    found = [Finding(unit.name, np.nan, "", "", ()) for unit in units]
    standing = Standing.start(1, len(units))
    for each in chain:
        before, standing = standing, each.apply(client, standing)
        figures, words = each.figures(client), each.explain(client) or [""] * len(units)
        if figures is not None:
            found = [
                finding._replace(cost=figure.cost, unit=each.unit, source=figure.source)
                for finding, figure in zip(found, figures, strict=True)
            ]
        removed = (before.tiers[0] != REMOVED) & (standing.tiers[0] == REMOVED)
        effects = [
            Effect(each.name, said or ("removed" if gone else ""), tier)
            for said, gone, tier in zip(words, removed, _tier_numbers(standing), strict=True)
        ]
        found = [
            finding._replace(effects=(*finding.effects, effect)) if effect.words else finding
            for finding, effect in zip(found, effects, strict=True)
        ]
    return found


def _tier_numbers(standing: Standing) -> list[int | None]:
    """Of one client: each unit's tier, counted from 1 without gaps; None where removed."""
    tiers = standing.tiers[0].tolist()
    order = sorted(set(tiers) - {REMOVED})
    return [order.index(tier) + 1 if tier != REMOVED else None for tier in tiers]


def _parts(clients: Clients) -> Iterator[Clients]:
    for start in range(0, len(clients), _CHUNK):
        yield clients.part(start, start + _CHUNK)


def _prefixes(chain: Sequence[Filter]) -> tuple[Network, ...]:
    return tuple(dict.fromkeys(prefix for each in chain for prefix in each.prefixes))


def _beside(tiers: NDArray[np.int16], weights: NDArray[np.float32] | None) -> NDArray[np.int16]:
    return tiers if weights is None else np.concatenate([tiers, quantised(weights)], axis=1)


def _interned(found: Sequence[Ranking], numbers: NDArray[np.int64]) -> Rankings:
    """Equal rankings made one: tiers may be numbered differently and yet be the same."""
    known: dict[Ranking, int] = {}
    of = np.array([known.setdefault(ranking, len(known)) for ranking in found], dtype=np.int64)
    return Rankings(of[numbers] if len(of) else numbers, tuple(known))


def _joined(policies: Iterable[Policy]) -> tuple[tuple[Candidate, ...], tuple[Unit, ...]]:
    candidates: list[Candidate] = []
    units: list[Unit] = []
    for policy in policies:
        units += [
            unit._replace(endpoints=tuple(at + len(candidates) for at in unit.endpoints))
            for unit in policy.units
        ]
        candidates += policy.candidates
    return tuple(candidates), tuple(units)


def _shift(ranking: Ranking, offset: int) -> Ranking:
    if not offset:
        return ranking
    return tuple(
        Tier(
            tuple(unit + offset for unit in tier.units),
            tuple(
                branch._replace(ranking=_shift(branch.ranking, offset)) for branch in tier.branches
            ),
        )
        for tier in ranking
    )
