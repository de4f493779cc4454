"""Columns of coordinates and countries as the places of clients."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from geodns.geo.countries import fill_continents, fill_coordinates
from geodns.geo.places import PlaceTable, intern_names


def places_at(
    latitude: NDArray[np.float64],
    longitude: NDArray[np.float64],
    country: NDArray[np.int32],
    codes: Sequence[str | None],
) -> PlaceTable:
    """Places by their coordinates in degrees, all of shape (n,), and their countries' continents.

    ``country`` holds positions in ``codes``. Subdivision, city and AS number are unknown.
    """
    positions, names = intern_names(codes)
    nothing = np.zeros(len(latitude), np.int32)
    return fill_continents(
        PlaceTable(
            latitude=latitude,
            longitude=(longitude + 180) % 360 - 180,
            continent=nothing.astype(np.int16),
            country=positions[country],
            subdivision=nothing,
            city=nothing,
            asn=nothing.astype(np.int64),
            continents=(None,),
            countries=names,
            subdivisions=(None,),
            cities=(None,),
        )
    )


def at_centres(places: PlaceTable) -> PlaceTable:
    """What a database that knows only countries says: all of a country at its people's centre."""
    unknown = np.full(len(places), np.nan)
    by_country = fill_coordinates(replace(places, latitude=unknown, longitude=unknown))
    known = ~np.isnan(by_country.latitude)
    return replace(
        places,
        latitude=np.where(known, by_country.latitude, places.latitude),
        longitude=np.where(known, by_country.longitude, places.longitude),
    )
