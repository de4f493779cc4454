"""The synthetic city database: what was put in is what the official reader and ours find."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path
from typing import Any

import maxminddb
import numpy as np
import pytest
from citydatabase.countries import countries
from citydatabase.networks import Networks, v4_networks, v6_networks
from citydatabase.write import TYPE, Database, write_database
from numpy.typing import NDArray

from geodns.geo.database import load_locations
from geodns.geo.locations import Locations
from geodns.geo.ranges import value_at

SCRIPT = Path(__file__).parents[2] / "scripts" / "make-city-database"
NETWORKS, RECORDS, LOOKUPS = 30_000, 3_000, 5_000
Find = Callable[[int], int | None]


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("city") / "city.mmdb"


@pytest.fixture(scope="module")
def made(file: Path) -> Database:
    return write_database(file, NETWORKS, RECORDS, seed=7)


@pytest.fixture(scope="module")
def reader(file: Path, made: Database) -> Any:
    with maxminddb.open_database(file) as opened:
        yield opened


@pytest.fixture(scope="module")
def locations(file: Path, made: Database) -> Locations:
    return load_locations([file])


def addresses(networks: Networks, bits: int) -> list[int]:
    """Random ones: half of them inside of a network, half anywhere."""
    chance = np.random.default_rng(3)
    word = (1 << 64) - 1
    chosen = chance.integers(0, len(networks.starts), LOOKUPS)
    inside = networks.starts[chosen] | (
        chance.integers(0, word, LOOKUPS, np.uint64, endpoint=True)
        & ((np.uint64(1) << (np.uint64(networks.bits) - networks.lengths[chosen])) - np.uint64(1))
    )
    anywhere = chance.integers(0, 1 << networks.bits, LOOKUPS, np.uint64)
    return [int(number) << (bits - networks.bits) for number in [*inside, *anywhere]]


def find_record(networks: Networks, records: NDArray[np.int64], number: int) -> int | None:
    """The record that was put in for an address, given as the bits that networks are made of."""
    position = int(np.searchsorted(networks.starts, np.uint64(number), "right")) - 1
    if position < 0:
        return None
    end = int(networks.starts[position]) + (1 << networks.bits - int(networks.lengths[position]))
    return int(records[position]) if number < end else None


def summary(record: Any) -> tuple[str, float, float] | None:
    if record is None:
        return None
    where = record["location"]
    return record["country"]["iso_code"], where["latitude"], where["longitude"]


def expected(made: Database, number: int | None) -> tuple[str, float, float] | None:
    if number is None:
        return None
    records = made.records
    return records.countries[number], records.latitudes[number], records.longitudes[number]


def test_every_ipv4_address_has_the_record_that_was_put_in(made: Database, reader: Any) -> None:
    for number in addresses(made.v4, 32):
        found = summary(reader.get(IPv4Address(number)))
        assert found == expected(made, find_record(made.v4, made.v4_records, number))


def test_every_ipv6_address_has_the_record_that_was_put_in(made: Database, reader: Any) -> None:
    for number in addresses(made.v6, 128):
        if number >> 112 in {0, 0x64, 0x2001, 0x2002}:
            continue  # aliases of IPv4
        found = summary(reader.get(IPv6Address(number)))
        assert found == expected(made, find_record(made.v6, made.v6_records, number >> 64))


def test_the_reader_finds_the_prefix_that_was_put_in(made: Database, reader: Any) -> None:
    for start, length in list(zip(made.v4.starts, made.v4.lengths, strict=True))[::50]:
        assert reader.get_with_prefix_len(IPv4Address(int(start)))[1] == length
    for start, length in list(zip(made.v6.starts, made.v6.lengths, strict=True))[::50]:
        assert reader.get_with_prefix_len(IPv6Address(int(start) << 64))[1] == length


def test_ipv6_addresses_that_embed_ipv4_are_aliases(made: Database, reader: Any) -> None:
    for number in made.v4.starts[::500].tolist():
        record = reader.get(IPv4Address(number))
        assert record is not None
        embedded = [
            IPv6Address(number),
            IPv6Address(0xFFFF << 32 | number),
            IPv6Address(0x0064FF9B << 96 | number),
            IPv6Address(0x2002 << 112 | number << 80),
            IPv6Address(0x2001 << 112 | number << 64),
        ]
        assert [reader.get(address) == record for address in embedded] == [True] * 5


def test_this_servers_loader_agrees_with_the_official_reader(
    made: Database, reader: Any, locations: Locations
) -> None:
    samples = [IPv4Address(number) for number in addresses(made.v4, 32)[::5]]
    samples_v6 = [
        IPv6Address(number)
        for number in addresses(made.v6, 128)[::5]
        if number >> 112 not in {0, 0x64, 0x2001, 0x2002}
    ]
    both: list[IPv4Address | IPv6Address] = [*samples, *samples_v6]
    for address in both:
        ranges = locations.v4 if address.version == 4 else locations.v6
        place = locations.places[value_at(ranges, address)]
        record = reader.get(address)
        if record is None:
            assert place.country is None
            continue
        assert (place.country, place.latitude, place.longitude) == summary(record)
        city = record.get("city")
        assert place.city == (city["names"]["en"] if city else None)
        parts = record.get("subdivisions")
        assert place.subdivision == (parts[0]["iso_code"] if parts else None)


def test_metadata_describes_the_file(made: Database, reader: Any) -> None:
    metadata = reader.metadata()
    assert (metadata.database_type, metadata.record_size, metadata.ip_version) == (TYPE, 28, 6)
    assert metadata.node_count == made.nodes


def test_there_are_as_many_records_and_about_as_many_networks_as_asked_for(
    made: Database,
) -> None:
    assert len(made.v4.starts) + len(made.v6.starts) == pytest.approx(NETWORKS, rel=0.2)
    used = np.unique(np.concatenate([made.v4_records, made.v6_records]))
    assert len(used) == RECORDS == len(made.records.offsets)


def test_records_are_all_different(made: Database, reader: Any) -> None:
    representative = {
        int(record): IPv4Address(int(start))
        for start, record in zip(made.v4.starts, made.v4_records, strict=True)
    }
    texts = {repr(reader.get(address)) for address in representative.values()}
    assert len(texts) == len(representative)


def test_cities_lie_around_the_centres_of_their_countries(made: Database) -> None:
    centres = {country.code: country for country in countries()}
    records = made.records
    rows = zip(records.countries, records.latitudes.tolist(), strict=True)
    distances = np.array([abs(latitude - centres[code].latitude) for code, latitude in rows])
    assert np.median(distances) < 5


@pytest.mark.parametrize("make", [v4_networks, v6_networks])
def test_networks_are_aligned_and_apart(
    make: Callable[[int, np.random.Generator], Networks],
) -> None:
    networks = make(20_000, np.random.default_rng(1))
    sizes = np.uint64(1) << (np.uint64(networks.bits) - networks.lengths)
    assert not (networks.starts % sizes).any()
    assert (networks.starts[1:] >= networks.starts[:-1] + sizes[:-1]).all()


def test_the_same_seed_makes_the_same_file(tmp_path: Path) -> None:
    for name, seed in (("one", 1), ("same", 1), ("other", 2)):
        write_database(tmp_path / name, 5_000, 1_000, seed)
    one, same, other = ((tmp_path / name).read_bytes() for name in ("one", "same", "other"))
    assert one == same
    assert one != other


def test_more_records_than_networks_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="records are more than"):
        write_database(tmp_path / "city.mmdb", 1_000, 10_000, 1)


def test_the_command_writes_a_file_and_says_what_is_in_it(tmp_path: Path) -> None:
    out = tmp_path / "small.mmdb"
    options = ["--networks", "5000", "--records", "1000"]
    done = subprocess.run(
        [sys.executable, str(SCRIPT), str(out), *options],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "1000 records" in done.stdout
    with maxminddb.open_database(out) as opened:
        assert opened.metadata().database_type == TYPE
