"""Expanding an MMDB's search tree into sorted ranges, level by level over whole arrays."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geodns.geo.errors import GeoError
from geodns.geo.locations import Ranges
from geodns.geo.mmdb import DATA_SEPARATOR, Mmdb
from geodns.geo.ranges import merge_neighbours, whole_space

Nodes = NDArray[np.uint32]  # node numbers, shape (n,), in the order of their addresses
# A tree reaches each node once. More, up to this factor, is tolerated: a writer may share equal
# subtrees. A damaged tree with a loop would double at each level.
_SHARING_LIMIT = 4
_SHARING_FLOOR = 1 << 20


@dataclass(frozen=True, slots=True, eq=False)
class Expansion:
    """All networks of a file. Values are positions in ``offsets``; -1: the file says nothing.

    ``offsets``, shape (records,), are the distinct offsets in the data section, sorted.
    """

    v4: Ranges
    v6: Ranges
    offsets: NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class _Leaves:
    """Leaves of one level or more, shape (n,) each.

    ``starts`` are the first addresses: one array of uint32 for IPv4, the high and the low halves
    as uint64 for IPv6. ``records`` are the numbers in the tree.
    """

    starts: tuple[NDArray[Any], ...]
    records: Nodes


def expand(mmdb: Mmdb) -> Expansion:
    """The ranges of the whole tree, without the addresses of IPv6 that embed an IPv4 address.

    Raises GeoError when the tree has loops, is too deep, or points outside of the file.
    """
    children = _children(mmdb)
    count = mmdb.metadata.node_count
    root = _ipv4_root(mmdb, children)
    v6 = None
    if mmdb.metadata.ip_version == 6:
        v6 = _walk(mmdb, children, 0, 128, root if root < count else None)
    if root < count:
        v4 = _walk(mmdb, children, root, 32, None)
    else:  # a network that holds all of ::/96 has one record, or none
        v4 = _Leaves((np.zeros(1, np.uint32),), np.array([root], np.uint32))
    del children
    ranges4 = _sorted_v4(v4)
    ranges6 = whole_space(6, count) if v6 is None else _sorted_v6(v6)
    return _index(mmdb, ranges4, ranges6)


def count_networks(mmdb: Mmdb) -> int:
    """How many networks of both families have data; an alias of the IPv4 tree counts once."""
    return int((_children(mmdb) > mmdb.metadata.node_count).sum())


def _children(mmdb: Mmdb) -> Nodes:
    """The two records of every node, shape (nodes, 2)."""
    size, tree = mmdb.metadata.record_size, mmdb.tree
    if size == 32:
        return tree.view(">u4").astype(np.uint32).reshape(-1, 2)
    rows = tree.reshape(-1, size // 4)
    children = np.empty((len(rows), 2), np.uint32)
    for side, first in enumerate((0, 3 if size == 24 else 4)):
        column = rows[:, first].astype(np.uint32)
        for byte in (first + 1, first + 2):
            column <<= 8
            column |= rows[:, byte]
        children[:, side] = column
    if size == 28:
        # The middle byte holds the most significant four bits of the left record, then the right's.
        middle = rows[:, 3].astype(np.uint32)
        children[:, 0] |= (middle & 0xF0) << 20
        children[:, 1] |= (middle & 0x0F) << 24
    return children


def _ipv4_root(mmdb: Mmdb, children: Nodes) -> int:
    """What 96 zero bits lead to: a node, or a leaf that holds ::/96. In a tree of IPv4: node 0."""
    node = 0
    if mmdb.metadata.ip_version == 4:
        return node
    for _ in range(96):
        if node >= mmdb.metadata.node_count:
            break
        node = int(children[node, 0])
    return node


def _walk(mmdb: Mmdb, children: Nodes, root: int, bits: int, ipv4_root: int | None) -> _Leaves:
    """Every leaf below a node. Where the walk meets ``ipv4_root``, it finds no data instead:

    the IPv4 tree hangs at ::/96, and MaxMind's files alias it at ::ffff:0:0/96, 2001::/32,
    2002::/16 and 64:ff9b::/96, so that walking it again would multiply the work.
    """
    count = mmdb.metadata.node_count
    budget = max(_SHARING_LIMIT * count, _SHARING_FLOOR)
    width = min(bits, 64)
    word: type[np.uint32] | type[np.uint64] = np.uint32 if bits == 32 else np.uint64
    nodes = np.array([root], np.uint32)
    starts: tuple[NDArray[Any], ...] = tuple(np.zeros(1, word) for _ in range(bits // width))
    found: list[_Leaves] = []
    for level in range(bits):
        budget -= len(nodes)
        if budget < 0:
            raise GeoError(mmdb.path, "has a search tree that loops")
        records = children[nodes].ravel()
        starts = tuple(np.repeat(part, 2) for part in starts)
        starts[level // width][1::2] |= word(1 << (width - 1 - level % width))
        if ipv4_root is not None:
            records[records == ipv4_root] = count
        leaf = records >= count
        found.append(_Leaves(tuple(part[leaf] for part in starts), records[leaf]))
        inner = ~leaf
        nodes, starts = records[inner], tuple(part[inner] for part in starts)
        if not len(nodes):
            break
    if len(nodes):
        raise GeoError(mmdb.path, f"has a search tree that is deeper than {bits} levels, or loops")
    return _Leaves(
        tuple(
            np.concatenate([leaves.starts[part] for leaves in found]) for part in range(len(starts))
        ),
        np.concatenate([leaves.records for leaves in found]),
    )


def _sorted_v4(leaves: _Leaves) -> Ranges:
    # Sorting numbers that carry their record is several times as fast as sorting positions.
    packed = leaves.starts[0].astype(np.uint64) << np.uint64(32) | leaves.records
    packed.sort()
    starts = (packed >> np.uint64(32)).astype(np.uint32)
    return _raw_ranges(starts, None, packed.astype(np.uint32))


def _sorted_v6(leaves: _Leaves) -> Ranges:
    high, low = leaves.starts
    order = np.lexsort((low, high))
    return _raw_ranges(high[order], low[order], leaves.records[order])


def _raw_ranges(
    starts: NDArray[Any], low: NDArray[np.uint64] | None, records: NDArray[np.uint32]
) -> Ranges:
    """Ranges whose values are the bits of record numbers, which may exceed an int32."""
    return merge_neighbours(Ranges(starts, low, records.view(np.int32)))


def _index(mmdb: Mmdb, v4: Ranges, v6: Ranges) -> Expansion:
    """Number the distinct records of both families."""
    families = [(ranges, _data_offsets(mmdb, ranges)) for ranges in (v4, v6)]
    used = np.zeros(len(mmdb.data), dtype=bool)
    for _, offsets in families:
        used[offsets[offsets >= 0]] = True
    distinct = np.flatnonzero(used)
    # Counted in units of the smallest gap, no two offsets are equal. A table of so few entries is
    # far smaller than the data, and most of its cost is the memory that it takes.
    gap = max(1, int(np.diff(distinct).min(initial=len(used))))
    numbers = np.zeros(len(used) // gap + 2, np.int32)
    numbers[distinct // gap] = np.arange(len(distinct), dtype=np.int32)
    numbers[-1] = -1  # no data is at offset -1
    first, second = (
        replace(ranges, values=numbers[offsets // gap]) for ranges, offsets in families
    )
    return Expansion(first, second, distinct)


def _data_offsets(mmdb: Mmdb, ranges: Ranges) -> NDArray[np.int64]:
    """Where in the data section the record of each range begins; -1: the range has none."""
    values = ranges.values.view(np.uint32)
    count = mmdb.metadata.node_count
    # "$data_section_offset = $record_value - $node_count - 16"; the value $node_count itself
    # says that there is no data.
    offsets = values.astype(np.int64) - (count + DATA_SEPARATOR)
    has_data = values != count
    inside = offsets[has_data]
    if len(inside) and not 0 <= inside.min() <= inside.max() < len(mmdb.data):
        raise GeoError(mmdb.path, "has a search tree that points outside of the data")
    offsets[~has_data] = -1
    return offsets
