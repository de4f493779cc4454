"""Rankings to classes: which clients share a ranking, as a location map.

Many services share a policy and a set of regions; each such set is ranked once, and equal location
maps are kept once.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geodns.answer.location import LocationMap
from geodns.geo.locations import Locations, Ranges
from geodns.geo.ranges import Network, combine, from_networks, map_values
from geodns.steering.clients import Clients
from geodns.steering.policy import Steering

MOST_CLASSES = 8192
"""With more, rankings are compared by fewer of their first tiers, so that the tables of classes
stay small; what comes behind those is then asked in file order."""

_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)  # 2^64 divided by the golden ratio, odd
_DEPTHS = (16, 12, 8, 6, 5, 4, 3, 2, 1)
_NO_MAP = -1
Classes = tuple[tuple[int, ...], ...]


class Classifier:
    """Ranks over one set of locations, and collects the location maps that this needs."""

    def __init__(self, locations: Locations) -> None:
        self.maps: list[LocationMap] = []
        self._locations = locations
        self._kinds: dict[tuple[Network, ...], tuple[Ranges, Ranges, Clients]] = {}
        self._known: dict[Any, tuple[int, Classes]] = {}
        self._by_content: dict[bytes, int] = {}

    def classify(self, steering: Steering, policy: str) -> tuple[int, Classes]:
        """(number of the location map or -1, tiers of each class, best first).

        ``policy`` names the settings of the policy: with equal tiers, the ranking is equal.
        """
        key = policy, tuple(tier.name for tier in steering.tiers), steering.prefixes
        if key not in self._known:
            self._known[key] = self._classify(steering)
        return self._known[key]

    def _classify(self, steering: Steering) -> tuple[int, Classes]:
        if len(steering.tiers) <= 1:
            return _NO_MAP, (tuple(range(len(steering.tiers))),)
        v4, v6, clients = self._clients(steering.prefixes)
        rankings, number_of = _distinct(steering.order(clients))
        classes = tuple(tuple(row) for row in rankings.tolist())
        if len(classes) == 1:
            return _NO_MAP, classes
        return self._map(map_values(v4, number_of), map_values(v6, number_of)), classes

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
        return v4, map_values(v6, shift), Clients.at(places, pairs[:, 0], pairs[:, 1])

    def _map(self, v4: Ranges, v6: Ranges) -> int:
        assert v6.low is not None
        parts = (v4.starts, v4.values, v6.starts, v6.low, v6.values)
        digest = blake2b(digest_size=16)
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
                )
            )
        return number


def _plain(array: NDArray[Any], kind: type[np.unsignedinteger[Any]]) -> memoryview:
    """An array whose items come out as Python integers, as a binary search wants them."""
    return np.ascontiguousarray(array, dtype=kind).data


def _distinct(order: NDArray[np.int16]) -> tuple[NDArray[np.int16], NDArray[np.int64]]:
    """The distinct rankings, and which one each client has; cut short where there are too many."""
    tiers = order.shape[1]
    for depth in (tiers, *(less for less in _DEPTHS if less < tiers)):
        rankings, numbers = _unique_rows(order[:, :depth])
        if len(rankings) <= MOST_CLASSES:
            break
    return rankings, numbers


def _unique_rows(rows: NDArray[np.int16]) -> tuple[NDArray[np.int16], NDArray[np.int64]]:
    """Distinct rows, shape (k, m), and for each row its position among them.

    Sorting one hash a row is many times faster than sorting rows; a collision would be noticed.
    """
    hashes = np.zeros(len(rows), dtype=np.uint64)
    for column in range(rows.shape[1]):
        # Modulo 2^64, as unsigned arrays count.
        hashes = (hashes + rows[:, column].astype(np.uint64) + np.uint64(1)) * _MULTIPLIER
        hashes ^= hashes >> np.uint64(29)
    _, first, numbers = np.unique(hashes, return_index=True, return_inverse=True)
    distinct = rows[first]
    if np.array_equal(distinct[numbers], rows):
        return distinct, numbers.astype(np.int64)
    distinct, numbers = np.unique(rows, axis=0, return_inverse=True)
    return distinct, numbers.reshape(-1).astype(np.int64)
