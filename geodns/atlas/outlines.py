"""The outlines of countries, as scripts/make-land-outlines has written them.

They are Natural Earth's (public domain), which draws borders as they are controlled, and cut where
the map ends: see ``geodns.atlas.projection.CENTRE``.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]
"""Shape (n, 2). A ring's last point is not its first again."""

_QUANTUM = 100  # units in a degree


@dataclass(frozen=True, slots=True, eq=False)
class Country:
    """A country by its ISO 3166-1 code (None for land that has none) and its rings.

    A ring is longitude and latitude in degrees, counter-clockwise around land, clockwise around a
    hole in it.
    """

    code: str | None
    rings: tuple[Points, ...]


@cache
def countries() -> tuple[Country, ...]:
    """All land, in the order of the codes."""
    with files("geodns.atlas").joinpath("data/land.npz").open("rb") as stream:
        land = np.load(stream)
        codes, owner, size = land["countries"], land["country"], land["size"]
        points = land["points"].astype(np.float64) / _QUANTUM
    rings = np.split(points, np.cumsum(size.astype(np.int64))[:-1])
    return tuple(
        Country(str(code) or None, tuple(rings[at] for at in np.flatnonzero(owner == number)))
        for number, code in enumerate(codes)
    )
