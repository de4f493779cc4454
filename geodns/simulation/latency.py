"""The latency that clients can expect: one ruler for both sides of a comparison."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from geodns.config.settings import Configuration, Topology
from geodns.config.steering import LatencyFilter, Stage
from geodns.steering.chain import Inputs, filters_of
from geodns.steering.clients import Clients
from geodns.steering.sort import Sort
from geodns.steering.units import Unit

_CHUNK = 16_384  # clients at a time: bounds the work space to some 15 MB for 40 regions
_STEP = 0.1  # ms
_MOST = 3000.0  # ms; what is slower counts as that much in a spread


@dataclass(frozen=True, slots=True)
class Latency:
    """In milliseconds, over clients whose latency is ``known``, a share; nan where none is.

    ``median`` and ``p95`` are exact to 0.1 ms.
    """

    mean: float
    median: float
    p95: float
    known: float


class Ruler:
    """Milliseconds from clients to regions, as the ``latency`` filter has them.

    Measured by the tables of one configuration, so that no figure changes but by a client's move.
    Regions that only another topology has are estimated.
    """

    def __init__(self, configuration: Configuration, other: Topology) -> None:
        regions = {**other.regions, **configuration.topology.regions}
        self.regions = tuple(regions)
        units = tuple(Unit(name, name, (), ()) for name in regions)
        inputs = Inputs(
            Topology(regions=regions),
            units,
            rows=configuration.latency,
            estimate=configuration.estimate,
        )
        (sort,) = filters_of((Stage(latency=LatencyFilter()),), inputs)
        assert isinstance(sort, Sort)
        self._sort = sort
        self.prefixes = sort.prefixes

    def measure(self, clients: Clients) -> NDArray[np.float32]:
        """Shape (n, regions); nan is unknown."""
        found = np.empty((len(clients), len(self.regions)), dtype=np.float32)
        for start in range(0, len(clients), _CHUNK):
            part = clients.part(start, start + _CHUNK)
            found[start : start + _CHUNK] = self._sort.costs(part)
        return found


class Spread:
    """Adds up latencies with weights; two of them can be added."""

    def __init__(self) -> None:
        self._counts = np.zeros(int(_MOST / _STEP) + 1)
        self._sum = 0.0
        self._unknown = 0.0

    def add(self, milliseconds: NDArray[np.float32], weights: NDArray[np.float64]) -> None:
        known = ~np.isnan(milliseconds)
        figures, counts = milliseconds[known].astype(np.float64), weights[known]
        steps = np.minimum(np.rint(figures / _STEP), len(self._counts) - 1).astype(np.int64)
        self._counts += np.bincount(steps, counts, minlength=len(self._counts))
        self._sum += float(figures @ counts)
        self._unknown += float(weights[~known].sum())

    def miss(self, weight: float) -> None:
        """Clients that reach nobody."""
        self._unknown += weight

    def merge(self, other: Spread, factor: float) -> None:
        """Adds another's, its weights times a factor."""
        self._counts += other._counts * factor
        self._sum += other._sum * factor
        self._unknown += other._unknown * factor

    def latency(self) -> Latency:
        known = float(self._counts.sum())
        whole = known + self._unknown
        if not known:
            return Latency(np.nan, np.nan, np.nan, 0.0)
        below = np.cumsum(self._counts)
        median, p95 = (self._quantile(below, share * known) for share in (0.5, 0.95))
        return Latency(self._sum / known, median, p95, known / whole)

    def _quantile(self, below: NDArray[np.float64], wanted: float) -> float:
        return float(round(int(np.searchsorted(below, wanted)) * _STEP, 1))
