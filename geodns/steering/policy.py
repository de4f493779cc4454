"""Ranks a service's tiers for many clients at once, or for one with words on every figure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from geodns.config.settings import LatencyRow, Service, Topology
from geodns.latency.client import Network
from geodns.steering.clients import Clients
from geodns.steering.filter import Costs, Figure, Step
from geodns.steering.presets import Inputs, policy_for
from geodns.steering.ranking import Tier
from geodns.steering.tiers import Candidate, TierDefinition

#: Clients ranked at a time: bounds the work space to some 25 MB for 40 regions.
_CHUNK = 16_384

#: A tier whose cost is unknown stands behind all known ones; one that is never used, behind that.
_UNKNOWN = np.finfo(np.float64).max


class Steering:
    """A service's steering policy over its endpoints. Immutable; pure; safe to share.

    ``rows`` are those of all latency tables, in order: for the same client, the first row counts.
    """

    def __init__(
        self,
        service: Service,
        topology: Topology,
        candidates: Sequence[Candidate],
        rows: Sequence[LatencyRow],
    ) -> None:
        policy = policy_for(Inputs(service, topology, candidates, rows))
        self._chain = policy.chain
        self.tiers: tuple[TierDefinition, ...] = policy.tiers
        self.unit: str = policy.unit
        #: The prefixes that ``Clients.prefix_row`` refers to; distinct, in the order of the rows.
        self.prefixes: tuple[Network, ...] = next(
            (stage.prefixes for stage in policy.chain if stage.prefixes), ()
        )

    def costs(self, clients: Clients) -> Costs:
        """The cost of every tier for every client in ``unit``, float64 of shape (n, tiers).

        Lower is better; nan is unknown; inf is never.
        """
        result = np.empty((len(clients), len(self.tiers)))
        for start, part in self._parts(clients):
            result[start : start + len(part)] = self._apply(part)
        return result

    def order(self, clients: Clients) -> NDArray[np.int16]:
        """Positions in ``tiers`` for every client, best first, int16 of shape (n, tiers).

        Equal costs keep the order of ``tiers``; unknown costs come after all known ones.
        """
        result = np.empty((len(clients), len(self.tiers)), dtype=np.int16)
        for start, part in self._parts(clients):
            result[start : start + len(part)] = _order(self._apply(part))
        return result

    def explain(self, client: Clients) -> list[Tier]:
        """The tiers for one client, best first, each with its cost and where that comes from.

        ``Tier.cost`` is nan where it is unknown. Raises ValueError unless it is one client.
        """
        if len(client) != 1:
            raise ValueError(f"one client can be explained at a time, not {len(client)}")
        figures = self._figures(client)
        costs = np.array([[figure.cost for figure in figures]])
        return [
            Tier(
                name=self.tiers[position].name,
                cost=figures[position].cost,
                unit=self.unit,
                source=figures[position].source,
                endpoints=self.tiers[position].endpoints,
            )
            for position in _order(costs)[0]
        ]

    def _figures(self, client: Clients) -> list[Figure]:
        costs = np.zeros((1, len(self.tiers)))
        figures = [Figure(0.0, "") for _ in self.tiers]
        for stage in self._chain:
            costs = stage.apply(client, costs)
            figures = [
                Figure(float(cost), stage.explain(Step(client, tier, before, float(cost))))
                for tier, (before, cost) in enumerate(zip(figures, costs[0], strict=True))
            ]
        return figures

    def _apply(self, clients: Clients) -> Costs:
        costs: Costs = np.zeros((len(clients), len(self.tiers)))
        for stage in self._chain:
            costs = stage.apply(clients, costs)
        return costs

    @staticmethod
    def _parts(clients: Clients) -> Iterator[tuple[int, Clients]]:
        for start in range(0, len(clients), _CHUNK):
            yield start, clients.part(start, start + _CHUNK)


def _order(costs: Costs) -> NDArray[np.int16]:
    comparable = np.where(np.isnan(costs), _UNKNOWN, costs)
    return np.argsort(comparable, axis=1, kind="stable").astype(np.int16)
