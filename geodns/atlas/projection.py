"""The Equal Earth projection: areas on the map are in proportion to areas on the earth.

B. Šavrič, T. Patterson and B. Jenny, "The Equal Earth map projection", International Journal of
Geographical Information Science 33(3), 2019, equations 1 to 5, for a sphere of radius 1.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

#: The meridian in the middle, in degrees. So the map's edge runs through the Bering Strait and cuts
#: nothing but ice and a few islands of the Aleutians.
CENTRE = 11.0

_A1, _A2, _A3, _A4 = 1.340264, -0.081106, 0.000893, 0.003796
_M = np.sqrt(3) / 2

Coordinates = NDArray[np.float64]


def equal_earth(longitude: ArrayLike, latitude: ArrayLike) -> tuple[Coordinates, Coordinates]:
    """x to the east and y to the north, in radii of the earth, for degrees; of the inputs' shape.

    Longitudes are not wrapped: ``CENTRE - 180`` is the western edge and ``CENTRE + 180`` the
    eastern one.
    """
    lambda_ = np.radians(np.asarray(longitude, np.float64) - CENTRE)
    theta = np.arcsin(_M * np.sin(np.radians(np.asarray(latitude, np.float64))))
    square = theta * theta
    sixth = square**3
    slope = _A1 + 3 * _A2 * square + sixth * (7 * _A3 + 9 * _A4 * square)
    x = lambda_ * np.cos(theta) / (_M * slope)
    y = theta * (_A1 + _A2 * square + sixth * (_A3 + _A4 * square))
    return np.asarray(x), np.asarray(y)


def on_the_map(longitude: ArrayLike) -> Coordinates:
    """The same meridians between the map's edges: from ``CENTRE - 180`` to ``CENTRE + 180``."""
    return np.asarray((np.asarray(longitude, np.float64) - CENTRE + 180) % 360 + CENTRE - 180)


def edge(step: float = 1.0) -> tuple[Coordinates, Coordinates]:
    """The outline of the world: x and y of a closed line, counter-clockwise, without its end."""
    up = np.arange(-90, 90 + step / 2, step)
    east, west = np.full_like(up, CENTRE + 180), np.full_like(up, CENTRE - 180)
    return equal_earth(np.concatenate([east, west]), np.concatenate([up, up[::-1]]))


#: The width and height of the whole map in radii of the earth: a little over 2 to 1.
WIDTH = 2 * float(equal_earth(CENTRE + 180, 0)[0])
HEIGHT = 2 * float(equal_earth(CENTRE, 90)[1])
