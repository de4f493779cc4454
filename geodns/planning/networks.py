"""From networks that asked to the client keys of plans: areas, AS numbers, or the networks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal, NamedTuple, get_args

import numpy as np
from numpy.typing import NDArray

from geodns.answer.demand import decode_network
from geodns.geo.countries import country_centre
from geodns.geo.locations import Locations
from geodns.geo.place import Place
from geodns.geo.ranges import Network, find
from geodns.latency.client import CONTINENTS, ClientKeyError, parse_client

By = Literal["subdivision", "country", "continent", "asn", "network"]
KINDS: tuple[By, ...] = get_args(By)

DEFAULT = "default"


class Counted(NamedTuple):
    """Queries since the start, and a second on average."""

    queries: int
    rate: float

    def plus(self, other: Counted) -> Counted:
        return Counted(self.queries + other.queries, self.rate + other.rate)


NOTHING = Counted(0, 0.0)


def by_client(
    counts: Mapping[int, Counted], by: By, locations: Locations | None
) -> dict[str, Counted]:
    """Counts by the code of a network as counts by client key, largest first.

    ``locations`` are not needed for ``network``.
    """
    networks = [decode_network(code) for code in counts]
    if by == "network" or locations is None:
        keys: Sequence[str] = [str(network) if network else DEFAULT for network in networks]
    else:
        keys = _keys(networks, by, locations)
    sums: dict[str, Counted] = {}
    for key, counted in zip(keys, counts.values(), strict=True):
        sums[key] = sums.get(key, NOTHING).plus(counted)
    return dict(sorted(sums.items(), key=lambda item: -item[1].queries))


def _keys(networks: Sequence[Network | None], by: By, locations: Locations) -> list[str]:
    places = _places(networks, locations)
    names = {
        int(place): client_key(locations.places[int(place)], by) for place in np.unique(places)
    }
    return [names[int(place)] for place in places]


def _places(networks: Iterable[Network | None], locations: Locations) -> NDArray[np.int32]:
    """Where each network's first address is, as positions in ``places``; 0 for no network."""
    found = []
    for network in networks:
        ranges = locations.v4 if network is not None and network.version == 4 else locations.v6
        at = 0 if network is None else ranges.values[find(ranges, network.network_address)]
        found.append(max(0, int(at)))
    return np.array(found, np.int32)


def client_key(place: Place, by: By) -> str:
    """The client key for those at a place: the most specific of this kind that is known."""
    centre = country_centre(place.country) if place.country else None
    if by == "asn" and place.asn:
        return f"AS{place.asn}" if centre is None else f"AS{place.asn}-{place.country}"
    if centre is not None and by != "continent":
        country = f"{centre.continent}-{place.country}"
        if by == "subdivision" and place.subdivision:
            return _sound(f"{country}-{place.subdivision}") or country
        return country
    if centre is not None:
        return centre.continent
    return place.continent if place.continent in CONTINENTS else DEFAULT


def _sound(text: str) -> str | None:
    """The text if it is a client key: a database may hold codes that ISO 3166-2 does not."""
    try:
        return parse_client(text).text
    except ClientKeyError:
        return None
