"""Distances between cities that are known from elsewhere, and what holds for all points."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geodns.geo.distance import EARTH_RADIUS_KM, kilometres

Point = tuple[float, float]

LONDON, PARIS, NEW_YORK = (51.5074, -0.1278), (48.8566, 2.3522), (40.7128, -74.0060)
TOKYO, SYDNEY, SANTIAGO = (35.6762, 139.6503), (-33.8688, 151.2093), (-33.4489, -70.6693)
SUVA, APIA = (-18.1416, 178.4419), (-13.8333, -171.7667)
HALF_WAY_ROUND = math.pi * EARTH_RADIUS_KM

points = st.tuples(st.floats(-90, 90), st.floats(-180, 180))


@pytest.mark.parametrize(
    ("one", "other", "known"),
    [
        (LONDON, PARIS, 344),
        (LONDON, NEW_YORK, 5570),
        (NEW_YORK, TOKYO, 10850),
        (SYDNEY, TOKYO, 7820),
        (SYDNEY, SANTIAGO, 11340),  # across the Pacific and the date line
        (SUVA, APIA, 1145),  # across the date line
        ((90, 0), (-90, 77), HALF_WAY_ROUND),
        ((0, 0), (0, 180), HALF_WAY_ROUND),
        ((0, 179.5), (0, -179.5), 111.2),
    ],
)
def test_known_distances(one: Point, other: Point, known: float) -> None:
    # The sphere is within 0.6 % of the ellipsoid that tables of distances are made with.
    assert float(kilometres(*one, *other)) == pytest.approx(known, rel=0.006)


@given(points, points)
def test_the_distance_is_the_same_in_both_directions_and_on_earth(one: Point, other: Point) -> None:
    there, back = float(kilometres(*one, *other)), float(kilometres(*other, *one))
    assert there == pytest.approx(back, abs=1e-6)
    assert 0 <= there <= HALF_WAY_ROUND * (1 + 1e-12)


@given(points)
def test_a_point_is_at_no_distance_of_itself_and_farthest_from_its_antipode(point: Point) -> None:
    latitude, longitude = point
    assert float(kilometres(*point, *point)) == 0
    antipode = -latitude, longitude - 180 if longitude > 0 else longitude + 180
    assert float(kilometres(*point, *antipode)) == pytest.approx(HALF_WAY_ROUND)


def test_many_places_are_measured_against_many_regions_at_once() -> None:
    places, regions = np.array([LONDON, TOKYO, SYDNEY]), np.array([PARIS, NEW_YORK])
    table = kilometres(places[:, :1], places[:, 1:], regions[:, 0], regions[:, 1])
    assert table.shape == (3, 2)
    assert table[0, 1] == kilometres(*LONDON, *NEW_YORK)


def test_an_unknown_coordinate_has_no_distance() -> None:
    assert np.isnan(kilometres(np.nan, 0, *PARIS))
    assert np.isnan(kilometres(*PARIS, 0, np.nan))
