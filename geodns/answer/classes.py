"""Rankings to classes: which clients share a ranking, as a location map.

Many services share a policy and a set of regions; each such set is ranked once, and equal location
maps are kept once.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from hashlib import blake2b
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from geodns.answer.location import LocationMap
from geodns.geo.locations import Locations, Ranges
from geodns.geo.ranges import Network, combine, from_networks, map_values
from geodns.steering.clients import Clients
from geodns.steering.mixture import mixed_clients
from geodns.steering.policy import Policy
from geodns.steering.ranking import Ranking

MOST_CLASSES = 8192
"""With more, rankings are compared by fewer of their first tiers, so that the tables of classes
stay small; what comes behind those is then asked in file order."""

_DEPTHS = (None, 16, 12, 8, 6, 5, 4, 3, 2, 1)
_NO_MAP = -1


class Classes(NamedTuple):
    """``location`` is the number of the location map, -1 none; ``rankings`` one for each class."""

    location: int
    rankings: tuple[Ranking, ...]


class Classifier:
    """Ranks over one set of locations, and collects the location maps that this needs."""

    def __init__(self, locations: Locations, resolvers: Sequence[Mapping[str, float]] = ()) -> None:
        """``resolvers``: for each row of resolvers, the shares of its clients by client key."""
        self.maps: list[LocationMap] = []
        self._locations = locations
        self._resolvers = resolvers
        self._kinds: dict[tuple[Network, ...], tuple[Ranges, Ranges, Clients]] = {}
        self._known: dict[Hashable, Classes] = {}
        self._by_content: dict[bytes, int] = {}

    def classify(self, policy: Policy) -> Classes:
        """The classes of a policy's clients; policies of equal key share theirs."""
        key = policy.key, policy.prefixes
        if key not in self._known:
            self._known[key] = self._classify(policy)
        return self._known[key]

    def _classify(self, policy: Policy) -> Classes:
        v4, v6, clients = self._clients(policy.prefixes)
        numbers, rankings, depth = _rank(policy, clients)
        known = {ranking: number for number, ranking in enumerate(rankings)}
        resolvers = self._classes_of_resolvers(policy, depth, known)
        if len(known) <= 1:
            return Classes(_NO_MAP, tuple(known) or ((),))
        parts = map_values(v4, numbers), map_values(v6, numbers)
        return Classes(self._map(*parts, resolvers), tuple(known))

    def _classes_of_resolvers(
        self, policy: Policy, depth: int | None, known: dict[Ranking, int]
    ) -> tuple[int, ...]:
        """The class of each row of resolvers; rankings that no other client has are added."""
        if not self._resolvers:
            return ()
        clients = mixed_clients(self._resolvers, self._locations, policy.prefixes)
        numbers, rankings = policy.rankings(clients, depth)
        classes = [known.setdefault(ranking, len(known)) for ranking in rankings]
        return tuple(classes[number] for number in numbers.tolist())

    def _clients(self, prefixes: tuple[Network, ...]) -> tuple[Ranges, Ranges, Clients]:
        """Ranges of both families over the distinct kinds of client, and these."""
        if prefixes not in self._kinds:
            self._kinds[prefixes] = self._lay(prefixes)
        return self._kinds[prefixes]

    def _lay(self, prefixes: tuple[Network, ...]) -> tuple[Ranges, Ranges, Clients]:
        places = self._locations.places
        if not prefixes:
            without = Clients.without_prefixes(places)
            return self._locations.v4, self._locations.v6, without
        rows = [(network, number) for number, network in enumerate(prefixes)]
        v4, v4_pairs = combine(self._locations.v4, from_networks(rows, 4))
        v6, v6_pairs = combine(self._locations.v6, from_networks(rows, 6))
        shift = np.arange(len(v6_pairs), dtype=np.int32) + len(v4_pairs)
        pairs = np.concatenate([v4_pairs, v6_pairs])
        return v4, map_values(v6, shift), Clients.at(places, pairs[:, 0], pairs[:, 1], prefixes)

    def _map(self, v4: Ranges, v6: Ranges, resolvers: tuple[int, ...]) -> int:
        assert v6.low is not None
        parts = (v4.starts, v4.values, v6.starts, v6.low, v6.values)
        digest = blake2b(repr(resolvers).encode(), digest_size=16)
        for part in parts:
            digest.update(len(part).to_bytes(8, "big"))
            digest.update(np.ascontiguousarray(part).tobytes())
        number = self._by_content.setdefault(digest.digest(), len(self.maps))
        if number == len(self.maps):
            self.maps.append(
                LocationMap(
                    v4_starts=_plain(v4.starts, np.uint32),
                    v4_classes=_plain(v4.values, np.uint16),
                    v6_high=_plain(v6.starts, np.uint64),
                    v6_low=_plain(v6.low, np.uint64),
                    v6_classes=_plain(v6.values, np.uint16),
                    resolvers=resolvers,
                )
            )
        return number


def _rank(
    policy: Policy, clients: Clients
) -> tuple[NDArray[np.int64], tuple[Ranking, ...], int | None]:
    """The rankings, few enough, and the depth to which they are told apart."""
    stood = policy.stand(clients)
    for depth in _DEPTHS:
        found = stood.rankings(depth, MOST_CLASSES)
        if found is not None:
            return found.numbers, found.rankings, depth
    found = policy.rankings(clients, 0)  # everybody in file order
    return found.numbers, found.rankings, 0


def _plain(array: NDArray[Any], kind: type[np.unsignedinteger[Any]]) -> memoryview:
    """An array whose items come out as Python integers, as a binary search wants them."""
    return np.ascontiguousarray(array, dtype=kind).data
