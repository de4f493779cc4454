"""Kinds of client that stand for many in different places: the clients of one resolver."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from ipaddress import ip_network

import numpy as np

from geodns.geo.countries import country_centre
from geodns.geo.locations import Locations
from geodns.geo.place import NOWHERE, Place
from geodns.geo.places import PlaceTable
from geodns.geo.ranges import value_at
from geodns.latency.client import ClientKey, Level, Network, parse_client
from geodns.steering.clients import Clients, Mixture


def mixed_clients(
    distributions: Sequence[Mapping[str, float]],
    locations: Locations,
    prefixes: tuple[Network, ...],
) -> Clients:
    """One kind of client for each distribution of client keys, whose parts add up to 1.

    What goes by a place takes the part that most clients are in; what has a cost, the mean over all
    parts. ``prefixes`` are those that rows and rules may be of.
    """
    keys: list[ClientKey] = []
    owners: list[int] = []
    weights: list[float] = []
    heaviest: list[int] = []
    for owner, shares in enumerate(distributions):
        heaviest.append(len(keys) + int(np.argmax(list(shares.values()))))
        keys += map(parse_client, shares)
        owners += [owner] * len(shares)
        weights += shares.values()
    parts = Clients(
        PlaceTable.of([_place(key, locations) for key in keys]),
        np.array([_prefix_row(key, prefixes) for key in keys], dtype=np.int32),
        prefixes,
    )
    mixture = Mixture(parts, np.array(owners, dtype=np.int64), np.array(weights, dtype=np.float64))
    most = parts.take(np.array(heaviest, dtype=np.int64))
    return Clients(most.places, most.prefix_row, prefixes, mixture)


def _place(key: ClientKey, locations: Locations) -> Place:
    match key.level:
        case Level.PREFIX:
            network = ip_network(key.code)
            ranges = locations.v4 if network.version == 4 else locations.v6
            return locations.places[value_at(ranges, network.network_address)]
        case Level.ASN:
            return Place(asn=int(key.code))
        case Level.ASN_COUNTRY:
            number, _, country = key.code.partition("-")
            centre = country_centre(country)
            continent = centre.continent if centre is not None else None
            return Place(continent=continent, country=country, asn=int(number))
        case Level.CONTINENT:
            return Place(continent=key.code)
        case Level.COUNTRY:
            return Place(continent=key.text[:2], country=key.code)
        case Level.SUBDIVISION:
            country, _, subdivision = key.code.partition("-")
            return Place(continent=key.text[:2], country=country, subdivision=subdivision)
    return NOWHERE


def _prefix_row(key: ClientKey, prefixes: Sequence[Network]) -> int:
    if key.level is not Level.PREFIX:
        return -1
    network = ip_network(key.code)
    around = [
        row
        for row, prefix in enumerate(prefixes)
        if prefix.version == network.version and network.subnet_of(prefix)  # type: ignore[arg-type]
    ]
    return max(around, key=lambda row: prefixes[row].prefixlen, default=-1)
