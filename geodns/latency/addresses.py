"""Client addresses of raw measurements, many at once: text → numbers → places and prefixes."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Network
from itertools import repeat
from socket import AF_INET, AF_INET6, inet_pton
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from geodns.geo.locations import Locations, Ranges

Numbers = NDArray[np.uint64]

#: The networks that get rows of their own: what registries and carriers rarely split further, and
#: the longest prefixes that resolvers are told to send (RFC 7871 11.1: /24 and /56 at most).
V4_LENGTH, V6_LENGTH = 24, 48
_V6_MARK = np.uint64(1 << 48)  # a /48 has 48 bits, a /24 far fewer: one number serves both
_LOW_32 = np.uint64(0xFFFFFFFF)


class Addresses(NamedTuple):
    """n addresses: ``number`` is uint64, an IPv4 address or the high half of an IPv6 address.

    ``version``, uint8, is 4 or 6, and 0 where the text was no address.
    """

    number: Numbers
    version: NDArray[np.uint8]


def parse(texts: Sequence[str | None]) -> Addresses:
    """The addresses that texts stand for, each an address or a prefix of at least /24 or /48.

    IPv6 addresses that carry an IPv4 address (IPv4-mapped, NAT64, 6to4, Teredo) become that one.
    """
    try:
        packed = b"".join(map(inet_pton, repeat(AF_INET), texts))  # type: ignore[arg-type]
    except (OSError, TypeError, ValueError):
        return _one_by_one(texts)
    number = np.frombuffer(packed, ">u4").astype(np.uint64)
    return Addresses(number, np.full(len(number), 4, np.uint8))


def _one_by_one(texts: Sequence[str | None]) -> Addresses:
    number = np.zeros(len(texts), np.uint64)
    version = np.zeros(len(texts), np.uint8)
    sixes: list[int] = []
    packed: list[bytes] = []
    for row, text in enumerate(texts):
        word = _address(text)
        try:
            if word is None:
                continue
            if ":" in word:
                packed.append(inet_pton(AF_INET6, word))
                sixes.append(row)
            else:
                number[row] = int.from_bytes(inet_pton(AF_INET, word), "big")
                version[row] = 4
        except (OSError, ValueError):
            continue
    if sixes:
        halves = np.frombuffer(b"".join(packed), ">u8").astype(np.uint64).reshape(-1, 2)
        number[sixes], version[sixes] = _unpack(halves[:, 0], halves[:, 1])
    return Addresses(number, version)


def _address(text: str | None) -> str | None:
    """The address in a text; None where a prefix is wider than those that get rows."""
    if text is None:
        return None
    word, slash, length = text.strip().partition("/")
    if not slash:
        return word
    least = V6_LENGTH if ":" in word else V4_LENGTH
    most = 128 if ":" in word else 32
    fits = length.isascii() and length.isdigit() and least <= int(length[:4]) <= most
    return word if fits else None


def _unpack(high: Numbers, low: Numbers) -> tuple[Numbers, NDArray[np.uint8]]:
    """High halves, or the IPv4 addresses that IPv6 addresses carry."""
    number, version = high.copy(), np.full(len(high), 6, np.uint8)

    def take(which: NDArray[np.bool_], carried: Numbers) -> None:
        number[which] = carried[which] & _LOW_32
        version[which] = 4

    take((high == 0) & (low >> np.uint64(32) == 0xFFFF), low)  # RFC 4291 2.5.5.2
    take((high == 0x64FF9B << 32) & (low >> np.uint64(32) == 0), low)  # RFC 6052
    take(high >> np.uint64(48) == 0x2002, high >> np.uint64(16))  # RFC 3056
    take(high >> np.uint64(32) == 0x20010000, ~low)  # RFC 4380: the bits stand inverted
    return number, version


def prefixes(addresses: Addresses) -> Numbers:
    """One number for each /24 or /48, uint64 of shape (n,)."""
    six = addresses.version == 6
    v4 = addresses.number >> np.uint64(32 - V4_LENGTH)
    return np.where(six, addresses.number >> np.uint64(64 - V6_LENGTH) | _V6_MARK, v4)


def network(prefix: int) -> IPv4Network | IPv6Network:
    """The network that such a number stands for."""
    if prefix & int(_V6_MARK):
        bits = prefix ^ int(_V6_MARK)
        return IPv6Network((bits << (128 - V6_LENGTH), V6_LENGTH))
    return IPv4Network((prefix << (32 - V4_LENGTH), V4_LENGTH))


class Locator:
    """Finds the places of many addresses. An IPv6 address is looked up as the first of its /64."""

    def __init__(self, locations: Locations) -> None:
        self._v4, self._v6 = locations.v4, locations.v6
        self._v6_starts = _whole_halves(locations.v6)

    def places(self, addresses: Addresses) -> NDArray[np.int32]:
        """Positions in the table of places, int32 of shape (n,)."""
        six = addresses.version == 6
        if not six.any():
            return self._in_v4(addresses.number)
        at = np.searchsorted(self._v6_starts, addresses.number, "right") - 1
        return np.where(six, self._v6.values[at], self._in_v4(addresses.number & _LOW_32))

    def _in_v4(self, number: Numbers) -> NDArray[np.int32]:
        at = np.searchsorted(self._v4.starts, number.astype(np.uint32), "right") - 1
        return self._v4.values[at]


def _whole_halves(ranges: Ranges) -> NDArray[Any]:
    """The first /64 that begins inside of each range, as high halves."""
    assert ranges.low is not None
    return ranges.starts + (ranges.low > 0).astype(np.uint64)
