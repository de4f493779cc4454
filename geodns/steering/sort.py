"""The filter that sorts by a cost: latency, nearest and cost are this with other measures."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from geodns.config.steering import Within
from geodns.steering.clients import Clients
from geodns.steering.filter import Filter
from geodns.steering.measure import Costs, Figure, Measure, Step
from geodns.steering.standing import Standing
from geodns.steering.units import Unit


class Sort(Filter):
    """Sorts by what a row of measures makes of nothing; each may build on the one before it."""

    def __init__(
        self,
        name: str,
        measures: Sequence[Measure],
        units: Sequence[Unit],
        unit: str,
        within: Within | None = None,
    ) -> None:
        self.name = name
        self.unit = unit
        self.prefixes = tuple(prefix for measure in measures for prefix in measure.prefixes)
        self._measures = tuple(measures)
        self._units = len(units)
        self._regions = _regions(units)
        self._within = within

    def costs(self, clients: Clients) -> Costs:
        """The cost of every unit for every client in ``unit``, float64 of shape (n, units).

        Of clients in several places, the mean.
        """
        if clients.mixture is not None:
            return clients.mixture.mean(self.costs(clients.mixture.parts), len(clients))
        costs: Costs = np.zeros((len(clients), self._units))
        for measure in self._measures:
            costs = measure.apply(clients, costs)
        return costs

    def apply(self, clients: Clients, standing: Standing, /) -> Standing:
        return standing.sort(self.costs(clients), self._within, self._regions)

    def figures(self, client: Clients, /) -> list[Figure]:
        if client.mixture is not None:
            return _means(self.costs(client)[0], len(client.mixture.owner))
        costs: Costs = np.zeros((1, self._units))
        figures = [Figure(0.0, "") for _ in range(self._units)]
        for measure in self._measures:
            costs = measure.apply(client, costs)
            figures = [
                Figure(float(cost), measure.explain(Step(client, unit, before, float(cost))))
                for unit, (before, cost) in enumerate(zip(figures, costs[0], strict=True))
            ]
        return figures

    def explain(self, client: Clients, /) -> list[str]:
        return [
            figure.source
            if np.isnan(figure.cost)
            else f"{_number(figure.cost)} {self.unit}".rstrip() + f", {figure.source}"
            for figure in self.figures(client)
        ]


def _regions(units: Sequence[Unit]) -> NDArray[np.int64] | None:
    """A number for the region of each unit; None if each is of another."""
    numbers = {unit.region: number for number, unit in enumerate(units)}
    if len(numbers) == len(units):
        return None
    return np.array([numbers[unit.region] for unit in units])


def _means(costs: NDArray[np.float64], parts: int) -> list[Figure]:
    words = f"the mean over {parts} places" if parts > 1 else "from where its clients are"
    return [
        Figure(float(cost), "no place of its clients is known" if np.isnan(cost) else words)
        for cost in costs
    ]


def _number(cost: float) -> str:
    return f"{cost:.1f}".removesuffix(".0") if cost < 100 else f"{cost:.0f}"
