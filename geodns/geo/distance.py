"""Great-circle distance between points on the earth."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

EARTH_RADIUS_KM = 6371.0088  # the IUGG's mean radius R1; a sphere is within 0.6 % of the ellipsoid

_Point = tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]


def kilometres(
    latitude1: ArrayLike, longitude1: ArrayLike, latitude2: ArrayLike, longitude2: ArrayLike
) -> NDArray[np.float64]:
    """Great-circle distances in km between points in degrees.

    The four arguments are broadcast against each other, as in ``kilometres(lat[:, None],
    lon[:, None], region_lat, region_lon)`` of shape (places, regions). NaN where a coordinate is.

    The haversine of the angle between two points is a quarter of their squared chord, which takes
    sines and cosines of each point alone and not of each pair, and is as exact at any distance.
    """
    x1, y1, z1 = _on_the_sphere(latitude1, longitude1)
    x2, y2, z2 = _on_the_sphere(latitude2, longitude2)
    squared_chord = (x1 - x2) ** 2 + (y1 - y2) ** 2 + (z1 - z2) ** 2
    # Rounding can lift antipodal points a hair above 1, where the arc sine is not defined.
    angle = 2 * np.arcsin(np.sqrt(np.minimum(squared_chord / 4, 1.0)))
    return np.asarray(EARTH_RADIUS_KM * angle, dtype=np.float64)


def _on_the_sphere(latitude: ArrayLike, longitude: ArrayLike) -> _Point:
    """x, y and z on the unit sphere."""
    phi, lambda_ = (
        np.radians(np.asarray(degrees, dtype=np.float64)) for degrees in (latitude, longitude)
    )
    around = np.cos(phi)
    return around * np.cos(lambda_), around * np.sin(lambda_), np.sin(phi)
