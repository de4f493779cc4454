"""The expansion of a whole tree against the official reader, address by address and in full."""

from __future__ import annotations

import random
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from pathlib import Path
from typing import Any, Literal

import maxminddb
import numpy as np
import pytest
from maxminddb.decoder import Decoder
from mmdb_files import ALIASES, random_networks, write_database

from geodns.answer.location import embedded_v4
from geodns.geo.database import EMBEDDED_DATABASE
from geodns.geo.locations import Ranges
from geodns.geo.mmdb import Mmdb, read_mmdb
from geodns.geo.ranges import from_networks, value_at
from geodns.geo.tree import Expansion, count_networks, expand

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

RECORDS: list[Any] = [
    {"country": {"iso_code": "DE"}},
    {"country": {"iso_code": "FR"}},
    {"asn": 64500, "names": ["a", "b"]},
    {},
    "text",
    17,
]
SAMPLES = 10_000  # addresses of each family and file


def records_of(mmdb: Mmdb, expansion: Expansion) -> list[Any]:
    """The record of each value, with that of -1, nothing, at the end."""
    decoder = Decoder(mmdb.data.tobytes())
    return [*(decoder.decode(int(offset))[0] for offset in expansion.offsets), None]


def addresses(chance: random.Random, version: int, edges: list[int]) -> Iterator[Address]:
    """Anywhere, and close to where networks begin and end."""
    kind, bits = (IPv4Address, 32) if version == 4 else (IPv6Address, 128)
    for _ in range(SAMPLES // 2):
        yield kind(chance.getrandbits(bits))
        edge = chance.choice(edges) + chance.choice([-2, -1, 0, 1, 2])
        yield kind(min(max(edge, 0), 2**bits - 1))


def edges_of(ranges: Ranges) -> list[int]:
    """The first address of every range."""
    if ranges.low is None:
        return [int(start) for start in ranges.starts]
    return [int(high) << 64 | int(low) for high, low in zip(ranges.starts, ranges.low, strict=True)]


def stands_for_ipv4(address: Address) -> bool:
    """Whether an address is left out of the ranges of IPv6."""
    if address.version == 4:
        return False
    return embedded_v4(int(address)) is not None or int(address) < 2**32


def check_random_addresses(file: Path, seed: int) -> None:
    chance = random.Random(seed)
    mmdb = read_mmdb(file)
    expansion = expand(mmdb)
    records = records_of(mmdb, expansion)
    with maxminddb.open_database(file) as reader:
        for ranges in (expansion.v4, expansion.v6):
            version = 4 if ranges.low is None else 6
            if version > mmdb.metadata.ip_version:
                continue
            for address in addresses(chance, version, edges_of(ranges)):
                if not stands_for_ipv4(address):
                    assert records[value_at(ranges, address)] == reader.get(address), address


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("databases")


@pytest.mark.parametrize("record_size", [24, 28, 32])
@pytest.mark.parametrize("ip_version", [4, 6])
def test_random_addresses_have_the_record_that_the_official_reader_finds(
    folder: Path, ip_version: int, record_size: int
) -> None:
    chance = random.Random(record_size + ip_version)
    networks = random_networks(chance, 400, 4, RECORDS)
    if ip_version == 6:
        networks += random_networks(chance, 400, 6, RECORDS)
    file = write_database(
        folder / f"random-{ip_version}-{record_size}.mmdb",
        networks,
        ip_version=ip_version,
        record_size=record_size,
        aliases=ALIASES if ip_version == 6 else (),
    )
    check_random_addresses(file, record_size)


def test_the_embedded_database_is_expanded_as_the_official_reader_reads_it() -> None:
    check_random_addresses(EMBEDDED_DATABASE, 1)


@pytest.mark.parametrize("seed", range(6))
def test_the_ranges_are_exactly_the_networks_that_the_official_reader_lists(
    folder: Path, seed: int
) -> None:
    chance = random.Random(seed)
    networks = random_networks(chance, 60, 4, RECORDS) + random_networks(chance, 60, 6, RECORDS)
    file = write_database(folder / f"exact-{seed}.mmdb", networks, aliases=ALIASES[: seed % 5])
    mmdb = read_mmdb(file)
    expansion = expand(mmdb)
    records = records_of(mmdb, expansion)
    with maxminddb.open_database(file) as reader:
        rows = [(network, records.index(record)) for network, record in reader]
    for version, ranges in ((4, expansion.v4), (6, expansion.v6)):
        assert_same(ranges, from_networks(rows, 4 if version == 4 else 6))


def assert_same(one: Ranges, other: Ranges) -> None:
    assert edges_of(one) == edges_of(other)
    assert one.values.tolist() == other.values.tolist()


def test_aliases_of_the_ipv4_tree_are_not_expanded_again(folder: Path) -> None:
    chance = random.Random(3)
    networks = random_networks(chance, 200, 4, RECORDS) + random_networks(chance, 50, 6, RECORDS)
    networks.append((IPv4Network("10.0.0.1/32"), "here"))
    plain = expand(read_mmdb(write_database(folder / "plain.mmdb", networks)))
    file = write_database(folder / "aliased.mmdb", networks, aliases=ALIASES)
    aliased = expand(read_mmdb(file))
    assert_same(plain.v4, aliased.v4)
    assert_same(plain.v6, aliased.v6)
    with maxminddb.open_database(file) as reader:
        for carrier in ("::ffff:a00:1", "2002:a00:1::", "2001:0:a00:1::", "64:ff9b::a00:1"):
            address = ip_address(carrier)
            assert reader.get(address) == reader.get("10.0.0.1") is not None
            assert value_at(aliased.v6, address) == -1


@pytest.mark.parametrize(
    ("ip_version", "networks"),
    [
        (4, {"10.0.0.0/8": "ten", "10.1.0.0/16": "one"}),
        (6, {"10.0.0.0/8": "ten", "2001:db8::/32": "doc"}),
    ],
)
def test_what_no_network_holds_has_no_record(
    folder: Path, ip_version: Literal[4, 6], networks: dict[str, str]
) -> None:
    file = write_database(folder / f"few-{ip_version}.mmdb", networks, ip_version=ip_version)
    expansion = expand(read_mmdb(file))
    assert value_at(expansion.v4, IPv4Address("11.0.0.0")) == -1
    assert value_at(expansion.v4, IPv4Address("9.255.255.255")) == -1
    assert value_at(expansion.v6, IPv6Address("2001:db9::")) == -1
    assert value_at(expansion.v4, IPv4Address("10.255.255.255")) >= 0


def test_a_network_that_holds_all_of_ipv4_is_one_range(folder: Path) -> None:
    file = write_database(folder / "wide.mmdb", {"::/64": "everything"})
    expansion = expand(read_mmdb(file))
    assert expansion.v4.values.tolist() == [0]
    assert edges_of(expansion.v4) == [0]


def test_an_ipv4_database_says_nothing_of_ipv6(folder: Path) -> None:
    file = write_database(folder / "four.mmdb", {"0.0.0.0/1": "low"}, ip_version=4)
    expansion = expand(read_mmdb(file))
    assert expansion.v6.values.tolist() == [-1]
    assert expansion.v4.starts.dtype == np.uint32


def test_networks_are_counted_once_whatever_the_aliases(folder: Path) -> None:
    networks = {"10.0.0.0/8": "a", "192.0.2.0/24": "b", "2001:db8::/32": "a"}
    plain = write_database(folder / "count.mmdb", networks)
    aliased = write_database(folder / "count-aliased.mmdb", networks, aliases=ALIASES)
    assert count_networks(read_mmdb(plain)) == count_networks(read_mmdb(aliased)) == 3
