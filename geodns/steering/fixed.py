"""The filters that treat every client alike: priority, failover, shares by weight, limit."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from geodns.steering.clients import Clients
from geodns.steering.filter import Filter
from geodns.steering.measure import Figure
from geodns.steering.standing import Standing
from geodns.steering.units import Unit


class Priority(Filter):
    """Sorts by number, lower first; equal numbers stay together."""

    name = "priority"
    unit = "priority"

    def __init__(self, numbers: Sequence[int]) -> None:
        """``numbers`` of the units."""
        self._numbers = np.array(numbers, dtype=np.int32)

    def apply(self, _clients: Clients, standing: Standing, /) -> Standing:
        return standing.split(self._numbers)

    def figures(self, _client: Clients, /) -> list[Figure]:
        return [Figure(float(number), f"priority {number}") for number in self._numbers.tolist()]

    def explain(self, _client: Clients, /) -> list[str]:
        return [f"priority {number}" for number in self._numbers.tolist()]


class Failover(Filter):
    """A fixed order of regions, AZs or branches; what it leaves out follows, in file order."""

    name = "failover"
    unit = "rank"

    def __init__(self, order: Sequence[str], units: Sequence[Unit]) -> None:
        places = {name: place for place, name in reversed(list(enumerate(order)))}
        regions = [unit.region for unit in units]
        numbers = [
            places.get(unit.name, places.get(unit.region, len(order) + regions.index(unit.region)))
            for unit in units
        ]
        ranks = {number: rank for rank, number in enumerate(sorted(set(numbers)), start=1)}
        self._numbers = np.array([ranks[number] for number in numbers], dtype=np.int32)

    def apply(self, _clients: Clients, standing: Standing, /) -> Standing:
        return standing.split(self._numbers)

    def figures(self, _client: Clients, /) -> list[Figure]:
        return [
            Figure(float(number), f"position {number} in the failover order")
            for number in self._numbers.tolist()
        ]

    def explain(self, client: Clients, /) -> list[str]:
        return [figure.source for figure in self.figures(client)]


class Shares(Filter):
    """Gives those that it names fixed shares; those that it leaves out come behind."""

    name = "weight"

    def __init__(self, of: Mapping[str, float], units: Sequence[Unit]) -> None:
        self._weights = shares_of_units(of, units)

    def apply(self, _clients: Clients, standing: Standing, /) -> Standing:
        return standing.split(np.isnan(self._weights).astype(np.int8)).weigh(self._weights)

    def explain(self, _client: Clients, /) -> list[str]:
        return [
            "has no share, comes behind" if np.isnan(weight) else f"share {weight:g}"
            for weight in self._weights.tolist()
        ]


class Limit(Filter):
    """Only the best few tiers ever serve a client."""

    name = "limit"

    def __init__(self, tiers: int) -> None:
        self._tiers = tiers

    def apply(self, _clients: Clients, standing: Standing, /) -> Standing:
        # What was removed may have left gaps between the numbers of tiers.
        dense = standing.split(np.zeros(standing.tiers.shape[1], dtype=np.int8))
        return dense.remove(dense.tiers >= self._tiers)

    def explain(self, _client: Clients, /) -> list[str]:
        return []


def shares_of_units(of: Mapping[str, float], units: Sequence[Unit]) -> NDArray[np.float64]:
    """The share of each unit, shape (units,), by region or AZ; nan where there is none.

    What is said of a region is for all its AZs together that nothing is said of alone.
    """
    names = [unit.name if unit.name in of else unit.region for unit in units]
    sizes: Counter[str] = Counter()
    for name, unit in zip(names, units, strict=True):
        sizes[name] += len(unit.endpoints)
    return np.array(
        [
            _part(of.get(name), len(unit.endpoints), sizes[name])
            for name, unit in zip(names, units, strict=True)
        ],
        dtype=np.float64,
    )


def _part(share: float | None, endpoints: int, of_all: int) -> float:
    if share is None:
        return float("nan")
    return share * endpoints / of_all if of_all else share  # a branch has no endpoints here
