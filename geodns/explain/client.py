"""Where the client is: database rows, the place that they make together, and latency rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_network
from typing import NamedTuple

import numpy as np

from geodns.answer.client import Client
from geodns.answer.location import LocationMap, embedded_v4
from geodns.config.settings import LatencyRow
from geodns.explain.explanation import ClientFinding, DatabaseFinding, MixtureFinding
from geodns.explain.question import Address, Network
from geodns.geo.locations import Locations
from geodns.geo.place import Place
from geodns.latency.client import ClientKey, Level, parse_client
from geodns.latency.resolvers import ResolverRow
from geodns.steering.clients import Clients
from geodns.steering.rows import NO_ROW, ClientRows

_CARRIERS = (
    ("IPv4-mapped", IPv6Network("::ffff:0:0/96")),
    ("NAT64", IPv6Network("64:ff9b::/96")),
    ("6to4", IPv6Network("2002::/16")),
    ("Teredo", IPv6Network("2001::/32")),
)


class Carried(NamedTuple):
    """The address that is looked up; ``by`` is how another one carries it, None: it does not."""

    address: Address
    by: str | None


def carried(address: Address) -> Carried:
    """The address that a client's address stands for."""
    if isinstance(address, IPv6Address):
        embedded = embedded_v4(int(address))
        if embedded is not None:
            by = next(name for name, network in _CARRIERS if address in network)
            return Carried(IPv4Address(embedded.address), by)
    return Carried(address, None)


def with_resolver_row(finding: ClientFinding, row: ResolverRow) -> ClientFinding:
    """The client as a resolver whose clients are elsewhere: no row is for its own address."""
    return replace(
        finding,
        latency_prefix=None,
        latency_row=None,
        resolver_row=str(row.network),
        mixture=tuple(MixtureFinding(client, share) for client, share in row.clients.items()),
    )


class Whereabouts(NamedTuple):
    """What the ranking depends on: the place, and the position of the prefix row, -1: none."""

    place: Place
    prefix_row: int


def find_client(
    address: Address,
    locations: Locations,
    databases: Sequence[DatabaseFinding],
    prefixes: Sequence[Network],
    rows: Sequence[LatencyRow],
) -> tuple[ClientFinding, Whereabouts]:
    """Where an address is. ``prefixes`` are those of the steering, ``rows`` the latency rows."""
    subject = carried(address)
    place, prefix = _place(subject.address, locations)
    where = Whereabouts(place, most_specific(prefixes, subject.address))
    row = _latency_row(rows, Clients.of_one(*where, tuple(prefixes)))
    finding = ClientFinding(
        address=str(subject.address),
        carried_by=subject.by,
        databases=tuple(databases),
        place=place,
        prefix=str(prefix),
        latency_prefix=row.text if row is not None and row.level is Level.PREFIX else None,
        latency_row=row.text if row is not None else None,
    )
    return finding, where


def most_specific(prefixes: Sequence[Network], address: Address) -> int:
    """The position of the longest prefix that holds an address, -1 where none does."""
    held = [number for number, prefix in enumerate(prefixes) if address in prefix]
    return max(held, key=lambda number: prefixes[number].prefixlen, default=-1)


def network_around(address: Address, length: int) -> Network:
    """The network of a prefix length that an address is in."""
    return ip_network((address, length), strict=False)


def _place(address: Address, locations: Locations) -> tuple[Place, Network]:
    """The place of an address, and the largest network around it that has the same."""
    client = Client(1 if address.version == 4 else 2, int(address), 1)
    located = client.locate([_as_map(locations)], 0)
    return locations.places[located.number], network_around(address, located.scope)


def _as_map(locations: Locations) -> LocationMap:
    """The locations as a map whose classes are the places."""
    v4, v6 = locations.v4, locations.v6
    assert v6.low is not None
    return LocationMap(
        v4_starts=np.ascontiguousarray(v4.starts).data,
        v4_classes=np.ascontiguousarray(v4.values).data,
        v6_high=np.ascontiguousarray(v6.starts).data,
        v6_low=np.ascontiguousarray(v6.low).data,
        v6_classes=np.ascontiguousarray(v6.values).data,
    )


def _latency_row(rows: Sequence[LatencyRow], client: Clients) -> ClientKey | None:
    """The row that counts for a client."""
    by_client = ClientRows(parse_client(row.client) for row in rows)
    number = int(by_client.winning(client)[0])
    return by_client.keys[number] if number != NO_ROW else None
