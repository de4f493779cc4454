"""Equal Earth against PROJ's own figures, and against what its name promises."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geodns.atlas.projection import CENTRE, HEIGHT, WIDTH, edge, equal_earth, on_the_map

# PROJ 9.5.1, +proj=eqearth +R=1, by way of pyproj; degrees from the middle meridian.
PROJ = {
    (0, 0): (0.0, 0.0),
    (180, 0): (2.7066299836960748, 0.0),
    (-180, 45): (-2.319708998205967, 0.8602310855220102),
    (180, 90): (1.6035886482840516, 1.3173627591574133),
    (100, -30): (1.4065009310151473, -0.592935119848017),
    (0, 60): (0.0, 1.0883008355053196),
    (-77.49, 39.04): (-1.0388652317682618, 0.7577453056551987),
}


@pytest.mark.parametrize(("degrees", "expected"), PROJ.items())
def test_points_are_where_proj_has_them(
    degrees: tuple[float, float], expected: tuple[float, float]
) -> None:
    x, y = equal_earth(CENTRE + degrees[0], degrees[1])
    assert (float(x), float(y)) == pytest.approx(expected, abs=1e-9)


@given(st.floats(-170, 170), st.floats(-85, 84))
def test_areas_are_in_proportion_to_those_on_the_earth(longitude: float, latitude: float) -> None:
    east = np.array([longitude, longitude + 0.1, longitude + 0.1, longitude]) + CENTRE
    north = np.array([latitude, latitude, latitude + 0.1, latitude + 0.1])
    x, y = equal_earth(east, north)
    drawn = (x * np.roll(y, -1) - np.roll(x, -1) * y).sum() / 2
    top, bottom = math.sin(math.radians(latitude + 0.1)), math.sin(math.radians(latitude))
    assert drawn == pytest.approx(math.radians(0.1) * (top - bottom), rel=1e-3)


def test_the_edge_goes_around_the_whole_map() -> None:
    x, y = edge()
    assert (x.max() - x.min(), y.max() - y.min()) == pytest.approx((WIDTH, HEIGHT))
    # The earth's surface is 4 pi square radii.
    assert (x * np.roll(y, -1) - np.roll(x, -1) * y).sum() / 2 == pytest.approx(4 * math.pi, 1e-3)


@given(st.floats(-720, 720))
def test_every_meridian_is_on_the_map_once(longitude: float) -> None:
    there = float(on_the_map(longitude))
    assert CENTRE - 180 <= there <= CENTRE + 180
    assert (there - longitude) % 360 == pytest.approx(0, abs=1e-9) or (
        there - longitude
    ) % 360 == pytest.approx(360, abs=1e-9)
