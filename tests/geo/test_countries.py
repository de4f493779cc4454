"""Centres of population: that there is one for every country, and that it is where people live."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from maxminddb.decoder import Decoder

from geodns.geo.countries import (
    continent_centre,
    country_centre,
    fill_continents,
    fill_coordinates,
)
from geodns.geo.database import EMBEDDED_DATABASE, load_locations
from geodns.geo.distance import kilometres
from geodns.geo.mmdb import read_mmdb
from geodns.geo.place import NOWHERE, Place
from geodns.geo.places import PlaceTable
from geodns.geo.records import CONTINENTS
from geodns.geo.tree import expand

CSV = Path(EMBEDDED_DATABASE).parent / "country_centres.csv"

# country, continent, south, north, west, east: roughly the mainland
BOUNDS = [
    ("AR", "SA", -55, -21, -74, -53),
    ("AU", "OC", -44, -10, 113, 154),
    ("BR", "SA", -34, 6, -74, -34),
    ("CA", "NA", 41, 84, -141, -52),
    ("CL", "SA", -56, -17, -76, -66),
    ("CN", "AS", 18, 54, 73, 135),
    ("DE", "EU", 47, 55.1, 5.8, 15.1),
    ("EG", "AF", 22, 31.7, 24.7, 37),
    ("FR", "EU", 41, 51.1, -5.2, 9.6),
    ("GB", "EU", 49.8, 61, -8.7, 1.8),
    ("ID", "AS", -11, 6, 95, 141),
    ("IN", "AS", 6, 36, 68, 97.5),
    ("JP", "AS", 24, 46, 123, 146),
    ("KE", "AF", -4.8, 5, 33.9, 42),
    ("MX", "NA", 14, 33, -118, -86),
    ("NG", "AF", 4, 14, 2.6, 14.7),
    ("NZ", "OC", -48, -34, 166, 179),
    ("RU", "EU", 41, 82, 27, 180),
    ("SA", "AS", 16, 33, 34, 56),
    ("SE", "EU", 55, 69.1, 10.9, 24.2),
    ("SG", "AS", 1.1, 1.5, 103.6, 104.1),
    ("TR", "AS", 35.8, 42.2, 25.6, 44.9),
    ("US", "NA", 24, 49.4, -125, -66.9),
    ("ZA", "AF", -35, -22, 16, 33),
]


@pytest.mark.parametrize(("country", "continent", "south", "north", "west", "east"), BOUNDS)
def test_a_centre_lies_in_its_country(
    country: str, continent: str, south: float, north: float, west: float, east: float
) -> None:
    centre = country_centre(country)
    assert centre is not None
    assert centre.continent == continent
    assert south < centre.latitude < north
    assert west < centre.longitude < east


def test_a_centre_is_where_the_people_are_and_not_in_the_middle_of_the_land() -> None:
    for country, place, within in [
        ("DE", (50.8, 9.8), 60),
        ("AU", (-33.6, 144.8), 100),  # the south-east, not the desert
        ("SE", (59.0, 15.5), 150),  # the south
        ("EG", (29.8, 31.2), 150),  # the Nile
        ("RU", (54.5, 49.5), 500),  # the west of the Urals
    ]:
        centre = country_centre(country)
        assert centre is not None
        assert kilometres(centre.latitude, centre.longitude, *place) < within, country
    china, canada, brazil = (country_centre(country) for country in ("CN", "CA", "BR"))
    assert china is not None
    assert canada is not None
    assert brazil is not None
    assert china.longitude > 105
    assert canada.latitude < 52
    assert brazil.longitude > -50


def test_every_country_of_the_embedded_database_has_a_centre_and_a_continent() -> None:
    mmdb = read_mmdb(EMBEDDED_DATABASE)
    decoder = Decoder(mmdb.data.tobytes())
    records: list[Any] = [decoder.decode(int(offset))[0] for offset in expand(mmdb).offsets]
    codes = {record["country"]["iso_code"] for record in records} - {"None", "Unknown", "ZZ"}
    assert len(codes) > 200
    (nowhere, *places) = load_locations([]).places
    assert nowhere == NOWHERE
    assert {place.country or place.continent for place in places} == codes
    for place in places:
        country, continent = place.country, place.continent
        centre = country_centre(country) if country else continent_centre(continent or "")
        assert centre == (continent, place.latitude, place.longitude), place


def test_the_table_is_complete_and_plausible() -> None:
    header, *rows = CSV.read_text(encoding="utf-8").splitlines()
    assert header == "country,continent,latitude,longitude,population"
    assert len(rows) == len(set(rows)) > 250
    for row in rows:
        country, continent, latitude, longitude, _ = row.split(",")
        assert continent in CONTINENTS
        assert abs(float(latitude)) <= 90
        assert abs(float(longitude)) <= 180
        if country:
            assert country_centre(country) is not None
    assert sum(row.startswith(",") for row in rows) == len(CONTINENTS)


def test_every_continent_has_a_centre() -> None:
    for continent in CONTINENTS:
        centre = continent_centre(continent)
        assert centre is not None
        assert centre.continent == continent


def test_unknown_codes_have_no_centre() -> None:
    for code in ("XX", "ZZ", "", "de", "EU"):
        assert country_centre(code) is None
    assert continent_centre("XX") is None


def filled(*places: Place) -> list[Place]:
    return list(fill_coordinates(fill_continents(PlaceTable.of(places))))


def test_a_country_brings_its_continent_and_its_centre() -> None:
    centre = country_centre("JP")
    assert centre is not None
    (place,) = filled(Place(country="JP", asn=7))
    assert place == Place(centre.latitude, centre.longitude, "AS", "JP", asn=7)


def test_what_is_known_is_not_replaced() -> None:
    place = Place(41.0, 29.0, "EU", "TR", "34", "Istanbul")  # whose country is counted to Asia
    assert filled(place) == [place]


def test_a_continent_alone_has_the_centre_of_its_people() -> None:
    centre = continent_centre("AF")
    assert centre is not None
    assert filled(Place(continent="AF")) == [Place(centre.latitude, centre.longitude, "AF")]


def test_a_country_without_a_known_centre_is_put_on_its_continent() -> None:
    centre = continent_centre("EU")
    assert centre is not None
    (place,) = filled(Place(continent="EU", country="QQ"))
    assert (place.latitude, place.longitude) == (centre.latitude, centre.longitude)


def test_the_european_union_is_a_continent_and_no_country() -> None:
    (place, germany) = filled(Place(country="EU"), Place(country="DE"))
    centre = continent_centre("EU")
    assert centre is not None
    assert place == Place(centre.latitude, centre.longitude, "EU")
    assert germany.country == "DE"


def test_nowhere_stays_nowhere() -> None:
    assert filled(NOWHERE, Place(asn=1)) == [NOWHERE, Place(asn=1)]
