"""DNS cookies (RFC 7873) in the form that servers share (RFC 9018): making and checking them."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from hmac import compare_digest
from typing import NamedTuple

from siphash24 import siphash24

CLIENT_BYTES = 8
SECRET_BYTES = 16  # of SipHash-2-4's key
_SERVER_BYTES = 16
_VERSION = b"\1\0\0\0"  # RFC 9018 4.1, 4.2: version 1, then three reserved bytes, 0 when made
_LEAST_SERVER, _MOST_SERVER = 8, 32
_OLDEST, _RENEW_AFTER, _LATEST = 3600, 1800, 300
"""RFC 9018 4.3: good for an hour, from five minutes ahead of its time; renewed after half of it."""
_REMEMBER = 300
"""Seconds that one who sends no good server cookie is told the same one."""


class Cookie(NamedTuple):
    """What a query's cookie is worth, and the cookie of its replies until second ``until``.

    ``proven``: it shows that the peer has had a reply of ours, so its address is not made up.
    """

    reply: bytes
    proven: bool
    until: int


def well_formed(data: bytes) -> bool:
    """RFC 7873 5.2.2: a client cookie of 8 bytes, alone or with a server cookie of 8 to 32."""
    server = len(data) - CLIENT_BYTES
    return server == 0 or _LEAST_SERVER <= server <= _MOST_SERVER


class CookieJar:
    """Cookies under one secret or more: the first makes them, all others are still good."""

    def __init__(self, secrets: Sequence[bytes]) -> None:
        if not secrets or any(len(secret) != SECRET_BYTES for secret in secrets):
            raise ValueError(f"a cookie secret has {SECRET_BYTES} bytes")
        self._secrets = tuple(secrets)

    def check(self, data: bytes, host: str, now: int) -> Cookie:
        """Judges a well-formed cookie of a host at a second of Unix time."""
        client, server = data[:CLIENT_BYTES], data[CLIENT_BYTES:]
        address = packed_address(host)
        age = _age(server, now) if len(server) == _SERVER_BYTES else _OLDEST + 1
        if -_LATEST <= age <= _OLDEST:
            for secret in self._secrets:
                # RFC 9018 4.2: the reserved bytes count for the hash, whatever they are.
                if not compare_digest(_hash(secret, client + server[:8] + address), server[8:]):
                    continue
                # A secret that is on its way out makes no cookies any more.
                if age < _RENEW_AFTER and secret is self._secrets[0] and server[:4] == _VERSION:
                    return Cookie(data, True, now - age + _RENEW_AFTER)
                return Cookie(self._make(client, address, now), True, now - age + _OLDEST + 1)
        # RFC 7873 5.2.4: a wrong server cookie is treated as if only the client's had come.
        return Cookie(self._make(client, address, now), False, now + _REMEMBER)

    def _make(self, client: bytes, address: bytes, now: int) -> bytes:
        head = _VERSION + (now & 0xFFFFFFFF).to_bytes(4, "big")
        return client + head + _hash(self._secrets[0], client + head + address)


def packed_address(host: str) -> bytes:
    """A peer's address in 4 or 16 bytes (a scope id behind % is ignored)."""
    if ":" not in host:
        return socket.inet_aton(host)
    packed = socket.inet_pton(socket.AF_INET6, host.partition("%")[0])
    # One that comes through a socket of both families is the IPv4 client that it is elsewhere.
    return packed[12:] if packed.startswith(b"\0" * 10 + b"\xff\xff") else packed


def _age(server: bytes, now: int) -> int:
    """Seconds since a server cookie was made; RFC 9018 4.3: compared as RFC 1982 does."""
    age = (now - int.from_bytes(server[4:8], "big")) & 0xFFFFFFFF
    return age if age < 1 << 31 else age - (1 << 32)


def _hash(secret: bytes, data: bytes) -> bytes:
    digest: bytes = siphash24(data, key=secret).digest()
    return digest
