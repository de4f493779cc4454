"""The binary search tree over networks, built level by level and numbered depth first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from citydatabase.networks import Networks

Links = NDArray[np.int64]  # shape (nodes, 2); below zero: see EMPTY and leaf
EMPTY = -1


@dataclass(frozen=True, slots=True, eq=False)
class _Level:
    """The nodes of one depth, sorted: where their children are, in the next level or not.

    ``inner``, shape (nodes, 2), are positions in the next level, -1 where the child is none of it;
    ``outer``, of the same shape, are leaves, EMPTY where there is none.
    """

    inner: Links
    outer: Links


def leaf(values: NDArray[np.int64]) -> NDArray[np.int64]:
    """How links say that they end at these values; its own inverse."""
    return -2 - values


def build(networks: Networks, values: NDArray[np.int64]) -> Links:
    """The nodes of a tree over these networks in depth-first order, node 0 being the root.

    A link is a node, EMPTY, or ``leaf`` of the value (0 or more) of a network.
    """
    levels = _levels(networks, values)
    sizes = _sizes(levels)
    links = np.empty((int(sizes[0][0]), 2), np.int64)
    numbers = np.zeros(1, np.int64)
    for level, below in zip(levels, [*sizes[1:], np.zeros(0, np.int64)], strict=True):
        # Depth first: the left subtree is numbered right after its parent, then the right one.
        has_node = level.inner >= 0
        size = np.zeros(level.inner.shape, np.int64)
        size[has_node] = below[level.inner[has_node]]
        children = numbers[:, None] + 1 + np.stack([np.zeros(len(size), np.int64), size[:, 0]], 1)
        links[numbers] = np.where(has_node, children, level.outer)
        # In this order they are sorted, as the next level is.
        numbers = children[has_node]
    return links


def join(tree: Links, others: Sequence[Links], first_value: int) -> Links:
    """One tree out of several: its leaf ``first_value + k`` becomes the root of ``others[k]``."""
    trees = [tree, *others]
    roots = np.cumsum([0, *(len(one) for one in trees)])
    joined = np.concatenate(
        [np.where(one >= 0, one + root, one) for one, root in zip(trees, roots, strict=False)]
    )
    value = leaf(joined)
    is_root = (joined < EMPTY) & (value >= first_value)
    joined[is_root] = roots[1 + value[is_root] - first_value]
    return joined


def _levels(networks: Networks, values: NDArray[np.int64]) -> list[_Level]:
    starts, lengths = networks.starts, networks.lengths
    levels: list[_Level] = []
    prefixes = np.zeros(1, np.uint64)
    deeper = np.ones(len(starts), dtype=bool)
    for depth in range(1, int(lengths.max()) + 1):
        starts, lengths, values = starts[deeper], lengths[deeper], values[deeper]
        at_depth = starts >> np.uint64(networks.bits - depth)
        outer = np.full((len(prefixes), 2), EMPTY, np.int64)
        ends = lengths == depth
        outer[_positions(prefixes, at_depth[ends])] = leaf(values[ends])
        deeper = ~ends
        below = at_depth[deeper]
        first = np.ones(len(below), dtype=bool)
        first[1:] = below[1:] != below[:-1]
        below = below[first]
        inner = np.full((len(prefixes), 2), -1, np.int64)
        inner[_positions(prefixes, below)] = np.arange(len(below))
        levels.append(_Level(inner, outer))
        prefixes = below
    return levels


def _positions(
    parents: NDArray[np.uint64], children: NDArray[np.uint64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Row and side of each child prefix below its parent prefix."""
    row = np.searchsorted(parents, children >> np.uint64(1)).astype(np.int64)
    return row, (children & np.uint64(1)).astype(np.int64)


def _sizes(levels: Sequence[_Level]) -> list[NDArray[np.int64]]:
    """How many nodes the subtree of each node has, level by level."""
    sizes: list[NDArray[np.int64]] = []
    below = np.zeros(0, np.int64)
    for level in reversed(levels):
        has_node = level.inner >= 0
        size = np.zeros(level.inner.shape, np.int64)
        size[has_node] = below[level.inner[has_node]]
        below = 1 + size.sum(axis=1)
        sizes.append(below)
    return sizes[::-1]
