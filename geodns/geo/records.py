"""From the records of a database to places: the schemas of MaxMind and of other publishers.

MaxMind nests: ``{country: {iso_code}, location: {latitude, longitude}, subdivisions: [...]}``.
Others write flat records: ``{country_code, latitude, longitude, state1, city, asn}``. Both are
read from any file, whatever its type says.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from geodns.geo.places import Names, PlaceTable, intern_names
from geodns.geo.values import ABSENT, DataSection, Positions

CONTINENTS = frozenset({"AF", "AN", "AS", "EU", "NA", "OC", "SA"})
# Reserved by ISO 3166-1 for private use, and used for "unknown".
_UNKNOWN_COUNTRIES = frozenset({"XX", "ZZ"})
_COUNTRY = re.compile("[A-Z]{2}")
_SUBDIVISION = re.compile("(?:[A-Z]{2}-)?([A-Z0-9]{1,3})")
_ASN = re.compile("(?:AS)?([0-9]{1,10})", re.IGNORECASE)

_NESTED = ("country", "registered_country", "continent", "subdivisions", "location", "city")
_LATITUDE = ("latitude", "lat")
_LONGITUDE = ("longitude", "lng", "lon")
_COUNTRY_KEYS = ("country_code", "country_iso_code", "country")
_CONTINENT_KEYS = ("continent_code", "continent")
_SUBDIVISION_KEYS = ("state1", "region_code", "region", "subdivision")
_ASN_KEYS = ("autonomous_system_number", "asn", "as_number")
_FLAT = (
    *_LATITUDE,
    *_LONGITUDE,
    *_COUNTRY_KEYS,
    *_CONTINENT_KEYS,
    *_SUBDIVISION_KEYS,
    *_ASN_KEYS,
)


def read_places(data: DataSection, at: Positions) -> PlaceTable:
    """The places of the records at ``at``, row by row, with what the records say and no more.

    A code that is no code, a coordinate out of range, or a field of an unexpected type counts as
    unknown. Raises GeoError where the data is damaged.
    """
    top = data.members(at, sorted({*_NESTED, *_FLAT}))
    location = data.members(top["location"], (*_LATITUDE, *_LONGITUDE))
    latitude, longitude = _coordinates(
        _numbers(data, [*_pick(location, _LATITUDE), *_pick(top, _LATITUDE)]),
        _numbers(data, [*_pick(location, _LONGITUDE), *_pick(top, _LONGITUDE)]),
    )
    nations = [data.members(top[key], ["iso_code"]) for key in ("country", "registered_country")]
    iso_codes = [nation["iso_code"] for nation in nations]
    country, countries = _names(data, [*iso_codes, *_pick(top, _COUNTRY_KEYS)], _country_code)
    code = data.members(top["continent"], ["code"])["code"]
    continent, continents = _names(data, [code, *_pick(top, _CONTINENT_KEYS)], _continent_code)
    widest = data.members(data.first(top["subdivisions"]), ["iso_code"])["iso_code"]
    parts, part_names = _names(data, [widest, *_pick(top, _SUBDIVISION_KEYS)], _subdivision_code)
    subdivision, subdivisions = _whole_subdivisions(country, countries, parts, part_names)
    english = data.members(data.members(top["city"], ["names"])["names"], ["en"])["en"]
    city, cities = _names(data, [english, top["city"]], lambda name: name.strip() or None)
    return PlaceTable(
        latitude=latitude,
        longitude=longitude,
        continent=continent.astype(np.int16),
        country=country,
        subdivision=subdivision,
        city=city,
        asn=_asn(data, _pick(top, _ASN_KEYS)),
        continents=continents,
        countries=countries,
        subdivisions=subdivisions,
        cities=cities,
    )


def _pick(fields: dict[str, Positions], keys: Sequence[str]) -> list[Positions]:
    return [fields[key] for key in keys]


def _names(
    data: DataSection, candidates: Sequence[Positions], clean: Callable[[str], str | None]
) -> tuple[NDArray[np.int32], Names]:
    """The first candidate of each row that is text and that ``clean`` leaves something of."""
    codes = np.zeros(len(candidates[0]), np.int32)
    names: list[str | None] = [None]
    for candidate in candidates:
        missing = np.flatnonzero((codes == 0) & (candidate != ABSENT))
        if not len(missing):
            continue
        found, texts = data.texts(candidate[missing])
        cleaned, kept = intern_names(None if text is None else clean(text) for text in texts)
        found = cleaned[found]
        codes[missing] = np.where(found > 0, found + len(names) - 1, 0)
        names += kept[1:]
    # Two candidates may have brought the same name.
    merged, distinct = intern_names(names)
    return merged[codes], distinct


def _numbers(data: DataSection, candidates: Sequence[Positions]) -> NDArray[np.float64]:
    """The first candidate of each row that is a number, or text that reads as one."""
    numbers = np.full(len(candidates[0]), np.nan)
    for candidate in candidates:
        missing = np.flatnonzero(np.isnan(numbers) & (candidate != ABSENT))
        if not len(missing):
            continue
        numbers[missing] = data.numbers(candidate[missing])
        codes, texts = data.texts(candidate[missing])
        parsed = np.array([_parse_number(text) for text in texts])[codes]
        numbers[missing] = np.where(np.isnan(parsed), numbers[missing], parsed)
    return numbers


def _coordinates(
    latitude: NDArray[np.float64], longitude: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Both or neither. Publishers write 0, 0, a point in the Atlantic, for "unknown"."""
    known = (np.abs(latitude) <= 90) & (np.abs(longitude) <= 180)
    known &= (latitude != 0) | (longitude != 0)
    return np.where(known, latitude, np.nan), np.where(known, longitude, np.nan)


