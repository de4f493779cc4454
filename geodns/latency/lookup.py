"""What a client is reckoned to be away from each region, and where each figure comes from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_network
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np

from geodns.config.settings import Region
from geodns.geo.countries import country_centre, fill_coordinates
from geodns.geo.distance import kilometres
from geodns.geo.place import NOWHERE, Place
from geodns.geo.places import PlaceTable
from geodns.latency.client import ClientKey, Level, Network, parse_client
from geodns.latency.estimate import Estimate
from geodns.latency.figure import Figure, Table

Origin = Literal["row", "fitted estimate", "default estimate", "unknown"]


class Placed(NamedTuple):
    """A row that counts, and the file that it is in."""

    key: ClientKey
    figures: dict[str, Figure]
    file: Path


class Reckoned(NamedTuple):
    """A client's way to a region. ``ms`` and ``km`` are None where the place is unknown.

    ``figure`` is the row's, None where it is estimated.
    """

    region: str
    ms: float | None
    origin: Origin
    km: float | None
    figure: Figure | None


@dataclass(frozen=True)
class Rows:
    """The rows of all tables that count: of two for the same client, the earlier table's."""

    by_client: Mapping[str, Placed]

    @classmethod
    def of(cls, tables: Sequence[Table]) -> Rows:
        """From tables without what is too old, in the order of the configuration."""
        rows: dict[str, Placed] = {}
        for table in tables:
            for client, figures in table.rows:
                rows.setdefault(client, Placed(parse_client(client), figures, table.file))
        return cls(rows)

    def winning(self, place: Place, network: Network | None) -> Placed | None:
        """The row that applies to clients at a place, in a network inside of prefixes or not."""
        for client in _keys(place, network):
            if client in self.by_client:
                return self.by_client[client]
        return None


def _keys(place: Place, network: Network | None) -> list[str]:
    """The keys that cover a client, the most specific first."""
    keys: list[str] = []
    if network is not None:
        around = (network.supernet(new_prefix=bits) for bits in range(network.prefixlen, -1, -1))
        keys.extend(map(str, around))
    centre = country_centre(place.country) if place.country else None
    if place.asn:
        keys += [f"AS{place.asn}-{place.country}", f"AS{place.asn}"]
    if centre is not None:
        country = f"{centre.continent}-{place.country}"
        keys += [f"{country}-{place.subdivision}", country]
    return [*keys, place.continent or "", "default"]


def place_of(key: ClientKey) -> Place:
    """What a key says of where its clients are. A prefix says nothing."""
    country: str | None
    match key.level:
        case Level.CONTINENT:
            return Place(continent=key.code)
        case Level.COUNTRY | Level.SUBDIVISION:
            country, _, subdivision = key.code.partition("-")
            return _in_country(country)._replace(subdivision=subdivision or None)
        case Level.ASN | Level.ASN_COUNTRY:
            asn, _, country = key.code.partition("-")
            return _in_country(country)._replace(asn=int(asn))
    return NOWHERE


def _in_country(country: str) -> Place:
    centre = country_centre(country)
    return Place(continent=centre.continent, country=country) if centre else NOWHERE


def network_of(key: ClientKey) -> Network | None:
    """The prefix of a key that is one."""
    return ip_network(key.code) if key.level is Level.PREFIX else None


def reckon(
    row: Placed | None, place: Place, regions: Mapping[str, Region], estimate: Estimate
) -> list[Reckoned]:
    """For each region, in their order: the row's figure, else the estimate from the place."""
    places = fill_coordinates(PlaceTable.of([place]))
    names = list(regions)
    where = np.array([region.location for region in regions.values()]).reshape(-1, 2)
    km = kilometres(
        places.latitude[:, None], places.longitude[:, None], where[:, 0], where[:, 1]
    ).reshape(1, len(names))
    estimated = estimate.milliseconds(km, places.continent, places.continents, names)[0]
    found = []
    for at, region in enumerate(names):
        figure = row.figures.get(region) if row else None
        distance = None if np.isnan(km[0, at]) else float(km[0, at])
        origin: Origin = "fitted estimate" if estimate.fitted else "default estimate"
        ms: float | None = float(estimated[at])
        if figure is not None:
            ms, origin = figure.ms, "row"
        elif distance is None:
            ms, origin = None, "unknown"
        found.append(Reckoned(region, ms, origin, distance, figure))
    return found
