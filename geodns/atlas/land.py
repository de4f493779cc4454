"""Land in the colours of its cells: whole countries where they are of one look, parts otherwise."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from geodns.atlas.cells import SIDE, WEST, Cells
from geodns.atlas.contours import NOTHING, contours, spread
from geodns.atlas.outlines import Country
from geodns.atlas.projection import equal_earth
from geodns.atlas.scene import Area, Line
from geodns.atlas.survey import Looks

_MARGIN = 2  # cells that colours reach beyond a shore, where the country's outline cuts them


class Frame(NamedTuple):
    """Where the map is: its middle in pixels, and pixels in a radius of the earth."""

    x: float
    y: float
    scale: float

    def at(self, longitude: ArrayLike, latitude: ArrayLike) -> Line:
        """Degrees to pixels, shape (n, 2)."""
        x, y = equal_earth(longitude, latitude)
        return np.column_stack([self.x + self.scale * x, self.y - self.scale * y])


class Land(NamedTuple):
    """Areas in the style ``look<n>`` of each look, and the countries' borders over them."""

    fills: list[Area]
    borders: list[Area]


def draw_land(
    countries: Sequence[Country],
    cells: Cells,
    looks: Looks,
    frame: Frame,
    titles: Sequence[str],
) -> Land:
    """The world in the looks of its cells. ``titles`` says something of each country."""
    fills, borders = [], []
    starts = np.searchsorted(cells.country, np.arange(len(countries) + 1))
    for number, country in enumerate(countries):
        part = slice(int(starts[number]), int(starts[number + 1]))
        outline = [frame.at(*ring.T) for ring in country.rings]
        found = looks.number[part]
        base = int(np.bincount(found, cells.area[part] + 1e-12).argmax())
        whole = Area(outline, style_of(base), title=titles[number])
        fills.append(whole)
        if (found != base).any():
            fills += _parts(cells.row[part], cells.column[part], found, base, frame, whole)
        borders.append(Area(outline, "border"))
    return Land(fills, borders)


def style_of(look: int) -> str:
    """The class of a look."""
    return f"look{look}"


def _parts(
    row: NDArray[np.int32],
    column: NDArray[np.int32],
    looks: NDArray[np.int32],
    base: int,
    frame: Frame,
    whole: Area,
) -> list[Area]:
    """What is not in the look of most of the country, cut to it."""
    south, west = int(row.min()) - _MARGIN, int(column.min()) - _MARGIN
    shape = int(row.max()) - south + _MARGIN + 1, int(column.max()) - west + _MARGIN + 1
    kinds = np.full(shape, NOTHING, np.int32)
    kinds[row - south, column - west] = looks
    found = []
    for look, lines in contours(spread(kinds, _MARGIN)).items():
        if look == base:
            continue
        rings = [
            frame.at(
                (line[:, 0] + west) * SIDE + WEST,
                np.clip((line[:, 1] + south) * SIDE - 90, -90, 90),
            )
            for line in lines
        ]
        found.append(Area(rings, style_of(look), within=whole, title=whole.title))
    return found
