"""PROXY protocol version 2: whose query a balancer passes on.

The format is HAProxy's, https://www.haproxy.org/download/3.0/doc/proxy-protocol.txt, section 2.2.
Addresses are only ever believed from peers that the configuration names.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterable
from ipaddress import ip_address, ip_network
from typing import NamedTuple

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
FIXED = 16
"""Bytes of a header that are there whatever it says; the last two are the length of the rest."""
_MOST = 4096
"""Bytes of a whole header. Addresses of TCP take 52, and what balancers add a few hundred."""
_LOCAL, _PROXY = 0x20, 0x21
_UNSPECIFIED, _IPV4, _IPV6 = 0, 1, 2
_MAPPED = bytes(10) + b"\xff\xff"
_MOST_REMEMBERED = 10_000

Respond = Callable[[bytes, str], bytes | None]


class ProxyError(ValueError):
    """What should be a header is none."""


class Header(NamedTuple):
    """``length`` is that of the header in bytes; ``source`` None is the peer itself."""

    length: int
    source: str | None


def length_of(start: bytes | bytearray) -> int:
    """The length of a whole header from its first FIXED bytes. Raises ProxyError."""
    if not start.startswith(SIGNATURE) or len(start) < FIXED:
        raise ProxyError("a PROXY v2 header does not start like this")
    length = FIXED + int.from_bytes(start[14:16], "big")
    if length > _MOST:
        raise ProxyError(f"a header of {length} bytes is longer than any")
    return length


def parse(data: bytes | bytearray) -> Header:
    """The header that bytes begin with; there may be more behind it. Raises ProxyError."""
    length = length_of(data[:FIXED])
    if len(data) < length:
        raise ProxyError("the header is cut off")
    command, family, protocol = data[12], data[13] >> 4, data[13] & 15
    if command == _LOCAL:
        # "the receiver must accept this connection as valid and must use the real connection
        # endpoints and discard the protocol block including the family which is ignored"
        return Header(length, None)
    if command != _PROXY or protocol > 2:
        raise ProxyError("neither LOCAL nor PROXY of version 2")
    if family == _UNSPECIFIED:
        return Header(length, None)
    # The protocol is that between client and balancer, which need not be that of this packet.
    if family == _IPV4 and length >= FIXED + 12:
        return Header(length, socket.inet_ntop(socket.AF_INET, data[16:20]))
    if family == _IPV6 and length >= FIXED + 36:
        return Header(length, _ipv6(data[16:32]))
    raise ProxyError("the addresses are neither IPv4 nor IPv6, or cut off")


def _ipv6(packed: bytes | bytearray) -> str:
    if packed.startswith(_MAPPED):
        return socket.inet_ntop(socket.AF_INET, packed[12:])
    return socket.inet_ntop(socket.AF_INET6, packed)


class Balancers:
    """The networks whose peers must send a header."""

    def __init__(self, networks: Iterable[str]) -> None:
        self._networks = tuple(ip_network(network) for network in networks)
        self._known: dict[str, bool] = {}

    def __bool__(self) -> bool:
        return bool(self._networks)

    def has(self, host: str) -> bool:
        """Whether a peer is one of them."""
        known = self._known.get(host)
        if known is None:
            address = ip_address(host)
            known = any(address in network for network in self._networks)
            if len(self._known) >= _MOST_REMEMBERED:
                self._known.clear()
            self._known[host] = known
        return known

    def unwrapping(self, respond: Respond, drop: Callable[[str], None]) -> Respond:
        """Answers datagrams of balancers as their client's; what has no good header is dropped."""

        def answer(packet: bytes, host: str) -> bytes | None:
            if not self.has(host):
                return respond(packet, host)
            try:
                header = parse(packet)
            except ProxyError:
                drop("proxy header")
                return None
            return respond(packet[header.length :], header.source or host)

        return answer
