"""The ``icmp`` check: an echo request, and its reply.

Linux lets a process without privileges send echo requests where its group lies within
``net.ipv4.ping_group_range`` (which counts for IPv6 too); raw sockets are for root.
"""

from __future__ import annotations

import asyncio
import errno
import secrets
import socket
import struct
from collections.abc import Callable
from typing import Literal

from pydantic import Field

from geodns.config.values import Address
from geodns.health.kits.kit import Kit, ProbingCheck
from geodns.health.probe import NotProbedError, ProbeError, Result, Seen, conclude

SYSCTL = 'sysctl -w net.ipv4.ping_group_range="0 2147483647"'
_PAYLOAD = 56  # bytes, as ping sends
_MOST_STRAY = 1024  # a raw socket hears the replies to every other probe of this address too
_ICMP = {4: socket.IPPROTO_ICMP, 6: socket.IPPROTO_ICMPV6}
_REQUEST, _REPLY = {4: 8, 6: 128}, {4: 0, 6: 129}  # RFC 792, RFC 4443 4.1 and 4.2
_HEADER = struct.Struct("!BBHHH")
# Not allowed, or a kernel that doesn't know ping sockets.
_NOT_THIS_KIND = {errno.EACCES, errno.EPERM, errno.EPROTONOSUPPORT}

Opener = Callable[[int, int, int], socket.socket]


class IcmpCheck(ProbingCheck):
    """An echo request (ping) to each address."""

    type: Literal["icmp"] = Field(description="the protocol")


class IcmpProber:
    """Sends one echo request. ``opener`` makes a socket of family, type and protocol."""

    def __init__(self, check: IcmpCheck, opener: Opener = socket.socket) -> None:
        self._check = check
        self._opener = opener
        self._number = secrets.randbits(16)

    async def __call__(self, address: Address) -> Result:
        return await conclude(lambda: self._attempt(address), self._check.timeout)

    async def _attempt(self, address: Address) -> Seen:
        loop, version = asyncio.get_running_loop(), address.version
        self._number = (self._number + 1) & 0xFFFF
        payload = secrets.token_bytes(_PAYLOAD)
        with open_ping(version, self._opener) as ping:
            ping.setblocking(False)
            ping.connect((str(address), 0))
            await loop.sock_sendall(ping, request(version, self._number, payload))
            for _ in range(_MOST_STRAY):
                packet = await loop.sock_recv(ping, 2048)
                if is_reply(version, packet, payload):
                    return Seen("echo reply")
        raise ProbeError("only replies to something else came")


def open_ping(version: int, opener: Opener = socket.socket) -> socket.socket:
    """A socket for echo requests. Raises NotProbedError where none is allowed."""
    family = socket.AF_INET if version == 4 else socket.AF_INET6
    for kind in (socket.SOCK_DGRAM, socket.SOCK_RAW):
        try:
            return opener(family, kind, _ICMP[version])
        except OSError as error:
            if error.errno not in _NOT_THIS_KIND:
                raise
    raise NotProbedError(f"no permission to ping; allow it with {SYSCTL}")


def request(version: int, number: int, payload: bytes) -> bytes:
    """An echo request; its payload is what tells its reply from others."""
    header = _HEADER.pack(_REQUEST[version], 0, 0, number, number)
    if version == 6:  # RFC 3542 3.1: the kernel does the checksum
        return header + payload
    checksum = _checksum(header + payload)
    return _HEADER.pack(_REQUEST[version], 0, checksum, number, number) + payload


def is_reply(version: int, packet: bytes, payload: bytes) -> bool:
    """Whether it replies to the request with this payload; raw IPv4 has its IP header before."""
    if version == 4 and len(packet) > 20 and packet[0] >> 4 == 4:
        packet = packet[4 * (packet[0] & 0x0F) :]
    return packet[:2] == bytes([_REPLY[version], 0]) and packet[_HEADER.size :] == payload


def _checksum(data: bytes) -> int:
    """RFC 1071; of an even number of bytes."""
    total: int = sum(word for (word,) in struct.iter_unpack("!H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


KIT = Kit(IcmpCheck, IcmpProber, "an echo reply", "one ICMP socket")
