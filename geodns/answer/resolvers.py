"""Resolvers whose clients are known to be elsewhere: which row an address has."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Network, IPv6Network

NO_RESOLVER = -1


class Resolvers:
    """Rows by network. Of nested networks, the longest around an address counts."""

    __slots__ = ("_by_length",)

    def __init__(self, networks: Iterable[IPv4Network | IPv6Network] = ()) -> None:
        found: dict[tuple[int, int], dict[int, int]] = {}
        for row, network in enumerate(networks):
            shift = network.max_prefixlen - network.prefixlen
            heads = found.setdefault((1 if network.version == 4 else 2, shift), {})
            heads[int(network.network_address) >> shift] = row
        # The longest prefixes, which are shifted least, first.
        self._by_length = tuple(
            (family, shift, heads) for (family, shift), heads in sorted(found.items())
        )

    def row(self, family: int, address: int) -> int:
        """The row of an address of a family (RFC 7871 6: 1 or 2), NO_RESOLVER without one."""
        for own, shift, heads in self._by_length:
            if own == family:
                row = heads.get(address >> shift)
                if row is not None:
                    return row
        return NO_RESOLVER
