"""Where the people of a country are: the place of a client of which no more is known."""

from __future__ import annotations

import csv
from dataclasses import replace
from functools import cache
from importlib.resources import files
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from geodns.geo.places import Names, PlaceTable, intern_names

# Reserved by ISO 3166-1 for the European Union; registries and databases use it as a country.
_EUROPE = "EU"


class Centre(NamedTuple):
    """The centre of population, in degrees, and the continent (AF AN AS EU NA OC SA)."""

    continent: str
    latitude: float
    longitude: float


def country_centre(country: str) -> Centre | None:
    """The centre of a country by its ISO 3166-1 code in upper case; None for an unknown code."""
    return _centres()[0].get(country)


def continent_centre(continent: str) -> Centre | None:
    """The centre of all people of a continent; None for an unknown code."""
    return _centres()[1].get(continent)


def fill_continents(places: PlaceTable) -> PlaceTable:
    """Give a place without a continent its country's. The country "EU" becomes a continent."""
    places = _without_european_union(places)
    found = [country_centre(country) if country else None for country in places.countries]
    codes, continents = intern_names(
        [*places.continents, *(centre.continent if centre else None for centre in found)]
    )
    # The names that were there come first and keep their positions.
    by_country = codes[len(places.continents) :].astype(np.int16)
    continent = np.where(places.continent > 0, places.continent, by_country[places.country])
    return replace(places, continent=continent, continents=continents)


def fill_coordinates(places: PlaceTable) -> PlaceTable:
    """Give a place without coordinates the centre of its country or, that unknown, continent."""
    by_country = _centre_table(places.countries, _centres()[0])[places.country]
    by_continent = _centre_table(places.continents, _centres()[1])[places.continent]
    centres = np.where((places.country > 0)[:, None], by_country, by_continent)
    centres = np.where(np.isnan(centres), by_continent, centres)
    unlocated = np.isnan(places.latitude)
    return replace(
        places,
        latitude=np.where(unlocated, centres[:, 0], places.latitude),
        longitude=np.where(unlocated, centres[:, 1], places.longitude),
    )


def _without_european_union(places: PlaceTable) -> PlaceTable:
    if _EUROPE not in places.countries:
        return places
    union = places.country == places.countries.index(_EUROPE)
    _, continents = intern_names([*places.continents, _EUROPE])
    return replace(
        places,
        country=np.where(union, np.int32(0), places.country),
        subdivision=np.where(union, np.int32(0), places.subdivision),
        continent=np.where(union, np.int16(continents.index(_EUROPE)), places.continent),
        continents=continents,
    )


def _centre_table(names: Names, centres: dict[str, Centre]) -> NDArray[np.float64]:
    """Latitude and longitude of each name, shape (names, 2); NaN where unknown."""
    table = np.full((len(names), 2), np.nan)
    for position, name in enumerate(names):
        if name in centres:
            table[position] = centres[name][1:]
    return table


@cache
def _centres() -> tuple[dict[str, Centre], dict[str, Centre]]:
    """Of countries and of continents, as scripts/make-country-centres has written them."""
    text = files("geodns.geo").joinpath("data/country_centres.csv").read_text("utf-8")
    countries, continents = {}, {}
    for row in csv.DictReader(text.splitlines()):
        centre = Centre(row["continent"], float(row["latitude"]), float(row["longitude"]))
        if row["country"]:
            countries[row["country"]] = centre
        else:
            continents[row["continent"]] = centre
    return countries, continents
