"""Sockets and a selector without a kernel: what a TCP server sees is decided by the test."""

from __future__ import annotations

import itertools
import selectors
import socket
from collections.abc import Mapping
from typing import Any, NoReturn

READ, WRITE = selectors.EVENT_READ, selectors.EVENT_WRITE


class Wire(socket.socket):
    """The server's end of a connection.

    ``arriving`` is what it can read, ``room`` how much it can send, ``sent`` all that it has sent.
    """

    _numbers = itertools.count(1)

    def __init__(self) -> None:
        # The base class would open a socket of the kernel.
        self._number = next(Wire._numbers)
        self.arriving = bytearray()
        self.room = 1 << 30
        self.sent = bytearray()
        self.ended = False
        self.broken = False
        self.closed = False

    def recv(self, size: int, _flags: int = 0) -> bytes:
        self._check()
        if not self.arriving:
            if self.ended:
                return b""
            raise BlockingIOError
        data = bytes(self.arriving[:size])
        del self.arriving[:size]
        return data

    def send(self, data: Any, _flags: int = 0) -> int:
        self._check()
        if not self.room:
            raise BlockingIOError
        part = bytes(data[: self.room])
        self.room -= len(part)
        self.sent += part
        return len(part)

    def close(self) -> None:
        assert not self.closed, "closed twice"
        self.closed = True

    def setblocking(self, flag: bool) -> None:
        assert not flag, "a blocking socket would hold up all others"

    def setsockopt(self, *_: Any) -> None:
        """Options change nothing here."""

    def getsockname(self) -> Any:
        return ("192.0.2.53", 53)

    def fileno(self) -> int:
        return -1 if self.closed else self._number

    @property
    def ready(self) -> int:
        """The events that a selector would report."""
        readable = READ if self.arriving or self.ended or self.broken else 0
        return readable | (WRITE if self.room or self.broken else 0)

    def _check(self) -> None:
        # A socket would raise an OSError, which looks like the client's doing, but is a mistake.
        assert not self.closed, "used after it was closed"
        if self.broken:
            raise ConnectionResetError


class Listener(Wire):
    """A listening socket; ``waiting`` are connections to be accepted."""

    def __init__(self) -> None:
        super().__init__()
        self.waiting: list[tuple[Wire, str]] = []

    def accept(self) -> tuple[socket.socket, Any]:
        if not self.waiting:
            raise BlockingIOError
        wire, host = self.waiting.pop(0)
        return wire, (host, 53000)

    @property
    def ready(self) -> int:
        return READ if self.waiting else 0


class Switch(selectors.BaseSelector):
    """A selector over wires; ``turn`` calls what is registered for the events that are there."""

    def __init__(self) -> None:
        self._wires: dict[int, Wire] = {}
        self._keys: dict[int, selectors.SelectorKey] = {}

    def plug(self, wire: Wire) -> None:
        """Makes a wire known: servers may register it by its number alone."""
        self._wires[wire.fileno()] = wire

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        number = _number(fileobj)
        assert number not in self._keys, "registered twice"
        assert events, "a selector refuses to wait for nothing"
        assert not self._wires[number].closed, "registered after it was closed"
        key = self._keys[number] = selectors.SelectorKey(fileobj, number, events, data)
        return key

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        number = _number(fileobj)
        assert number >= 0, "closed before it was unregistered"
        return self._keys.pop(number)

    def modify(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        self.unregister(fileobj)
        return self.register(fileobj, events, data)

    def select(self, timeout: float | None = None) -> NoReturn:
        raise NotImplementedError("turn() takes its place")

    def get_map(self) -> Mapping[Any, selectors.SelectorKey]:
        return self._keys

    def get_key(self, fileobj: Any) -> selectors.SelectorKey:
        return self._keys[_number(fileobj)]

    def turn(self) -> bool:
        """Handles each event that is there once; False where there was none."""
        events = [
            (key, mask)
            for number, key in list(self._keys.items())
            if (mask := key.events & self._wires[number].ready)
        ]
        for key, mask in events:
            # As in a real loop, an event may be handled after its socket was closed.
            key.data(mask)
        return bool(events)


def _number(fileobj: Any) -> int:
    number: int = fileobj if isinstance(fileobj, int) else fileobj.fileno()
    return number
