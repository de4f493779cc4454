"""TCP and TLS: many connections in one thread, several queries on each (RFC 7766, RFC 7858)."""

from __future__ import annotations

import errno
import selectors
import socket
import ssl
from collections.abc import Callable
from contextlib import suppress

from geodns.server.connections import Connection, ConnectionLimits, Connections, Stage
from geodns.server.face import Face
from geodns.server.greeting import Greeting, RejectedError
from geodns.server.proxy import Balancers

_LENGTH = 2
_READ = 1 << 16  # more than a TLS record, so that none is left half read inside of OpenSSL
_MOST_WAITING = 1 << 18
"""Bytes of replies that wait for a slow reader before its queries are no longer read."""
_LAST_ACCEPTS = 512
_LAST_READS = 16
"""At a stop: connections that the kernel has made already, and reads from each in one turn."""
_LAST_LOOKS = 16
"""Connections that are looked at in turn for one that may go: each may take some time."""
_OUT_OF_RESOURCES = frozenset((errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM))
_REST = 0.1  # seconds in which no connection is taken, where there is nothing to take it with
_NOT_NOW = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)


class TcpServer:
    """Serves listening sockets within a selector that someone else waits on.

    Events are registered with a callable as their data, to be called with the event mask.
    ``context`` is what new TLS connections are made with; None: they are turned away.
    """

    def __init__(
        self,
        selector: selectors.BaseSelector,
        clock: Callable[[], float],
        limits: ConnectionLimits,
        balancers: Balancers | None = None,
    ) -> None:
        self.context: ssl.SSLContext | None = None
        self._selector = selector
        self._limits = limits
        self._balancers = balancers or None
        self._listening: list[tuple[socket.socket, Face, bool]] = []
        self._stopping = False
        self._clock = clock
        self._rests_until: float | None = None
        self._connections = Connections(limits, clock)
        self._greetings: dict[Connection, Greeting] = {}

    def __len__(self) -> int:
        return len(self._connections)

    def listen(self, listening: socket.socket, face: Face, *, tls: bool = False) -> None:
        """Accepts connections on a socket that listens and does not block."""
        # Connections inherit these. A peer that acknowledges nothing for so long is gone.
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        milliseconds = max(1, int(self._limits.idle * 1000))
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, milliseconds)
        self._listening.append((listening, face, tls))
        self._watch(listening, face, tls)

    def _watch(self, listening: socket.socket, face: Face, tls: bool) -> None:
        self._selector.register(
            listening,
            selectors.EVENT_READ,
            lambda _mask: self._on_listening(listening, face, tls),
        )

    def stop_listening(self) -> None:
        """Takes no more connections; connections end when the queries that came are answered."""
        self._stopping = True
        self._end_rest()
        for listening, face, tls in self._listening:
            # A client whose connection the kernel has made does not know that nobody accepted it.
            for _ in range(_LAST_ACCEPTS):
                if not self._accept(listening, face, tls):
                    break
            self._selector.unregister(listening)
        self._listening.clear()
        for connection in self._connections:
            if connection.open and self._greeted(connection):
                self._finish(connection)

    def _finish(self, connection: Connection) -> None:
        """Ends a connection as soon as nothing more is there to be read.

        Closing earlier would reset it, and lose the replies that are still on their way.
        """
        for _ in range(_LAST_READS):
            if not self._may_answer(connection):
                break
            if not self._receive(connection):
                connection.closing = True
                break
            self._send(connection)
            if not connection.open:
                return
        self._send(connection)

    def close_idle(self) -> float | None:
        """Closes what was silent too long; returns the seconds until the next may be, or None.

        RFC 7766 6.2.3: a server may close idle connections, in the order of seconds.
        """
        if self._rests_until is not None:
            left = self._rests_until - self._clock()
            if left > 0:
                return left
            self._end_rest()
        while (due := self._connections.next_due()) is not None:
            left, connection = due
            if left > 0:
                return left
            if self._shows_life(connection) or not connection.open:
                continue
            if connection.stage is Stage.GREETING:
                connection.face.drop("handshake")
            self._close(connection)
        return None

    def close(self) -> None:
        """Closes everything at once."""
        for connection in self._connections:
            self._close(connection)

    def _on_listening(self, listening: socket.socket, face: Face, tls: bool) -> None:
        # An event may have been waiting beside the one that stopped the listening.
        if not self._stopping:
            self._accept(listening, face, tls)

    def _accept(self, listening: socket.socket, face: Face, tls: bool) -> bool:
        """Takes one connection; False where there is none to take."""
        try:
            connected, peer = listening.accept()
        except OSError as error:
            # Else the client is gone already, or another process was faster.
            if error.errno in _OUT_OF_RESOURCES and not self._make_room(face):
                self._rest()
            return False
        connected.setblocking(False)
        connection = Connection(connected, peer[0], face)
        proxied = self._balancers is not None and self._balancers.has(peer[0])
        if not proxied and not self._connections.admit(connection):
            face.drop("client limit")
            connected.close()
            return True
        if tls and self.context is None:
            self._connections.forget_client(connection)
            connected.close()
            return True
        if self._connections.full:
            self._make_room(face)
        if tls or proxied:
            context = self.context if tls else None
            self._greetings[connection] = Greeting(self._connections, context, proxied=proxied)
        stage = Stage.GREETING if connection in self._greetings else Stage.SILENT
        self._connections.enter(connection, stage)
        self._watch_connection(connection, selectors.EVENT_READ)
        return True

    def _make_room(self, face: Face) -> bool:
        """Closes a connection for another one; False where there is none."""
        leaving: Connection | None = None
        for _ in range(_LAST_LOOKS):
            leaving = self._connections.most_expendable()
            if leaving is None or not self._shows_life(leaving):
                break
        if leaving is None:
            return False
        if leaving.open:
            face.drop("connection limit")
            self._close(leaving)
        return True

    def _shows_life(self, connection: Connection) -> bool:
        """Whether there was a sign of life that nobody has looked at yet; its query is answered.

        RFC 7766 6.2.3 has idle connections closed, not those whose query waits to be read; and to
        close with unread data resets (RFC 1122 4.2.2.13), so that replies on their way are lost.
        """
        signs = connection.signs
        mask = selectors.EVENT_WRITE
        if self._may_answer(connection):
            mask |= selectors.EVENT_READ
        self._on_event(connection, mask)
        return connection.open and connection.signs > signs

    def _rest(self) -> None:
        """A connection that can't be taken stays where it is: asking again at once would spin."""
        if self._rests_until is None and not self._stopping:
            self._rests_until = self._clock() + _REST
            for listening, _, _ in self._listening:
                self._selector.unregister(listening)

    def _end_rest(self) -> None:
        if self._rests_until is not None:
            self._rests_until = None
            for each in self._listening:
                self._watch(*each)

    def _on_event(self, connection: Connection, mask: int) -> None:
        if not connection.open:
            return
        if connection in self._greetings:
            if not self._greeted(connection):
                return
            mask |= selectors.EVENT_READ  # queries may have come in one record with what was read
        if mask & selectors.EVENT_WRITE:
            waiting = len(connection.sending)
            self._send(connection)
            if connection.open and len(connection.sending) < waiting:
                self._connections.touch(connection)
        if not connection.open:
            return
        if self._stopping:
            self._finish(connection)
        elif (mask & selectors.EVENT_READ or connection.crossed) and self._may_answer(connection):
            self._receive(connection)
            self._send(connection)

    def _greeted(self, connection: Connection) -> bool:
        """Whether queries may be read; goes on towards that where not."""
        greeting = self._greetings.get(connection)
        if greeting is None:
            return True
        try:
            events = greeting.step(connection)
        except RejectedError as rejected:
            connection.face.drop(rejected.reason)
            self._close(connection)
            return False
        if events:
            self._want(connection, events)
            return False
        del self._greetings[connection]
        self._connections.enter(connection, Stage.SILENT)
        self._want(connection, selectors.EVENT_READ)
        return True

    def _receive(self, connection: Connection) -> bool:
        """Reads what is there, and answers each whole query; False when nothing was there."""
        connection.crossed = False
        try:
            data = connection.socket.recv(_READ)
        except ssl.SSLWantWriteError:
            connection.crossed = True
            return False
        except _NOT_NOW:
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
        while len(received) - position >= _LENGTH and self._may_answer(connection):
            start = position + _LENGTH
            end = start + int.from_bytes(received[position:start], "big")
            if len(received) < end:
                break
            position = end
            reply = _respond(connection.face, bytes(received[start:end]), connection.host)
            if reply is None or (not reply and not self._hand_over(connection)):
                # What is no query on a connection is no client worth keeping.
                connection.closing = True
                received.clear()
                return
            if not reply:
                self._connections.touch(connection)
                continue
            connection.sending += len(reply).to_bytes(_LENGTH, "big") + reply
            # Only whole queries count as life: a byte now and then does not hold a connection.
            self._connections.touch(connection)
        del received[:position]

    def _may_answer(self, connection: Connection) -> bool:
        # The replies to what was handed over come first: several messages may belong together.
        return connection.handed is None and len(connection.sending) < _MOST_WAITING

    def _hand_over(self, connection: Connection) -> bool:
        """Has others answer; False where they have too much to do."""

        def take(messages: tuple[bytes, ...], more: bool) -> None:
            connection.more = more
            if not more:
                connection.handed = None
                if not messages:
                    connection.closing = True
            for message in messages:
                connection.sending += len(message).to_bytes(_LENGTH, "big") + message
            if connection.open:
                self._connections.touch(connection)
                if not more and connection.received:
                    self._answer(connection)
                if self._stopping:
                    self._finish(connection)
                else:
                    self._send(connection)

        if not connection.face.hand(take):
            return False
        connection.handed = take
        return True

    def _send(self, connection: Connection) -> None:
        if not connection.open:
            return
        while connection.sending:
            try:
                sent = connection.socket.send(connection.sending)
            except _NOT_NOW:
                break
            except OSError:
                connection.sending.clear()
                self._close(connection)
                return
            del connection.sending[:sent]
            if connection.received:
                self._answer(connection)
        if connection.more and len(connection.sending) < _MOST_WAITING:
            connection.more = False
            self._ask_more(connection)
        if connection.closing and not connection.sending and connection.handed is None:
            self._close(connection)
            return
        wanted = 0
        if connection.sending or connection.crossed:
            wanted |= selectors.EVENT_WRITE
        if not connection.closing and self._may_answer(connection):
            wanted |= selectors.EVENT_READ if not connection.crossed else 0
        self._want(connection, wanted)

    def _want(self, connection: Connection, events: int) -> None:
        key = self._selector.get_map().get(connection.fd)
        if key is None and events:
            self._watch_connection(connection, events)
        elif key is not None and not events:
            self._selector.unregister(connection.fd)  # until what was handed over is answered
        elif key is not None and key.events != events:
            self._selector.modify(connection.fd, events, key.data)

    def _watch_connection(self, connection: Connection, events: int) -> None:
        # By number: the TLS socket takes the plain one's place.
        self._selector.register(
            connection.fd, events, lambda mask: self._on_event(connection, mask)
        )

    def _ask_more(self, connection: Connection) -> None:
        handing = connection.face.options.handing
        if handing is not None and connection.handed is not None:
            handing.ask_more(connection.handed)

    def _close(self, connection: Connection) -> None:
        if not connection.open:
            return
        connection.open = False
        if connection.handed is not None and connection.face.options.handing is not None:
            connection.face.options.handing.leave(connection.handed)
        self._connections.remove(connection)
        self._greetings.pop(connection, None)
        if connection.fd in self._selector.get_map():
            self._selector.unregister(connection.fd)
        if isinstance(connection.socket, ssl.SSLSocket):
            # RFC 8446 6.1: the end is told, so that it can't be mistaken for a cut.
            with suppress(OSError, ValueError):
                connection.socket.unwrap()
        connection.socket.close()


def _respond(face: Face, packet: bytes, host: str) -> bytes | None:
    try:
        return face.take_mail().respond(packet, host)
    # As with UDP: no query may end the worker.
    except Exception:  # noqa: BLE001
        face.fault()
        return None
