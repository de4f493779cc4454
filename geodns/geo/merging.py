"""Places of two databases as one: what the better one lacks is filled in from the other."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from geodns.geo.places import Names, PlaceTable, intern_names

_Column = TypeVar("_Column", bound=np.signedinteger[Any])


def merge_places(best: PlaceTable, other: PlaceTable) -> PlaceTable:
    """Row by row, what ``best`` says, and where it is silent what ``other`` says.

    Fields are filled in one by one, under rules that keep a place in one spot:

    - The AS number says nothing about where a place is: it is taken whenever it is missing.
    - Where ``best`` knows no location at all, or a continent only and ``other`` is on the same,
      the whole location is taken.
    - Where both name the same country, missing coordinates (as a pair), subdivision and city are
      taken, unless the two name different subdivisions.
    - Otherwise the two contradict each other, or can't be compared, and ``best`` stands alone.
    """
    other, names = _in_terms_of(best, other)
    located = ~np.isnan(best.latitude)
    vague = (best.country == 0) & ~located
    whole = vague & ((best.continent == 0) | (best.continent == other.continent))
    same_country = (best.country > 0) & (best.country == other.country)
    clash = (best.subdivision > 0) & (other.subdivision > 0)
    clash &= best.subdivision != other.subdivision
    finer = whole | (same_country & ~clash)
    pair = finer & ~located

    def fill(mine: NDArray[_Column], theirs: NDArray[_Column], allowed: Any) -> NDArray[_Column]:
        return np.where(allowed & (mine == 0), theirs, mine)

    return replace(
        best,
        latitude=np.where(pair, other.latitude, best.latitude),
        longitude=np.where(pair, other.longitude, best.longitude),
        continent=fill(best.continent, other.continent, whole | same_country),
        country=fill(best.country, other.country, whole),
        subdivision=fill(best.subdivision, other.subdivision, finer),
        city=fill(best.city, other.city, finer),
        asn=fill(best.asn, other.asn, True),
        **names,
    )


def _in_terms_of(best: PlaceTable, other: PlaceTable) -> tuple[PlaceTable, dict[str, Names]]:
    """``other`` with positions in names that hold those of both; those of ``best`` stay valid."""
    continents, continent = _union(best.continents, other.continents)
    countries, country = _union(best.countries, other.countries)
    subdivisions, subdivision = _union(best.subdivisions, other.subdivisions)
    cities, city = _union(best.cities, other.cities)
    names = {
        "continents": continents,
        "countries": countries,
        "subdivisions": subdivisions,
        "cities": cities,
    }
    columns = replace(
        other,
        continent=continent.astype(np.int16)[other.continent],
        country=country[other.country],
        subdivision=subdivision[other.subdivision],
        city=city[other.city],
    )
    return columns, names


def _union(first: Names, second: Names) -> tuple[Names, NDArray[np.int32]]:
    """Names of both, those of the first as they were, and where those of the second went."""
    codes, names = intern_names([*first, *second])
    return names, codes[len(first) :]
