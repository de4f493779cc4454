"""The areas that places belong to, named as the rows of a latency table name them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from geodns.geo.countries import country_centre
from geodns.geo.places import PlaceTable
from geodns.latency.client import ClientKeyError, Level, parse_client

#: The levels that depend on the place alone, widest first.
AREAS = (Level.CONTINENT, Level.COUNTRY, Level.SUBDIVISION, Level.ASN_COUNTRY)


@dataclass(frozen=True)
class Area:
    """The areas of one level.

    ``names`` are their client keys; ``of_place``, int64 of shape (places,), holds each place's
    position among them, -1 for none; ``first_place`` is a place in each.
    """

    names: tuple[str, ...]
    of_place: NDArray[np.int64]
    first_place: NDArray[np.int64]


def areas(places: PlaceTable, level: Level) -> Area:
    """The areas of a level that the places are in, as far as a row can name them."""
    codes = _codes(places, level)
    distinct, first, inverse = np.unique(codes, return_index=True, return_inverse=True)
    keys = [_key(places, int(row), level) for row in first]
    position: dict[str, int] = {}
    for key in keys:
        if key is not None:
            position.setdefault(key, len(position))
    table = np.array([position.get(key, -1) if key else -1 for key in keys], dtype=np.int64)
    first_place = np.zeros(len(position), dtype=np.int64)
    first_place[table[table >= 0]] = first[table >= 0]
    of_place = table[inverse] if len(distinct) else np.zeros(0, np.int64)
    return Area(tuple(position), of_place, first_place)


def spots(places: PlaceTable) -> Area:
    """Places with the same coordinates, which an estimate can't tell apart. They have no names."""
    at = places.latitude + 1j * places.longitude
    located = ~np.isnan(at)
    _, first, inverse = np.unique(at[located], return_index=True, return_inverse=True)
    of_place = np.full(len(places), -1, dtype=np.int64)
    of_place[located] = inverse
    return Area(("",) * len(first), of_place, np.flatnonzero(located)[first])


def _codes(places: PlaceTable, level: Level) -> NDArray[np.int64]:
    match level:
        case Level.CONTINENT:
            return places.continent.astype(np.int64)
        case Level.COUNTRY:
            return places.country.astype(np.int64)
        case Level.SUBDIVISION:
            return places.subdivision.astype(np.int64)
        case _:
            return np.asarray(places.asn << 16 | places.country.astype(np.int64))


def _key(places: PlaceTable, row: int, level: Level) -> str | None:
    place = places[row]
    country = country_centre(place.country) if place.country else None
    text: str | None = None
    if level is Level.CONTINENT:
        text = place.continent
    elif country is None or place.country is None:
        return None
    elif level is Level.COUNTRY:
        text = f"{country.continent}-{place.country}"
    elif level is Level.SUBDIVISION and place.subdivision:
        text = f"{country.continent}-{place.country}-{place.subdivision}"
    elif level is Level.ASN_COUNTRY and place.asn:
        text = f"AS{place.asn}-{place.country}"
    try:
        return parse_client(text).text if text else None
    except ClientKeyError:  # a database may know codes that ISO 3166 doesn't
        return None
