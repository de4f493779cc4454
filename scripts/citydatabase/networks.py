"""Which networks there are: address blocks, halved at random until they have the wanted sizes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Blocks = NDArray[np.uint64]  # prefixes as numbers, shape (n,): the address without its host bits

# How networks of a city database spread over prefix lengths, in parts of all. What is shorter
# follows from these: it is the address space that is left.
_V4_SHARES = {
    **{17: 4, 18: 8, 19: 15, 20: 40, 21: 50, 22: 90, 23: 100, 24: 300, 25: 95, 26: 95, 27: 85},
    **{28: 55, 29: 25, 30: 15, 31: 8, 32: 15},
}
_V6_SHARES = {
    **{25: 1, 26: 1, 27: 1, 28: 2, 29: 4, 30: 5, 31: 6, 32: 60, 33: 30, 34: 25, 35: 20, 36: 35},
    **{37: 20, 38: 20, 39: 20, 40: 45, 41: 25, 42: 25, 43: 25, 44: 45, 45: 30, 46: 35, 47: 45},
    **{48: 260, 49: 12, 50: 12, 51: 12, 52: 20, 53: 15, 54: 20, 55: 30, 56: 94},
}
# IANA's registry of IPv4: private, loopback, and everything from multicast on.
_V4_RESERVED = frozenset({0, 10, 127, *range(224, 256)})
# The blocks that the regional registries hand out from.
_V6_REGISTRIES = (0x240, 0x260, 0x280, 0x2A0, 0x2C0)
V4_PART = 0.63  # of all networks
_LONGEST_SURPLUS = 16
_ALLOCATED = 0.95  # of the IPv4 space that no longer prefix needs


@dataclass(frozen=True, slots=True, eq=False)
class Networks:
    """Disjoint networks of one family, sorted. For IPv6 only the high half: none is longer.

    ``starts`` are the first addresses (uint64; IPv4 uses 32 bits of it), ``lengths`` the prefix
    lengths (uint8), shape (n,) each.
    """

    bits: int
    starts: Blocks
    lengths: NDArray[np.uint8]


def v4_networks(count: int, chance: np.random.Generator) -> Networks:
    """About ``count`` networks of IPv4; nearly the whole space is in one of them."""
    blocks = np.array([block for block in range(256) if block not in _V4_RESERVED], np.uint64)
    return _halve(32, blocks, 8, _wanted(_V4_SHARES, count), _ALLOCATED, chance)


def v6_networks(count: int, chance: np.random.Generator) -> Networks:
    """About ``count`` networks of IPv6; most of the space is in none of them."""
    within = np.arange(1 << 12, dtype=np.uint64)
    blocks = np.concatenate([np.uint64(block << 12) + within for block in _V6_REGISTRIES])
    return _halve(64, blocks, 24, _wanted(_V6_SHARES, count), 0.0, chance)


def _wanted(shares: Mapping[int, int], count: int) -> dict[int, int]:
    total = sum(shares.values())
    return {length: count * share // total for length, share in shares.items()}


def _halve(
    bits: int,
    blocks: Blocks,
    length: int,
    wanted: Mapping[int, int],
    allocated: float,
    chance: np.random.Generator,
) -> Networks:
    """Halve blocks until there are as many networks of each length as wanted.

    Blocks that this does not need become networks themselves, as far as they are ``allocated``.
    """
    longest = max(wanted)
    needed = _needed(wanted, length, longest)
    found: list[tuple[Blocks, int]] = []
    for level in range(length, longest + 1):
        if len(blocks) < needed[level]:
            raise ValueError(f"{sum(wanted.values())} networks are more than the space can hold")
        blocks = chance.permutation(blocks)
        networks, blocks = np.split(blocks, [wanted.get(level, 0)])
        halved = needed.get(level + 1, 0)
        surplus = len(blocks) - (halved + 1) // 2
        # What is not needed ends here, or is handed on to the next lengths to end there.
        ending = surplus if level >= _LONGEST_SURPLUS else surplus // 3
        leftover, blocks = np.split(blocks, [ending])
        found.append((networks, level))
        found.append((leftover[: int(len(leftover) * allocated)], level))
        left = blocks << np.uint64(1)
        blocks = np.concatenate([left, left | np.uint64(1)])
    return _sorted(bits, found)


def _needed(wanted: Mapping[int, int], shortest: int, longest: int) -> dict[int, int]:
    """How many blocks of each length hold all that is wanted at this length and behind it."""
    needed = {longest + 1: 0}
    for level in range(longest, shortest - 1, -1):
        needed[level] = wanted.get(level, 0) + (needed[level + 1] + 1) // 2
    return needed


def _sorted(bits: int, found: Iterable[tuple[Blocks, int]]) -> Networks:
    parts = list(found)
    starts = np.concatenate([blocks << np.uint64(bits - level) for blocks, level in parts])
    lengths = np.concatenate([np.full(len(blocks), level, np.uint8) for blocks, level in parts])
    order = np.argsort(starts)
    return Networks(bits, starts[order], lengths[order])
