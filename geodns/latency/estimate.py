"""Estimates round-trip times from distance, for clients and regions that no latency table names.

    milliseconds = LAST_MILE_MS + 2 * STRETCH * kilometres / FIBRE_KM_PER_MS

Ranking by the estimate alone equals ranking by distance; the constants matter where an estimate
competes with a measured figure. Against the published round-trip times between nine regions of a
public cloud on four continents (36 pairs, 19 to 326 ms) half of the estimates are within 23%.

A table that ``geodns latency build`` has made holds a line of its own, fitted to what was measured
(``geodns.latency.fit``): one for everybody, and one for each continent and region that differ.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

#: Light in glass: the speed of light over a refractive index of about 1.5, one way.
FIBRE_KM_PER_MS = 200.0

#: How much longer a network path is than the great circle: the median over those 36 pairs. Bozkurt
#: et al., "Dissecting Latency in the Internet's Fiber Infrastructure" (2018), bracket it: 2.1 as a
#: rule of thumb for the Internet at large, 1.3 if packets took the shortest way through the
#: conduits that are in the ground.
STRETCH = 1.7

#: What does not shrink with distance: the access network and the way to the first exchange point.
#: A few milliseconds over fibre; cable, DSL and mobile access add more, but to every region alike.
LAST_MILE_MS = 5.0


class Line(NamedTuple):
    """ms = base + per_km * km, both at least 0."""

    base: float
    per_km: float

    def at(self, kilometres: ArrayLike) -> NDArray[np.float64]:
        """The milliseconds at these distances, in the same shape; nan stays nan."""
        return np.asarray(self.base + np.asarray(kilometres, dtype=np.float64) * self.per_km)


DEFAULT_LINE = Line(LAST_MILE_MS, 2 * STRETCH / FIBRE_KM_PER_MS)


@dataclass(frozen=True)
class Estimate:
    """From kilometres to milliseconds, for clients of each continent to each region.

    ``cells`` are by (continent, region); all else follows ``everywhere``. ``fitted`` says whether
    these are figures of a table or the constants above.
    """

    everywhere: Line = DEFAULT_LINE
    cells: Mapping[tuple[str, str], Line] = field(default_factory=dict)
    fitted: bool = False

    def line(self, continent: str | None, region: str) -> Line:
        """The line for one continent of clients (None: unknown) and one region."""
        return self.cells.get((continent or "", region), self.everywhere)

    def milliseconds(
        self,
        kilometres: NDArray[np.float64],
        continent: NDArray[np.integer[Any]],
        continents: Sequence[str | None],
        regions: Sequence[str],
    ) -> NDArray[np.float64]:
        """Estimated round-trip times in ms for distances in km, both of shape (n, regions).

        ``continent``, shape (n,), holds each client's position in ``continents``, as in a
        ``PlaceTable``; ``regions`` names the columns. nan stays nan.
        """
        if not self.cells:
            return self.everywhere.at(kilometres)
        lines = np.array(
            [[self.line(name, region) for region in regions] for name in continents],
            dtype=np.float64,
        ).reshape(len(continents), len(regions), 2)
        chosen = lines[continent]
        return np.asarray(chosen[:, :, 0] + chosen[:, :, 1] * kilometres)


#: What is used where no table brings an estimate.
DEFAULT = Estimate()


def milliseconds(kilometres: ArrayLike) -> NDArray[np.float64]:
    """The default estimate in ms for great-circle distances in km, in the same shape.

    nan stays nan.
    """
    return DEFAULT_LINE.at(kilometres)
