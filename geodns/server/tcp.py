"""TCP: many connections in one thread, several queries on each (RFC 7766)."""

from __future__ import annotations

import errno
import selectors
import socket
from collections import OrderedDict
from collections.abc import Callable

from geodns.server.face import Face

_LENGTH = 2
_READ = 1 << 16
_MOST_WAITING = 1 << 18
"""Bytes of replies that wait for a slow reader before its queries are no longer read."""
_LAST_ACCEPTS = 512
_LAST_READS = 16
"""At a stop: connections that the kernel has made already, and reads from each in one turn."""
_OUT_OF_RESOURCES = frozenset((errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM))


class Connection:
    """A client's connection: what was read and makes no whole query yet, what waits to be sent."""

    __slots__ = ("closing", "host", "last", "received", "sending", "socket")

    def __init__(self, connected: socket.socket, host: str, now: float) -> None:
        self.socket = connected
        self.host = host
        self.last = now
        self.received = bytearray()
        self.sending = bytearray()
        self.closing = False


class TcpServer:
    """Serves listening sockets within a selector that someone else waits on.

    Events are registered with a callable as their data, to be called with the event mask.
    """

    def __init__(
        self,
        selector: selectors.BaseSelector,
        face: Face,
        clock: Callable[[], float],
        *,
        most: int,
        idle: float,
    ) -> None:
        self._selector = selector
        self._face = face
        self._clock = clock
        self._most = most
        self._idle = idle
        self._listening: list[socket.socket] = []
        self._stopping = False
        # In the order of their last sign of life: the first is the one to close.
        self._connections: OrderedDict[socket.socket, Connection] = OrderedDict()

    def __len__(self) -> int:
        return len(self._connections)

    def listen(self, listening: socket.socket) -> None:
        """Accepts connections on a socket that listens and does not block."""
        self._listening.append(listening)
        self._selector.register(
            listening, selectors.EVENT_READ, lambda _mask: self._on_listening(listening)
        )

    def stop_listening(self) -> None:
        """Takes no more connections; connections end when the queries that came are answered."""
        for listening in self._listening:
            # A client whose connection the kernel has made does not know that nobody accepted it.
            for _ in range(_LAST_ACCEPTS):
                if not self._accept(listening):
                    break
            self._selector.unregister(listening)
        self._listening.clear()
        self._stopping = True
        for connection in list(self._connections.values()):
            self._finish(connection)

    def _finish(self, connection: Connection) -> None:
        """Ends a connection as soon as nothing more is there to be read.

        Closing earlier would reset it, and lose the replies that are still on their way.
        """
        for _ in range(_LAST_READS):
            if len(connection.sending) >= _MOST_WAITING:
                break
            if not self._receive(connection):
                connection.closing = True
                break
            self._send(connection)
        self._send(connection)

    def close_idle(self) -> float | None:
        """Closes what was silent too long; returns the seconds until the next may be, or None.

        RFC 7766 6.2.3: a server may close idle connections, in the order of seconds.
        """
        now = self._clock()
        while self._connections:
            oldest = next(iter(self._connections.values()))
            left = oldest.last + self._idle - now
            if left > 0:
                return left
            self._close(oldest)
        return None

    def close(self) -> None:
        """Closes everything at once."""
        for connection in list(self._connections.values()):
            self._close(connection)

    def _on_listening(self, listening: socket.socket) -> None:
        # An event may have been waiting beside the one that stopped the listening.
        if listening in self._listening:
            self._accept(listening)

    def _accept(self, listening: socket.socket) -> bool:
        """Takes one connection; False where there is none to take."""
        try:
            connected, peer = listening.accept()
        except OSError as error:
            # Else the client is gone already, or another process was faster.
            if error.errno in _OUT_OF_RESOURCES and self._connections:
                self._face.drop("connection limit")
                self._close(next(iter(self._connections.values())))
            return False
        connected.setblocking(False)
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if len(self._connections) >= self._most:
            # RFC 7766 6.2.3: with the resources exhausted, the one idle for longest goes.
            self._face.drop("connection limit")
            self._close(next(iter(self._connections.values())))
        connection = Connection(connected, peer[0], self._clock())
        self._connections[connected] = connection
        self._selector.register(
            connected, selectors.EVENT_READ, lambda mask: self._on_event(connection, mask)
        )
        return True

    def _on_event(self, connection: Connection, mask: int) -> None:
        if mask & selectors.EVENT_WRITE:
            self._send(connection)
        if connection.socket not in self._connections:
            return
        if self._stopping:
            self._finish(connection)
        elif mask & selectors.EVENT_READ:
            self._receive(connection)
            self._send(connection)

    def _receive(self, connection: Connection) -> bool:
        """Reads what is there, and answers each whole query; False when nothing was there."""
        try:
            data = connection.socket.recv(_READ)
        except BlockingIOError:
            return False
        except OSError:
            data = b""
            connection.sending.clear()
        if not data or connection.closing:
            # The client is done sending; what it asked for is still sent (RFC 7766 6.2.4).
            connection.closing = True
            return False
        connection.received += data
        self._answer(connection)
        return True

    def _answer(self, connection: Connection) -> None:
        received = connection.received
        position = 0
        while len(received) - position >= _LENGTH and len(connection.sending) < _MOST_WAITING:
            start = position + _LENGTH
            end = start + int.from_bytes(received[position:start], "big")
            if len(received) < end:
                break
            position = end
            reply = self._respond(bytes(received[start:end]), connection.host)
            if reply is None:
                # What is no query on a connection is no client worth keeping.
                connection.closing = True
                received.clear()
                return
            connection.sending += len(reply).to_bytes(_LENGTH, "big") + reply
            self._touch(connection)
        del received[:position]

    def _respond(self, packet: bytes, host: str) -> bytes | None:
        try:
            return self._face.take_mail().respond(packet, host)
        # As with UDP: no query may end the worker.
        except Exception:  # noqa: BLE001
            self._face.fault()
            return None

    def _touch(self, connection: Connection) -> None:
        # Only whole queries count as life: a byte now and then does not hold a connection.
        connection.last = self._clock()
        self._connections.move_to_end(connection.socket)

    def _send(self, connection: Connection) -> None:
        if connection.socket not in self._connections:
            return
        while connection.sending:
            try:
                sent = connection.socket.send(connection.sending)
            except BlockingIOError:
                break
            except OSError:
                connection.sending.clear()
                connection.closing = True
                break
            del connection.sending[:sent]
            if connection.received:
                self._answer(connection)
        if connection.closing and not connection.sending:
            self._close(connection)
            return
        wanted = 0
        if connection.sending:
            wanted |= selectors.EVENT_WRITE
        if not connection.closing and len(connection.sending) < _MOST_WAITING:
            wanted |= selectors.EVENT_READ
        self._want(connection, wanted)

    def _want(self, connection: Connection, events: int) -> None:
        key = self._selector.get_key(connection.socket)
        if key.events != events:
            self._selector.modify(connection.socket, events, key.data)

    def _close(self, connection: Connection) -> None:
        if self._connections.pop(connection.socket, None) is not None:
            self._selector.unregister(connection.socket)
            connection.socket.close()
