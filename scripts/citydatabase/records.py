"""The records: MaxMind's City schema, with cities around the real centres of real countries."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from benchmarks.country_database import Unsigned, encode
from numpy.typing import NDArray

from citydatabase.countries import Country
from citydatabase.names import place_names
from citydatabase.section import Section, array_header, double, map_header

_RECORDS_PER_CITY = 3  # one without a postal code, and two with one
_CITIES_PER_SUBDIVISION = 40
_MOST_SUBDIVISIONS = 60
_RADII = (1, 5, 10, 20, 50, 100, 200, 500, 1000)  # km
_FIRST_ID = 1_000_000


@dataclass(frozen=True, slots=True, eq=False)
class Records:
    """The data section; where each record begins in it; and what the records say, to check by."""

    section: bytes
    offsets: NDArray[np.int64]
    countries: Sequence[str]
    latitudes: NDArray[np.float64]
    longitudes: NDArray[np.float64]


class _Shared(NamedTuple):
    """Pointers to what many records hold."""

    country: bytes  # the entries continent, country and registered_country
    keys: dict[str, bytes]


def make_records(
    countries: Sequence[Country], per_country: NDArray[np.int64], chance: np.random.Generator
) -> Records:
    """So many records of each country, all different. A country's first one knows no city."""
    section = Section()
    keys = {key: section.text(key) for key in _KEYS}
    offsets: list[int] = []
    codes: list[str] = []
    spots: list[NDArray[np.float64]] = []
    for number, (country, count) in enumerate(zip(countries, per_country.tolist(), strict=True)):
        if not count:
            continue
        shared = _Shared(_country_entries(section, keys, country, number), keys)
        places = _spots(country, count, chance)
        radii = chance.choice(_RADII, size=count)
        offsets += map(section.add, _records(section, shared, number, places, radii))
        spots.append(places)
        codes += [country.code] * count
    where = np.concatenate(spots)
    return Records(
        bytes(section.content), np.array(offsets, np.int64), codes, where[:, 0], where[:, 1]
    )


_KEYS = (
    *("city", "continent", "country", "location", "postal", "registered_country", "subdivisions"),
    *("accuracy_radius", "latitude", "longitude", "time_zone"),
    *("code", "geoname_id", "iso_code", "names"),
)


def _country_entries(
    section: Section, keys: dict[str, bytes], country: Country, number: int
) -> bytes:
    continent = section.share(
        map_header(3)
        + keys["code"]
        + section.text(country.continent)
        + _identity(section, keys, country.continent.encode()[0], country.continent)
    )
    nation = section.share(
        map_header(3)
        + keys["iso_code"]
        + section.text(country.code)
        + _identity(section, keys, 1000 + number, country.code)
    )
    return (
        (keys["continent"] + continent)
        + (keys["country"] + nation)
        + (keys["registered_country"] + nation)
    )


def _identity(section: Section, keys: dict[str, bytes], number: int, code: str = "") -> bytes:
    """Two entries of a map: the id and the names of a place; ``code`` stands in for its name."""
    names = dict.fromkeys(place_names(0), code) if code else place_names(number)
    return b"".join(
        (
            keys["geoname_id"],
            encode(Unsigned(_FIRST_ID + number, 32)),
            keys["names"],
            section.names(names),
        )
    )


def _spots(country: Country, count: int, chance: np.random.Generator) -> NDArray[np.float64]:
    """Latitude and longitude of each record, shape (count, 2), as precise as databases are."""
    cities = -(-count // _RECORDS_PER_CITY)
    centre = np.array([country.latitude, country.longitude])
    around = centre + chance.normal(0, country.spread / 2, (cities, 2))
    spots = np.repeat(around, _RECORDS_PER_CITY, axis=0)[:count]
    spots = spots + chance.normal(0, 0.02, spots.shape)
    spots[0] = centre
    spots[:, 0] = np.clip(spots[:, 0], -89, 89)
    spots[:, 1] = (spots[:, 1] + 180) % 360 - 180
    return spots.round(4)


def _records(
    section: Section,
    shared: _Shared,
    nation: int,
    places: NDArray[np.float64],
    radii: NDArray[np.int64],
) -> Iterator[bytes]:
    city = area = b""
    for number, ((latitude, longitude), radius) in enumerate(
        zip(places.tolist(), radii.tolist(), strict=True)
    ):
        where = _location(section, shared.keys, latitude, longitude, radius)
        if number == 0:
            yield map_header(4) + shared.country + where
            continue
        town, post = divmod(number, _RECORDS_PER_CITY)
        if post == 0 or not city:
            city = _city(section, shared.keys, nation, town)
        if town % _CITIES_PER_SUBDIVISION == 0 or not area:
            area = _subdivision(section, shared.keys, nation, town // _CITIES_PER_SUBDIVISION)
        if post == 0:
            yield map_header(6) + city + shared.country + where + area
            continue
        code = shared.keys["postal"] + map_header(1) + shared.keys["code"] + encode(f"{number:05}")
        yield map_header(7) + city + shared.country + where + code + area


def _location(
    section: Section, keys: dict[str, bytes], latitude: float, longitude: float, radius: int
) -> bytes:
    # The signs of these zones are those of POSIX: Etc/GMT-8 is 8 hours ahead of Greenwich.
    hours = round(longitude / 15)
    return b"".join(
        (
            keys["location"] + map_header(4),
            keys["accuracy_radius"] + encode(Unsigned(radius, 16)),
            keys["latitude"] + double(latitude),
            keys["longitude"] + double(longitude),
            keys["time_zone"] + section.text(f"Etc/GMT{-hours:+d}"),
        )
    )


def _city(section: Section, keys: dict[str, bytes], nation: int, town: int) -> bytes:
    place = map_header(2) + _identity(section, keys, nation * 50_000 + town)
    return keys["city"] + section.share(place)


def _subdivision(section: Section, keys: dict[str, bytes], nation: int, number: int) -> bytes:
    number %= _MOST_SUBDIVISIONS
    code = chr(ord("A") + number // 26) + chr(ord("A") + number % 26)
    part = map_header(3) + keys["iso_code"] + section.text(code)
    part += _identity(section, keys, 20_000_000 + nation * _MOST_SUBDIVISIONS + number)
    return keys["subdivisions"] + array_header(1) + section.share(part)
