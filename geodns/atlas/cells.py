"""Land cut into cells: squares of half a degree, one for each country that has a part of it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from geodns.atlas.outlines import Country, Points, countries
from geodns.atlas.places import places_at
from geodns.atlas.projection import CENTRE
from geodns.geo.places import PlaceTable

SIDE = 0.5
"""Degrees: two pixels at the equator of a map that is 1600 pixels wide."""

WEST = CENTRE - 180
_SAMPLES = 4  # along a side, for the part of a cell that is land
_STEP = SIDE / _SAMPLES


@dataclass(frozen=True, slots=True, eq=False)
class Cells:
    """n cells as columns, sorted by country.

    ``country`` are positions in ``outlines.countries()``; ``row`` counts from the south pole and
    ``column`` from ``WEST``, in steps of ``SIDE``. ``area`` is the country's land in the cell as a
    share of all land; 0 where a shore only just touches the cell.
    """

    country: NDArray[np.int32]
    row: NDArray[np.int32]
    column: NDArray[np.int32]
    area: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.country)

    def places(self) -> PlaceTable:
        """A client in the middle of each cell."""
        latitude, longitude = middle(self.row), middle(self.column) + WEST + 90
        codes = [country.code for country in countries()]
        return places_at(latitude, longitude, self.country, codes)


def middle(row: NDArray[np.int32]) -> NDArray[np.float64]:
    """The latitude of the middle of rows, in degrees."""
    return np.asarray((row + 0.5) * SIDE - 90)


@cache
def land_cells() -> Cells:
    """The cells of all land."""
    parts = [_cells_of(country) for country in countries()]
    number = np.repeat(np.arange(len(parts), dtype=np.int32), [len(part[0]) for part in parts])
    row, column, samples = (np.concatenate(columns) for columns in zip(*parts, strict=True))
    # The width of a cell shrinks with the cosine of the latitude.
    area = samples * np.cos(np.radians(middle(row)))
    return Cells(number, row.astype(np.int32), column.astype(np.int32), area / area.sum())


Columns = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]


def _cells_of(country: Country) -> Columns:
    """Rows, columns and the number of samples that are land in each."""
    everything = np.concatenate(country.rings) - [WEST, -90]
    low = np.floor(everything.min(axis=0) / SIDE).astype(np.int64)
    high = np.floor(everything.max(axis=0) / SIDE).astype(np.int64) + 1
    columns, rows = high - low
    inside = _filled(country, low * SIDE + [WEST, -90], (rows * _SAMPLES, columns * _SAMPLES))
    samples = inside.reshape(rows, _SAMPLES, columns, _SAMPLES).sum(axis=(1, 3))
    touched = samples > 0
    for ring in country.rings:
        at = np.floor((_close_together(ring) - [WEST, -90]) / SIDE).astype(np.int64) - low
        touched[np.minimum(at[:, 1], rows - 1), np.minimum(at[:, 0], columns - 1)] = True
    row, column = np.nonzero(touched)
    return row + low[1], column + low[0], samples[row, column]


def _filled(country: Country, origin: Points, shape: tuple[int, int]) -> NDArray[np.bool_]:
    """Which samples are inside: those that a line from the west meets after an odd crossing."""
    crossings = np.zeros((shape[0], shape[1] + 1), np.int32)
    for ring in country.rings:
        x, y = ((ring - origin) / _STEP - 0.5).T  # sample (i, j) is at x = j, y = i
        _count_crossings(crossings, x, y)
    return np.asarray(np.cumsum(crossings, axis=1)[:, :-1] % 2 == 1)


def _count_crossings(crossings: NDArray[np.int32], x: Points, y: Points) -> None:
    x2, y2 = np.roll(x, -1), np.roll(y, -1)
    # An edge crosses the rows from its lower end, included, to its upper one, excluded.
    first = np.ceil(np.minimum(y, y2)).astype(np.int64)
    count = np.ceil(np.maximum(y, y2)).astype(np.int64) - first
    edge = np.repeat(np.arange(len(x)), count)
    row = np.arange(len(edge)) - np.repeat(np.cumsum(count) - count, count) + first[edge]
    rise = y2[edge] - y[edge]
    crossed = x[edge] + (row - y[edge]) / rise * (x2[edge] - x[edge])
    column = np.clip(np.ceil(crossed), 0, crossings.shape[1] - 1).astype(np.int64)
    np.add.at(crossings, (row, column), 1)


def _close_together(ring: Points) -> Points:
    """Points along a ring, none farther from the next than a sample."""
    there = np.roll(ring, -1, axis=0)
    steps = np.ceil(np.abs(there - ring).max(axis=1) / _STEP).astype(np.int64)
    steps = np.maximum(steps, 1)
    edge = np.repeat(np.arange(len(ring)), steps)
    part = (np.arange(len(edge)) - np.repeat(np.cumsum(steps) - steps, steps)) / steps[edge]
    return np.asarray(ring[edge] + part[:, None] * (there - ring)[edge])
