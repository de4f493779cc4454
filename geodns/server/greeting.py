"""What comes before the queries of a connection: a balancer's PROXY header, the TLS handshake."""

from __future__ import annotations

import selectors
import socket
import ssl

from geodns.server import proxy
from geodns.server.connections import Connection, Connections

_HANDSHAKE = b"\x16"  # RFC 8446 5.1: the type of a TLS connection's first record


class RejectedError(Exception):
    """The connection is to be closed; ``reason`` is what it is counted under."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Greeting:
    """One connection's way to its first query; ``step`` goes on as far as it can without waiting.

    ``context`` is None without TLS; ``proxied``: the peer is a balancer. Its header comes before
    the handshake (HAProxy), or as the first thing within TLS (dnsdist).
    """

    def __init__(
        self, connections: Connections, context: ssl.SSLContext | None, *, proxied: bool
    ) -> None:
        self._connections = connections
        self._context = context
        self._header = bytearray() if proxied else None
        self._inside: bool | None = None
        self._shaking = False

    def step(self, connection: Connection) -> int:
        """The events to wait for, 0 when queries may be read. Raises RejectedError."""
        try:
            if self._inside is None:
                self._inside = self._begins_with_tls(connection)
            if not self._inside:
                self._take_header(connection)
            if self._context is not None:
                self._shake(connection, self._context)
            self._take_header(connection)
        except (BlockingIOError, ssl.SSLWantReadError):
            return selectors.EVENT_READ
        except ssl.SSLWantWriteError:
            return selectors.EVENT_WRITE
        except proxy.ProxyError as error:
            raise RejectedError("proxy header") from error
        # ValueError: the socket module's, for a connection that is gone already.
        except (OSError, ValueError) as error:
            reason = "handshake" if self._header is None or self._inside else "proxy header"
            raise RejectedError(reason) from error
        return 0

    def _begins_with_tls(self, connection: Connection) -> bool:
        if self._header is None or self._context is None:
            return False
        return connection.socket.recv(1, socket.MSG_PEEK) == _HANDSHAKE

    def _take_header(self, connection: Connection) -> None:
        if self._header is not None:
            self._read_header(connection, self._header)
            self._header = None

    def _read_header(self, connection: Connection, header: bytearray) -> None:
        """Reads not one byte more than the header: what follows may be for TLS."""
        length = proxy.FIXED if len(header) < proxy.FIXED else proxy.length_of(header)
        while len(header) < length:
            data = connection.socket.recv(length - len(header))
            if not data:
                raise proxy.ProxyError("the connection ended within the header")
            header += data
            if len(header) == proxy.FIXED:
                length = proxy.length_of(header)
        source = proxy.parse(header).source
        if source is not None:
            connection.host = source
            if not self._connections.admit(connection):
                raise RejectedError("client limit")

    def _shake(self, connection: Connection, context: ssl.SSLContext) -> None:
        if not self._shaking:
            connection.socket = context.wrap_socket(
                connection.socket, server_side=True, do_handshake_on_connect=False
            )
            self._shaking = True
        assert isinstance(connection.socket, ssl.SSLSocket)
        connection.socket.do_handshake()
