"""Where people live, as clients: the cities of GeoNames in squares of one degree.

``scripts/make-land-outlines`` has written them. They weigh what a map shows by how many are
concerned; people outside of cities of 500 inhabitants or more are not counted.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray

from geodns.atlas.places import places_at
from geodns.geo.places import PlaceTable

_QUANTUM = 100  # units in a degree


@dataclass(frozen=True, slots=True, eq=False)
class People:
    """n groups of people, each at one place; ``weights`` are their numbers, float64 (n,)."""

    places: PlaceTable
    weights: NDArray[np.float64]


@cache
def people() -> People:
    """Everybody who lives in a city."""
    with files("geodns.atlas").joinpath("data/people.npz").open("rb") as stream:
        table = np.load(stream)
        codes = [str(code) for code in table["countries"]]
        places = places_at(
            table["latitude"].astype(np.float64) / _QUANTUM,
            table["longitude"].astype(np.float64) / _QUANTUM,
            table["country"].astype(np.int32),
            codes,
        )
        return People(places, table["people"].astype(np.float64))
