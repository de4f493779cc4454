"""Who may ask for names of a zone: sorted ranges of addresses, looked up by the peer's."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from ipaddress import IPv4Network, IPv6Network, ip_address
from typing import NamedTuple

_FIRST_V4_MAPPED = 0xFFFF << 32
"""::ffff:0.0.0.0, where RFC 4291 2.5.5.2 puts IPv4: IPv4 networks are kept there as well."""


class Access(NamedTuple):
    """Addresses that may ask. ``starts`` and ``ends`` are ranges without gaps or overlaps, as
    IPv6 numbers: the range ``n`` is from ``starts[n]`` to before ``ends[n]``.
    """

    starts: tuple[int, ...] = ()
    ends: tuple[int, ...] = ()

    @classmethod
    def of(cls, networks: Iterable[IPv4Network | IPv6Network]) -> Access:
        """The access that a list of networks gives; none of them: nobody has it."""
        starts: list[int] = []
        ends: list[int] = []
        for start, end in sorted(map(_range, networks)):
            if ends and start <= ends[-1]:
                ends[-1] = max(ends[-1], end)
            else:
                starts.append(start)
                ends.append(end)
        return cls(tuple(starts), tuple(ends))

    def permits(self, host: str) -> bool:
        """Whether a peer may ask. ``host`` is as the socket tells it, maybe with a scope."""
        address = ip_address(host.partition("%")[0])
        number = int(address) + (_FIRST_V4_MAPPED if address.version == 4 else 0)
        place = bisect_right(self.starts, number)
        return place > 0 and number < self.ends[place - 1]


def _range(network: IPv4Network | IPv6Network) -> tuple[int, int]:
    start = int(network.network_address) + (_FIRST_V4_MAPPED if network.version == 4 else 0)
    return start, start + network.num_addresses
