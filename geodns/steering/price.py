"""Measures of what it costs to serve from a region."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from geodns.config.settings import Topology
from geodns.steering.clients import Clients
from geodns.steering.measure import Costs, Measure, Step
from geodns.steering.units import Unit


class Price(Measure):
    """Replaces the cost by the region's price; nan where it has none."""

    def __init__(
        self, topology: Topology, units: Sequence[Unit], instead: Mapping[str, float]
    ) -> None:
        """``instead``: by region or AZ, a price in place of the topology's."""
        prices = [
            instead.get(unit.name, instead.get(unit.region, topology.regions[unit.region].cost))
            for unit in units
        ]
        self._prices = np.array([np.nan if price is None else price for price in prices])

    def apply(self, _clients: Clients, costs: Costs, /) -> Costs:
        return np.broadcast_to(self._prices, costs.shape)

    def explain(self, step: Step) -> str:
        return "no cost is known" if np.isnan(step.cost) else "its cost"


class Surcharge(Measure):
    """Adds what a region's price counts as in milliseconds; a region without one costs nothing."""

    def __init__(self, topology: Topology, units: Sequence[Unit], milliseconds: float) -> None:
        """``milliseconds`` is what one unit of price counts as."""
        prices = [topology.regions[unit.region].cost or 0.0 for unit in units]
        self._extra = np.array(prices, dtype=np.float64) * milliseconds

    def apply(self, _clients: Clients, costs: Costs, /) -> Costs:
        return np.asarray(costs + self._extra)

    def explain(self, step: Step) -> str:
        extra = float(self._extra[step.unit])
        return (
            f"{step.before.source}, its cost counts as {extra:.0f} ms"
            if extra
            else (step.before.source)
        )
