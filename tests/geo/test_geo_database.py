"""From database files to locations: several of them, the embedded one, and changed files."""

from __future__ import annotations

import os
import random
import shutil
from datetime import UTC, datetime
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import maxminddb
import pytest
from mmdb_files import ALIASES, random_networks, write_database

from geodns.geo.countries import country_centre
from geodns.geo.database import (
    EMBEDDED_DATABASE,
    databases_or_embedded,
    describe,
    fingerprint,
    load_locations,
)
from geodns.geo.errors import GeoError
from geodns.geo.locations import Locations
from geodns.geo.place import NOWHERE, Place
from geodns.geo.ranges import value_at

CITY = {
    "10.1.0.0/16": {
        "city": {"names": {"en": "Berlin"}},
        "continent": {"code": "EU"},
        "country": {"iso_code": "DE"},
        "location": {"latitude": 52.52, "longitude": 13.4},
        "subdivisions": [{"iso_code": "BE"}],
    },
    "10.2.0.0/16": {"country": {"iso_code": "FR"}, "continent": {"code": "EU"}},
    "2001:db8::/32": {"country": {"iso_code": "JP"}},
}
SYSTEMS = {
    "10.0.0.0/8": {"autonomous_system_number": 64500},
    "10.1.128.0/17": {"autonomous_system_number": 64501},
    "2001:db8:8000::/33": {"autonomous_system_number": 64502},
}
FLAT = {
    "10.2.0.0/17": {
        "country_code": "FR",
        "state1": "Ile-de-France",
        "city": "Paris",
        "latitude": 48.85,
        "longitude": 2.35,
    },
    "10.3.0.0/16": {"country_code": "IT", "latitude": 41.9, "longitude": 12.5, "city": "Rome"},
    "10.1.0.0/24": {"country_code": "PL", "city": "Elsewhere"},
}
BERLIN = Place(52.52, 13.4, "EU", "DE", "BE", "Berlin", 64500)


def at(locations: Locations, text: str) -> Place:
    address = ip_address(text)
    ranges = locations.v4 if address.version == 4 else locations.v6
    return locations.places[value_at(ranges, address)]


def centre(country: str, asn: int | None = None) -> Place:
    found = country_centre(country)
    assert found is not None
    return Place(found.latitude, found.longitude, found.continent, country, asn=asn)


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    """City, AS numbers, and another publisher's flat file."""
    return [
        write_database(tmp_path / "city.mmdb", CITY, database_type="Test-City", aliases=ALIASES),
        write_database(tmp_path / "asn.mmdb", SYSTEMS, database_type="Test-ASN", record_size=28),
        write_database(tmp_path / "flat.mmdb", FLAT, ip_version=4, record_size=32),
    ]


def test_several_databases_make_one_place(files: list[Path]) -> None:
    locations = load_locations(files)
    expected = {
        "10.1.2.3": BERLIN,
        "10.1.200.3": BERLIN._replace(asn=64501),
        "10.1.0.9": BERLIN,  # which the third file has in another country
        "10.2.0.1": Place(48.85, 2.35, "EU", "FR", None, "Paris", 64500),
        "10.2.128.1": centre("FR", 64500),
        "10.3.0.1": Place(41.9, 12.5, "EU", "IT", None, "Rome", 64500),
        "10.4.0.1": Place(asn=64500),
        "11.0.0.1": NOWHERE,
        "2001:db8::1": centre("JP"),
        "2001:db8:8000::1": centre("JP", 64502),
        "2001:db9::1": NOWHERE,
    }
    assert {text: at(locations, text) for text in expected} == expected
    assert locations.places[0] == NOWHERE


def test_the_first_database_is_the_best(files: list[Path]) -> None:
    locations = load_locations(files[::-1])
    assert at(locations, "10.1.0.9") == centre("PL", 64500)._replace(city="Elsewhere")
    assert at(locations, "10.1.2.3") == BERLIN


def test_each_place_is_listed_once_and_used(files: list[Path]) -> None:
    locations = load_locations(files)
    assert len(set(locations.places)) == len(locations.places)
    used = {0, *locations.v4.values.tolist(), *locations.v6.values.tolist()}
    assert used == set(range(len(locations.places)))


def test_a_database_that_is_named_twice_changes_nothing(files: list[Path]) -> None:
    once, twice = load_locations(files[:1]), load_locations(files[:1] * 2)
    assert list(once.places) == list(twice.places)
    assert once.v4.values.tolist() == twice.v4.values.tolist()
    assert once.v6.starts.tolist() == twice.v6.starts.tolist()


def test_addresses_that_carry_ipv4_are_not_in_the_ranges_of_ipv6(files: list[Path]) -> None:
    locations = load_locations(files[:1])
    for text in ("::ffff:10.1.0.1", "64:ff9b::10.1.0.1", "2002:a01:1::", "::10.1.0.1"):
        assert at(locations, text) == NOWHERE