def _asn(data: DataSection, candidates: Sequence[Positions]) -> NDArray[np.int64]:
    numbers = np.zeros(len(candidates[0]), np.int64)
    for candidate in candidates:
        missing = np.flatnonzero((numbers == 0) & (candidate != ABSENT))
        if not len(missing):
            continue
        found = data.numbers(candidate[missing])
        codes, texts = data.texts(candidate[missing])
        parsed = np.array([_parse_asn(text) for text in texts])[codes]
        found = np.where(np.isnan(found), parsed, found)
        # RFC 6793 2: an AS number is a four-octet entity.
        plausible = (found >= 1) & (found < 2**32)
        numbers[missing] = np.where(plausible, found, 0).astype(np.int64)
    return numbers


def _whole_subdivisions(
    country: NDArray[np.int32], countries: Names, part: NDArray[np.int32], parts: Names
) -> tuple[NDArray[np.int32], Names]:
    """``US-CA`` from ``US`` and ``CA``; a part without its country means nothing."""
    known = (country > 0) & (part > 0)
    pairs = np.where(known, country.astype(np.int64) * len(parts) + part, 0)
    distinct, inverse = np.unique(pairs, return_inverse=True)
    codes, names = intern_names(
        f"{countries[pair // len(parts)]}-{parts[pair % len(parts)]}" if pair else None
        for pair in distinct.tolist()
    )
    return codes[inverse], names


def _parse_number(text: str | None) -> float:
    try:
        return float(text or "nan")
    except ValueError:
        return float("nan")


def _parse_asn(text: str | None) -> float:
    match = _ASN.fullmatch((text or "").strip())
    return float(match[1]) if match else float("nan")


def _country_code(text: str) -> str | None:
    code = text.strip().upper()
    return code if _COUNTRY.fullmatch(code) and code not in _UNKNOWN_COUNTRIES else None


def _continent_code(text: str) -> str | None:
    code = text.strip().upper()
    return code if code in CONTINENTS else None


def _subdivision_code(text: str) -> str | None:
    # Some publishers write a name here. Codes are in capitals; "Ain" is not the code AIN.
    match = _SUBDIVISION.fullmatch(text.strip())
    return match[1] if match else None
