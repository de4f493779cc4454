"""Pure functions over maps from addresses to numbers: merging, mapping, combining, looking up."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from geodns.geo.locations import Ranges

Network = IPv4Network | IPv6Network
Values = NDArray[np.int32]
_LOW = 2**64 - 1


def whole_space(version: Literal[4, 6], value: int = -1) -> Ranges:
    """One range: every address of the family has this value."""
    values = np.array([value], np.int32)
    if version == 4:
        return Ranges(np.zeros(1, np.uint32), None, values)
    return Ranges(np.zeros(1, np.uint64), np.zeros(1, np.uint64), values)


def merge_neighbours(ranges: Ranges) -> Ranges:
    """The same map with as few ranges as possible."""
    keep = np.empty(len(ranges.values), dtype=bool)
    keep[:1] = True
    np.not_equal(ranges.values[1:], ranges.values[:-1], out=keep[1:])
    if keep.all():
        return ranges
    return _select(ranges, keep)


def map_values(ranges: Ranges, table: NDArray[np.integer[Any]]) -> Ranges:
    """Replace each value v by ``table[v]``. A table whose last entry is for "nothing" serves -1."""
    values = table[ranges.values].astype(np.int32, copy=False)
    return merge_neighbours(replace(ranges, values=values))


def from_networks(networks: Iterable[tuple[Network, int]], version: Literal[4, 6]) -> Ranges:
    """Lay networks over the whole space; those of the other family are left out.

    The most specific network wins, whatever the order; of two equal networks the later one. The
    value is -1 outside of all of them.
    """
    rows = {
        (int(network.network_address), network.prefixlen): value
        for network, value in networks
        if network.version == version
    }
    bits = 32 if version == 4 else 128
    boundaries = {0: -1}  # where a value begins; a later boundary at the same address replaces it
    enclosing: list[tuple[int, int]] = []  # (end, value) of the networks around this point

    def leave(until: int) -> None:
        while enclosing and enclosing[-1][0] <= until:
            end, _ = enclosing.pop()
            boundaries[end] = enclosing[-1][1] if enclosing else -1

    # In this order a network comes after all those that enclose it.
    for (start, length), value in sorted(rows.items()):
        leave(start)
        boundaries[start] = value
        enclosing.append((start + (1 << (bits - length)), value))
    leave(1 << bits)
    boundaries.pop(1 << bits, None)
    return _from_boundaries(boundaries, version)


def combine(first: Ranges, second: Ranges) -> tuple[Ranges, NDArray[np.int32]]:
    """Cut the space at the boundaries of both maps and number the distinct pairs of values.

    Returns ranges whose values are positions in the second result, shape (pairs, 2): the value of
    the first and of the second map.
    """
    starts = np.concatenate([first.starts, second.starts])
    low = None
    if first.low is not None and second.low is not None:
        low = np.concatenate([first.low, second.low])
        order = np.lexsort((low, starts))
        starts, low = starts[order], low[order]
    else:
        order = np.argsort(starts, kind="stable")
        starts = starts[order]
    from_first = order < len(first.starts)
    # Both maps begin at address 0, so that from the last of equal boundaries on, each count of
    # boundaries passed so far names the range that an address lies in.
    last = np.ones(len(starts), dtype=bool)
    last[:-1] = starts[1:] != starts[:-1]
    if low is not None:
        last[:-1] |= low[1:] != low[:-1]
    passed = np.cumsum(from_first)[last]
    left = first.values[passed - 1]
    right = second.values[np.flatnonzero(last) - passed]
    values, pairs = _intern_pairs(left, right)
    low = None if low is None else low[last]
    return merge_neighbours(Ranges(starts[last], low, values)), pairs


def find(ranges: Ranges, address: IPv4Address | IPv6Address) -> int:
    """The position of the range that holds an address of the same family."""
    number = int(address)
    if ranges.low is None:
        return int(np.searchsorted(ranges.starts, np.uint32(number), "right")) - 1
    high = np.uint64(number >> 64)
    first, end = (int(np.searchsorted(ranges.starts, high, side)) for side in ("left", "right"))
    within = np.searchsorted(ranges.low[first:end], np.uint64(number & _LOW), "right")
    return first + int(within) - 1


def value_at(ranges: Ranges, address: IPv4Address | IPv6Address) -> int:
    """The value of the range that holds an address of the same family."""
    return int(ranges.values[find(ranges, address)])


def _select(ranges: Ranges, keep: NDArray[np.bool_]) -> Ranges:
    low = None if ranges.low is None else ranges.low[keep]
    return Ranges(ranges.starts[keep], low, ranges.values[keep])


def _intern_pairs(left: Values, right: Values) -> tuple[Values, NDArray[np.int32]]:
    # Values are -1 or more, so that a pair fits in one unsigned number.
    codes = (left.astype(np.int64) + 1) << 32 | (right.astype(np.int64) + 1)
    distinct, numbers = np.unique(codes, return_inverse=True)
    pairs = np.stack([(distinct >> 32) - 1, (distinct & 0xFFFFFFFF) - 1], axis=1)
    return numbers.astype(np.int32), pairs.astype(np.int32)


def _from_boundaries(boundaries: dict[int, int], version: Literal[4, 6]) -> Ranges:
    addresses = sorted(boundaries)
    values = np.array([boundaries[address] for address in addresses], np.int32)
    if version == 4:
        return merge_neighbours(Ranges(np.array(addresses, np.uint32), None, values))
    high = np.array([address >> 64 for address in addresses], np.uint64)
    low = np.array([address & _LOW for address in addresses], np.uint64)
    return merge_neighbours(Ranges(high, low, values))
