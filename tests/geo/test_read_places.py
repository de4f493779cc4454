"""Records of every schema as places, in words and against a slow reading one by one."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from maxminddb.decoder import Decoder
from mmdb_files import assemble, encode
from mmdb_writer import MmdbF32, MmdbI32, MmdbU32

from geodns.geo.mmdb import read_mmdb
from geodns.geo.place import NOWHERE, Place
from geodns.geo.records import read_places
from geodns.geo.values import DataSection

Record = Any

NESTED = {
    "city": {"geoname_id": 2950159, "names": {"de": "Berlin (de)", "en": "Berlin"}},
    "continent": {"code": "EU", "geoname_id": 6255148, "names": {"en": "Europe"}},
    "country": {"iso_code": "DE", "is_in_european_union": True, "names": {"en": "Germany"}},
    "location": {"accuracy_radius": 20, "latitude": 52.52, "longitude": 13.4},
    "postal": {"code": "10115"},
    "registered_country": {"iso_code": "FR"},
    "subdivisions": [
        {"iso_code": "BE", "names": {"en": "Land Berlin"}},
        {"iso_code": "X", "names": {"en": "a part of it"}},
    ],
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("records")


def read(folder: Path, *records: Record) -> tuple[list[Place], list[Any]]:
    """The places of these records, and the records as the official decoder gives them."""
    data, offsets = encode(*records)
    file = folder / "records.mmdb"
    file.write_bytes(assemble([(1, 1)], data))
    mmdb = read_mmdb(file)
    places = read_places(DataSection(mmdb), np.array(offsets, np.int64))
    decoder = Decoder(mmdb.data.tobytes())
    return list(places), [decoder.decode(offset)[0] for offset in offsets]


@pytest.mark.parametrize(
    ("record", "place"),
    [
        (NESTED, Place(52.52, 13.4, "EU", "DE", "BE", "Berlin")),
        ({"country": {"iso_code": "DE"}}, Place(country="DE")),
        ({"registered_country": {"iso_code": "FR"}}, Place(country="FR")),
        ({"autonomous_system_number": 3320}, Place(asn=3320)),
        (
            {
                "city": "Mountain View",
                "country_code": "US",
                "latitude": MmdbF32(37.5),
                "longitude": MmdbF32(-122.25),
                "state1": "California",
            },
            Place(37.5, -122.25, country="US", city="Mountain View"),
        ),
        (
            {"country": "JP", "continent": "AS", "region": "13", "lat": "35.68", "lng": "139.69"},
            Place(35.68, 139.69, "AS", "JP", "13"),
        ),
        (
            {"country": "US", "region_code": "US-CA", "city": " LA "},
            Place(country="US", subdivision="CA", city="LA"),
        ),
        (
            {"asn": "AS64500", "as_name": "Example", "country_code": "de"},
            Place(country="DE", asn=64500),
        ),
        ({"asn": "64500"}, Place(asn=64500)),
        ({"latitude": MmdbI32(-34), "longitude": MmdbU32(18)}, Place(-34.0, 18.0)),
        ({"country_code": "EU"}, Place(country="EU")),  # which fill_continents understands
    ],
    ids=lambda value: ", ".join(value) if isinstance(value, dict) else "",
)
def test_a_record_becomes_a_place(folder: Path, record: Record, place: Place) -> None:
    assert read(folder, record)[0] == [place]


@pytest.mark.parametrize(
    "record",
    [
        {},
        [],
        "DE",
        17,
        {"country": {"iso_code": "None"}},  # of the embedded database
        {"country": {"iso_code": 49}},
        {"country": ["DE"]},
        {"country_code": "XX"},
        {"country_code": "ZZ"},
        {"country": "Germany"},
        {"continent": "Europe"},
        {"subdivisions": [{"iso_code": "CA"}]},  # of which country?
        {"subdivisions": []},
        {"latitude": 91.0, "longitude": 0.5},
        {"latitude": 1.0, "longitude": -180.5},
        {"latitude": 0.0, "longitude": 0.0},  # the point in the sea that stands for "unknown"
        {"latitude": 1.0},
        {"location": {"longitude": 1.0}},
        {"latitude": "north", "longitude": "west"},
        {"latitude": float("nan"), "longitude": float("inf")},
        {"asn": 0},
        {"asn": "AS"},
        {"asn": 2**32},
        {"asn": MmdbI32(-1)},
        {"asn": True},
        {"city": "  "},
        {"city": {"names": {"de": "München"}}},
    ],
    # The repr of an integer of MMDB's holds its address in memory: names must be the same in every
    # process that runs a part of the tests.
    ids=lambda record: re.sub(" object at 0x[0-9a-f]+", "", repr(record)),
)
def test_what_makes_no_sense_is_unknown(folder: Path, record: Record) -> None:
    assert read(folder, record)[0] == [NOWHERE]


def test_a_city_on_the_equator_or_the_meridian_is_not_unknown(folder: Path) -> None:
    rows = [{"latitude": 0.0, "longitude": 32.5}, {"latitude": 51.48, "longitude": 0.0}]
    assert read(folder, *rows)[0] == [Place(0.0, 32.5), Place(51.48, 0.0)]


def test_records_of_several_schemas_can_stand_in_one_file(folder: Path) -> None:
    found, _ = read(folder, NESTED, {"country": "FR"}, {}, NESTED, {"asn": 1})
    assert [place.country for place in found] == ["DE", "FR", None, "DE", None]


# --- the reference ----------------------------------------------------------------------------


def member(value: Any, *path: str) -> Any:
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def text(candidates: Iterable[Any], pattern: str, unknown: Iterable[str] = ()) -> str | None:
    for candidate in candidates:
        match = re.fullmatch(pattern, candidate.strip()) if isinstance(candidate, str) else None
        if match and match[1].upper() not in unknown:
            return match[1]
    return None


def number(candidates: Iterable[Any]) -> float | None:
    for candidate in candidates:
        if isinstance(candidate, str | int | float) and not isinstance(candidate, bool):
            try:
                value = float(candidate)
            except ValueError:
                continue
            if value == value:
                return value
    return None


def system(candidates: Iterable[Any]) -> int | None:
    for candidate in candidates:
        digits = text([candidate], "(?i:AS)?([0-9]{1,10})")
        value = number([digits if isinstance(candidate, str) else candidate])
        if value is not None and 1 <= value < 2**32:
            return int(value)
    return None


def reference(record: Any) -> Place:
    def top(*keys: str) -> list[Any]:
        return [member(record, key) for key in keys]

    def located(*keys: str) -> list[Any]:
        return [*(member(record, "location", key) for key in keys), *top(*keys)]

    latitude = number(located("latitude", "lat"))
    longitude = number(located("longitude", "lng", "lon"))
    if latitude is None or longitude is None or abs(latitude) > 90 or abs(longitude) > 180:
        latitude = longitude = None
    if latitude == longitude == 0:
        latitude = longitude = None
    nations = [member(record, key, "iso_code") for key in ("country", "registered_country")]
    nations += top("country_code", "country_iso_code", "country")
    country = text(nations, "([A-Za-z]{2})", {"XX", "ZZ"})
    parts = member(record, "subdivisions")
    widest = member(parts[0], "iso_code") if isinstance(parts, list) and parts else None
    keys = ("state1", "region_code", "region", "subdivision")
    subdivision = text([widest, *top(*keys)], "(?:[A-Z]{2}-)?([A-Z0-9]{1,3})")
    continents = [member(record, "continent", "code"), *top("continent_code", "continent")]
    continent = text(continents, "((?i:AF|AN|AS|EU|NA|OC|SA))")
    return Place(
        latitude=latitude,
        longitude=longitude,
        continent=continent.upper() if continent else None,
        country=country.upper() if country else None,
        subdivision=subdivision if country else None,
        city=text([member(record, "city", "names", "en"), *top("city")], r"(?s)(\S.*)"),
        asn=system(top("autonomous_system_number", "asn", "as_number")),
    )


numbers = st.sampled_from([0, 1, 13, 64500, 2**32, 2**63]) | st.floats(-200, 200)
words = st.sampled_from(
    [
        *("DE", "us", " FR ", "XX", "None", "EU", "na", "US-CA", "CA", "13", "Bayern", "AS1"),
        *("as 2", "", "0", "52.5", "-13.25", "1e2", "x" * 40, "é" * 300),
    ]
)
simple = numbers | words | st.booleans() | st.binary(max_size=3)
inner_keys = ["iso_code", "code", "names", "en", "latitude", "lat", "longitude", "lon", "other"]
inner = st.recursive(
    simple,
    lambda deeper: (
        st.dictionaries(st.sampled_from(inner_keys), deeper, max_size=4)
        | st.lists(deeper, max_size=3)
    ),
    max_leaves=6,
)
top_keys = [
    *("city", "continent", "country", "location", "registered_country", "subdivisions"),
    *("country_code", "country_iso_code", "continent_code", "latitude", "lat", "longitude"),
    *("lng", "lon", "state1", "region_code", "region", "subdivision"),
    *("autonomous_system_number", "asn", "as_number", "other", "a key that is longer than others"),
]
flat: st.SearchStrategy[Mapping[str, Any]] = st.dictionaries(
    st.sampled_from(top_keys), inner, max_size=8
)
nested: st.SearchStrategy[Mapping[str, Any]] = st.fixed_dictionaries(
    {},
    optional={
        "city": st.fixed_dictionaries({}, optional={"names": st.dictionaries(words, words)}),
        "continent": st.fixed_dictionaries({"code": words}),
        "country": st.fixed_dictionaries({"iso_code": words}),
        "registered_country": st.fixed_dictionaries({"iso_code": words}),
        "location": st.dictionaries(st.sampled_from(["latitude", "longitude"]), numbers),
        "subdivisions": st.lists(st.fixed_dictionaries({}, optional={"iso_code": words})),
        "asn": simple,
        "country_code": words,
        "region": words,
    },
)


@settings(deadline=None, max_examples=200)
@given(st.lists(flat | nested | inner, min_size=1, max_size=10))
def test_records_are_read_as_one_by_one(folder: Path, records: list[Record]) -> None:
    found, decoded = read(folder, *records)
    for place, record in zip(found, decoded, strict=True):
        assert place == reference(record), record
