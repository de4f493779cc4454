"""The whole address space as kinds of client: what no map and no table can tell apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from geodns.answer.location import LocationMap
from geodns.geo.locations import Locations, Ranges
from geodns.geo.ranges import Network, combine, from_networks
from geodns.steering.clients import Clients
from geodns.steering.distinct import distinct_rows

_PER_24 = 256.0
_PER_48 = float(1 << 16)  # /64s in a /48
_HALF = 2.0**64


@dataclass(frozen=True, slots=True, eq=False)
class Kinds:
    """n kinds of client. Arrays have shape (n,).

    ``v4`` is how many IPv4 /24s a kind has, and ``v6`` how many IPv6 /48s; not whole numbers where
    a network is cut. ``v4_first`` (int64) is one of its IPv4 addresses, and ``v6_high`` and
    ``v6_low`` (uint64) are the halves of one of its IPv6 addresses; they mean nothing where it has
    none.
    """

    clients: Clients
    v4: NDArray[np.float64]
    v6: NDArray[np.float64]
    v4_first: NDArray[np.int64]
    v6_high: NDArray[np.uint64]
    v6_low: NDArray[np.uint64]

    def __len__(self) -> int:
        return len(self.v4)

    def classes(self, location: LocationMap, rows: NDArray[np.intp]) -> NDArray[np.int64]:
        """The class that the kinds at these positions have on a location map."""
        starts = np.asarray(location.v4_starts, dtype=np.int64)
        of_range = np.asarray(location.v4_classes, dtype=np.int64)
        at = np.searchsorted(starts, self.v4_first[rows], "right") - 1
        found = of_range[np.maximum(at, 0)]
        for position in np.flatnonzero(self.v4[rows] == 0).tolist():
            row = rows[position]
            address = int(self.v6_high[row]) << 64 | int(self.v6_low[row])
            found[position] = location.find_v6(address)[0]
        return found


def kinds_of(first: Locations, second: Locations, prefixes: Sequence[Network]) -> Kinds:
    """The kinds of client that two sets of locations tell apart, and networks inside of them.

    Their places are those of ``second``; ``prefixes`` are most specific wins, as in steering.
    """
    rows = [(network, number) for number, network in enumerate(prefixes)]
    v4, v4_keys = _keys(first.v4, second.v4, from_networks(rows, 4), same=first is second)
    v6, v6_keys = _keys(first.v6, second.v6, from_networks(rows, 6), same=first is second)
    keys, numbers = distinct_rows(np.concatenate([v4_keys, v6_keys]))
    of_v4, of_v6 = numbers[: len(v4_keys)][v4.values], numbers[len(v4_keys) :][v6.values]
    at4, at6 = _first_of(of_v4, len(keys)), _first_of(of_v6, len(keys))
    assert v6.low is not None
    return Kinds(
        clients=Clients.at(second.places, keys[:, 0], keys[:, 1].astype(np.int32), tuple(prefixes)),
        v4=np.asarray(np.bincount(of_v4, _v4_sizes(v4), len(keys)), np.float64),
        v6=np.asarray(np.bincount(of_v6, _v6_sizes(v6), len(keys)), np.float64),
        v4_first=v4.starts.astype(np.int64)[at4],
        v6_high=v6.starts.astype(np.uint64)[at6],
        v6_low=v6.low[at6],
    )


def _keys(
    first: Ranges, second: Ranges, laid: Ranges, *, same: bool
) -> tuple[Ranges, NDArray[np.int32]]:
    """Ranges over distinct keys, and these, shape (k, 3): place, prefix row, place before."""
    ranges, pairs = combine(second, laid)
    if same:
        return ranges, np.column_stack([pairs, np.zeros(len(pairs), np.int32)])
    ranges, triples = combine(ranges, first)
    return ranges, np.column_stack([pairs[triples[:, 0]], triples[:, 1]])


def _first_of(numbers: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    """For each number the position where it stands first; 0 where it is not there."""
    found = np.zeros(count, dtype=np.int64)
    distinct, at = np.unique(numbers, return_index=True)
    found[distinct] = at
    return found


def _v4_sizes(ranges: Ranges) -> NDArray[np.float64]:
    return np.diff(ranges.starts.astype(np.float64), append=float(1 << 32)) / _PER_24


def _v6_sizes(ranges: Ranges) -> NDArray[np.float64]:
    """In /48s. Halves are subtracted apart: 128 bits are more than a float holds."""
    assert ranges.low is not None
    high, low = ranges.starts.astype(np.uint64), ranges.low.astype(np.float64)
    whole = np.empty(len(high))
    whole[:-1] = (high[1:] - high[:-1]).astype(np.float64) + (low[1:] - low[:-1]) / _HALF
    whole[-1] = _HALF - float(high[-1]) - low[-1] / _HALF
    return whole / _PER_48
