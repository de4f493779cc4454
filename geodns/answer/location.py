"""Location maps: which class a client address belongs to, and how far around it that holds.

A map is sorted range starts and class numbers; a look-up is a binary search. Neighbouring ranges
have different classes, so the largest prefix around a client inside its range is the exact scope
of its answer (RFC 7871 7.2.1): never wider than the truth.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

V4_BITS, V6_BITS = 32, 128
_HALF = (1 << 64) - 1
_TEREDO = 0x20010000
_6TO4 = 0x2002
_NAT64 = 0x0064FF9B << 64
_MAPPED = 0xFFFF
_V4_MASK = 0xFFFFFFFF


_EMBEDDING = (
    (_MAPPED << 32, 96),
    (_NAT64 << 32, 96),
    (_6TO4 << 112, 16),
    (_TEREDO << 96, 32),
)


class Embedded(NamedTuple):
    """An IPv4 address inside an IPv6 address; ``offset`` is the number of bits before it."""

    address: int
    offset: int


def embedded_v4(address: int) -> Embedded | None:
    """The IPv4 address that an IPv6 address carries, or None.

    IPv4-mapped (RFC 4291 2.5.5.2), NAT64's well-known prefix (RFC 6052 2.1), 6to4 (RFC 3056 2),
    and Teredo (RFC 4380 4), whose client address is written with all bits inverted.
    """
    high96 = address >> 32
    if high96 in (_MAPPED, _NAT64):
        return Embedded(address & _V4_MASK, 96)
    if address >> 112 == _6TO4:
        return Embedded((address >> 80) & _V4_MASK, 16)
    if address >> 96 == _TEREDO:
        return Embedded(~address & _V4_MASK, 96)
    return None


def beside_embedded(address: int) -> int:
    """The length of the largest prefix around an address that holds none with IPv4 inside.

    Those are looked up as IPv4, so a scope that held one would promise what isn't so.
    """
    length = 0
    for start, bits in _EMBEDDING:
        shared = V6_BITS - (address ^ start).bit_length()
        if shared < bits:
            length = max(length, shared + 1)
    return length


def prefix_inside(address: int, first: int, last: int, bits: int) -> int:
    """The length of the largest prefix around an address that lies in first..last (inclusive)."""
    length = 0
    if first > 0:
        # One address before the range must fall outside: the prefix is longer than what they share.
        length = bits - (address ^ (first - 1)).bit_length() + 1
    if last < (1 << bits) - 1:
        length = max(length, bits - (address ^ (last + 1)).bit_length() + 1)
    return length


@dataclass(slots=True)
class LocationMap:
    """Ranges of both families. IPv6 starts are split in halves: ``v6_high`` and ``v6_low``.

    Each sequence of starts is sorted and begins with 0; ``*_classes`` are as long as the starts.
    The sequences may be memory shared by all workers. ``resolvers`` are the classes of the rows of
    resolvers, empty where they have none of their own.
    """

    v4_starts: Sequence[int]
    v4_classes: Sequence[int]
    v6_high: Sequence[int]
    v6_low: Sequence[int]
    v6_classes: Sequence[int]
    resolvers: tuple[int, ...] = ()

    def find_v4(self, address: int) -> tuple[int, int]:
        """(class, scope) of an IPv4 address."""
        starts = self.v4_starts
        after = bisect_right(starts, address)
        last = starts[after] - 1 if after < len(starts) else _V4_MASK
        scope = prefix_inside(address, starts[after - 1], last, V4_BITS)
        return self.v4_classes[after - 1], scope

    def find_v6(self, address: int) -> tuple[int, int]:
        """(class, scope) of an IPv6 address; one that carries an IPv4 address is that address."""
        embedded = embedded_v4(address)
        if embedded is not None:
            number, scope = self.find_v4(embedded.address)
            return number, embedded.offset + scope
        high, low = address >> 64, address & _HALF
        after = bisect_right(self.v6_high, high)
        # Starts that share the high half with the address are told apart by the low half.
        same = bisect_left(self.v6_high, high, 0, after)
        after = bisect_right(self.v6_low, low, same, after)
        first = self._v6_start(after - 1)
        last = self._v6_start(after) - 1 if after < len(self.v6_high) else (1 << V6_BITS) - 1
        scope = prefix_inside(address, first, last, V6_BITS)
        if not scope and len(self.v4_starts) == 1:
            # The whole of both families is one class: RFC 7871 7.2.1, scope 0, for everyone.
            return self.v6_classes[0], 0
        return self.v6_classes[after - 1], max(scope, beside_embedded(address))

    def _v6_start(self, index: int) -> int:
        return self.v6_high[index] << 64 | self.v6_low[index]


NO_LOCATION = LocationMap((0,), (0,), (0,), (0,), (0,))
"""Where one class holds everywhere. Engines have it last, so that -1 is its position."""
