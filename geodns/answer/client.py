"""A client as the engine knows it: its address, and per location map its class, slot and scopes."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from typing import NamedTuple
from zlib import crc32

from geodns.answer.location import LocationMap, beside_embedded, embedded_v4
from geodns.answer.resolvers import NO_RESOLVER
from geodns.answer.shares import SLOTS

V4_SUBNET, V6_SUBNET = 24, 48
"""Clients of one subnet of this length share a slot. RFC 7871 11.1 names /24 as what resolvers
reveal at most of IPv4; a /48 is what a site has of IPv6 (RFC 6177)."""


class Located(NamedTuple):
    """Where a client is on one location map.

    ``scope`` holds while all slots of the class have one answer; ``split_scope`` where they differ.
    """

    number: int
    slot: int
    scope: int
    split_scope: int


class Client:
    """``located[m]`` is the position on location map m, None until it is asked for.

    ``counts[m]`` is how many queries were answered by it. ``resolver`` is the row of a resolver
    that asks for clients elsewhere, -1 for all others.
    """

    __slots__ = ("address", "counts", "family", "located", "resolver")

    def __init__(self, family: int, address: int, maps: int) -> None:
        self.family = family
        self.address = address
        self.located: list[Located | None] = [None] * maps
        self.counts = [0] * maps
        self.resolver = NO_RESOLVER

    def locate(self, maps: Sequence[LocationMap], number: int) -> Located:
        """Finds and remembers the position on a map."""
        family, address = self.family, self.address
        offset = beside = 0
        if family == 1:
            found, scope = maps[number].find_v4(address)
        else:
            found, scope = maps[number].find_v6(address)
            embedded = embedded_v4(address)
            if embedded is None:
                beside = beside_embedded(address)
            else:
                # RFC 6052, 3056, 4380: it is the IPv4 client that it carries, with the same slot.
                family, address, offset = 1, embedded.address, embedded.offset
        slot, shared = slot_of(family, address)
        split = max(scope, offset + shared, beside)
        if self.resolver != NO_RESOLVER and maps[number].resolvers:
            # It sent no client subnet, so there is no scope either.
            found = maps[number].resolvers[self.resolver]
        # As Located(...) does it, but for the detour that costs a new client a twentieth more.
        located = tuple.__new__(Located, (found, slot, scope, split))
        self.located[number] = located
        return located


def slot_of(family: int, address: int) -> tuple[int, int]:
    """(slot, prefix length that shares it) of an address; the same on every server, always."""
    if family == 1:
        return crc32((address >> 8).to_bytes(3, "big")) % SLOTS, V4_SUBNET
    return crc32((address >> 80).to_bytes(6, "big")) % SLOTS, V6_SUBNET


def client_of_host(host: str, maps: int) -> Client:
    """The client at a peer's address, as sockets write it (a scope id behind % is ignored)."""
    if ":" in host:
        packed = socket.inet_pton(socket.AF_INET6, host.partition("%")[0])
        return Client(2, int.from_bytes(packed, "big"), maps)
    return Client(1, int.from_bytes(socket.inet_aton(host), "big"), maps)
