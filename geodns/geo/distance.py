"""Great-circle distance between points on the earth."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

EARTH_RADIUS_KM = 6371.0088  # the IUGG's mean radius R1; a sphere is within 0.6 % of the ellipsoid


def kilometres(
    latitude1: ArrayLike, longitude1: ArrayLike, latitude2: ArrayLike, longitude2: ArrayLike
) -> NDArray[np.float64]:
    """Great-circle distances in km between points in degrees, by the haversine formula.

    The four arguments are broadcast against each other, as in ``kilometres(lat[:, None],
    lon[:, None], region_lat, region_lon)`` of shape (places, regions). NaN where a coordinate is.
    """
    phi1, lambda1, phi2, lambda2 = (
        np.radians(np.asarray(degrees, dtype=np.float64))
        for degrees in (latitude1, longitude1, latitude2, longitude2)
    )
    haversine = (
        np.sin((phi2 - phi1) / 2) ** 2
        + np.cos(phi1) * np.cos(phi2) * np.sin((lambda2 - lambda1) / 2) ** 2
    )
    # Rounding can lift antipodal points a hair above 1, where the arc sine is not defined.
    angle = 2 * np.arcsin(np.sqrt(np.minimum(haversine, 1.0)))
    return np.asarray(EARTH_RADIUS_KM * angle, dtype=np.float64)
