"""Where every client address is: sorted ranges of addresses, each with the number of a place."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from geodns.geo.places import PlaceTable


@dataclass(frozen=True, slots=True)
class Ranges:
    """A map from the whole address space of one family to small numbers.

    ``starts`` are sorted, the first is 0, and a range ends before the next one starts. For IPv4
    ``starts`` is uint32 of shape (n,) and ``low`` is None; for IPv6 ``starts`` is uint64 of shape
    (n,), the high half of the address, and ``low``, uint64 of shape (n,), the low half.
    ``values`` is int32 of shape (n,); neighbours have different values.
    """

    starts: NDArray[np.uint32] | NDArray[np.uint64]
    low: NDArray[np.uint64] | None
    values: NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Locations:
    """The location of every address. Values of the ranges are positions in ``places``.

    ``places[0]`` is NOWHERE. Addresses that embed an IPv4 address (IPv4-mapped, NAT64, 6to4,
    Teredo) are not in ``v6``: whoever looks one up looks up the IPv4 address that it carries.
    """

    v4: Ranges
    v6: Ranges
    places: PlaceTable
