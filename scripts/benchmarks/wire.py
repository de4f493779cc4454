"""Packets: queries with and without EDNS and a client subnet, and the file that dnsperf reads."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from ipaddress import IPv4Network

_TYPE_A = 1
_TYPE_OPT = 41
_CLASS_IN = 1
_CLIENT_SUBNET = 8  # RFC 7871 6: the option code
_IPV4 = 1  # RFC 7871 6: the address family number
_PAYLOAD = 1232  # what resolvers announce since DNS flag day 2020


def query(name: str, *, edns: bool = False, subnet: IPv4Network | None = None) -> bytes:
    """A query for the A records of ``name``, an absolute name; ID 0, no recursion desired.

    A ``subnet`` implies EDNS. Its prefix length is a multiple of 8.
    """
    edns = edns or subnet is not None
    labels = name.rstrip(".").encode("ascii").split(b".")
    owner = b"".join(bytes([len(label)]) + label for label in labels) + b"\0"
    header = struct.pack("!6H", 0, 0, 1, 0, 0, 1 if edns else 0)
    question = owner + struct.pack("!2H", _TYPE_A, _CLASS_IN)
    return header + question + (_opt(subnet) if edns else b"")


def _opt(subnet: IPv4Network | None) -> bytes:
    option = b""
    if subnet is not None:
        # RFC 7871 6: the address is truncated to the number of bits of the source prefix length.
        address = subnet.network_address.packed[: subnet.prefixlen // 8]
        body = struct.pack("!HBB", _IPV4, subnet.prefixlen, 0) + address
        option = struct.pack("!2H", _CLIENT_SUBNET, len(body)) + body
    return b"\0" + struct.pack("!HHIH", _TYPE_OPT, _PAYLOAD, 0, len(option)) + option


def stream(packets: Iterable[bytes]) -> bytes:
    """Packets as ``dnsperf -B`` reads them, each behind its length (RFC 1035 4.2.2)."""
    return b"".join(struct.pack("!H", len(packet)) + packet for packet in packets)