def test_one_broken_database_among_good_ones_is_refused_by_its_name(files: list[Path]) -> None:
    files[1].write_bytes(b"broken")
    with pytest.raises(GeoError, match=r"asn\.mmdb: is not an MMDB file"):
        load_locations(files)
    with pytest.raises(GeoError, match=r"asn\.mmdb: is not an MMDB file"):
        describe(files)


@pytest.mark.parametrize("seed", range(3))
def test_layers_are_merged_the_same_at_every_address(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    kinds: list[list[Any]] = [
        [{"country": {"iso_code": code}} for code in ("DE", "FR", "JP")],
        [{"autonomous_system_number": number} for number in (1, 2, 3)],
    ]
    files = [
        write_database(
            tmp_path / f"{number}.mmdb",
            random_networks(chance, 60, 4, records) + random_networks(chance, 60, 6, records),
        )
        for number, records in enumerate(kinds)
    ]
    locations = load_locations(files)
    with maxminddb.open_database(files[0]) as best, maxminddb.open_database(files[1]) as other:
        networks = [network for reader in (best, other) for network, _ in reader]
        edges = [str(network[end]) for network in networks for end in (0, -1)]
        for text in chance.sample(edges, min(1500, len(edges))):
            country, system = best.get(text), other.get(text)
            place = at(locations, text)
            assert place.country == (country["country"]["iso_code"] if country else None)  # type: ignore[call-overload,index]
            assert place.asn == (system["autonomous_system_number"] if system else None)  # type: ignore[call-overload,index]


# --- the embedded database --------------------------------------------------------------------


def test_without_databases_the_embedded_one_is_used() -> None:
    assert list(databases_or_embedded([])) == [EMBEDDED_DATABASE]
    locations = load_locations([])
    expected = {
        "8.8.8.8": "US",
        "194.25.0.125": "DE",
        "202.96.209.133": "CN",
        "202.12.27.33": "JP",
        "196.216.2.6": "MU",
        "200.160.2.3": "BR",
        "2a02:2e0::1": "DE",
        "10.0.0.1": None,
        "2001:db8::1": None,
    }
    assert {text: at(locations, text).country for text in expected} == expected


def test_a_configured_database_takes_the_place_of_the_embedded_one(files: list[Path]) -> None:
    assert databases_or_embedded(files) == files
    assert at(load_locations(files), "8.8.8.8") == NOWHERE


# --- what is said of files --------------------------------------------------------------------


def test_files_are_described_in_their_order(files: list[Path]) -> None:
    found = describe(files)
    assert [info.file for info in found] == files
    assert [info.type for info in found] == ["Test-City", "Test-ASN", "Test"]
    assert [info.ip_version for info in found] == [6, 6, 4]
    assert found[0].networks == 3
    assert found[0].built == datetime.fromtimestamp(1_780_000_000, UTC)


def test_a_build_time_that_is_missing_or_absurd_is_unknown(tmp_path: Path) -> None:
    for epoch in (0, 2**62):
        file = write_database(tmp_path / f"{epoch}.mmdb", CITY, build_epoch=epoch)
        assert describe([file])[0].built is None


def test_the_embedded_database_says_when_it_was_built() -> None:
    (info,) = describe([])
    assert info.file == EMBEDDED_DATABASE
    assert info.built is not None
    assert info.networks > 500_000


def test_the_fingerprint_stays_while_no_file_changes(files: list[Path]) -> None:
    assert fingerprint(files) == fingerprint(files)
    assert fingerprint([]) == fingerprint([EMBEDDED_DATABASE])


def test_the_fingerprint_changes_with_every_way_in_which_a_file_changes(
    files: list[Path], tmp_path: Path
) -> None:
    seen = {fingerprint(files)}

    def is_new() -> bool:
        known = len(seen)
        seen.add(fingerprint(files))
        return len(seen) > known

    shutil.copy(files[0], tmp_path / "same")
    stamp = files[0].stat()
    os.utime(files[0], ns=(stamp.st_atime_ns, stamp.st_mtime_ns + 1_000_000))
    assert is_new()  # written again
    (tmp_path / "same").replace(files[0])
    os.utime(files[0], ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    assert is_new()  # another file of the same size and time
    write_database(files[0], CITY, build_epoch=1_790_000_000)
    assert is_new()  # another build
    write_database(files[0], {**CITY, "12.0.0.0/8": {}})
    assert is_new()  # another size
    files[0].write_bytes(b"broken")
    assert is_new()
    files[0].unlink()
    assert is_new()
    assert fingerprint(files[1:]) != fingerprint(files[:0:-1])  # another order
