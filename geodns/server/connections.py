"""The open connections of a worker: what each client has of them, and whose time is up."""

from __future__ import annotations

import socket
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import IntEnum

from geodns.server.face import Face
from geodns.server.handing import Taker

_SITE = 7  # bytes of the /56 that RFC 6177 has providers give to a site


@dataclass(frozen=True)
class ConnectionLimits:
    """``most`` connections in all, and of one client; the others are in seconds.

    ``handshake``: until queries can be read at all; ``first_query``: from then on until there is
    one; ``idle``: between two signs of life.
    """

    most: int
    per_client: int
    handshake: float
    first_query: float
    idle: float


class Stage(IntEnum):
    """How far a connection has come; each stage has a time limit of its own."""

    GREETING = 0
    SILENT = 1
    TALKING = 2


class Connection:
    """A client's connection: what was read and makes no whole query yet, what waits to be sent.

    ``crossed``: TLS has to write before it can read, or the other way round. ``signs``: how many
    signs of life it has given. ``handed``: who takes the replies to a query that is handed over,
    until the last of them; ``more`` of them can be had.
    """

    __slots__ = (
        "client",
        "closing",
        "crossed",
        "face",
        "fd",
        "handed",
        "host",
        "last",
        "more",
        "open",
        "received",
        "sending",
        "signs",
        "socket",
        "stage",
    )

    def __init__(self, connected: socket.socket, host: str, face: Face) -> None:
        self.socket = connected
        self.fd = connected.fileno()
        self.host = host
        self.face = face
        self.client: str | bytes | None = None
        self.stage = Stage.SILENT
        self.last = 0.0
        self.signs = 0
        self.received = bytearray()
        self.sending = bytearray()
        self.open = True
        self.closing = False
        self.crossed = False
        self.handed: Taker | None = None
        self.more = False


class Connections:
    """The table. Within a stage, connections stand in the order of their last sign of life."""

    def __init__(self, limits: ConnectionLimits, clock: Callable[[], float]) -> None:
        self._limits = limits
        self._clock = clock
        self._seconds = (limits.handshake, limits.first_query, limits.idle)
        self._stages: tuple[OrderedDict[Connection, None], ...] = tuple(
            OrderedDict() for _ in Stage
        )
        self._clients: Counter[str | bytes] = Counter()

    def __len__(self) -> int:
        return sum(map(len, self._stages))

    def __iter__(self) -> Iterator[Connection]:
        return iter([connection for stage in self._stages for connection in stage])

    @property
    def clients(self) -> int:
        """How many clients there are."""
        return len(self._clients)

    @property
    def full(self) -> bool:
        """Whether another one has to make room first."""
        return len(self) >= self._limits.most

    def admit(self, connection: Connection) -> bool:
        """Counts a connection as its host's; False where that has as many as it may have."""
        client = _client(connection.host)
        if self._clients[client] >= self._limits.per_client:
            return False
        self._clients[client] += 1
        connection.client = client
        return True

    def enter(self, connection: Connection, stage: Stage) -> None:
        """Puts a connection into a stage, whose time begins now."""
        self._stages[connection.stage].pop(connection, None)
        connection.stage = stage
        connection.last = self._clock()
        self._stages[stage][connection] = None

    def touch(self, connection: Connection) -> None:
        """Notes a sign of life."""
        connection.signs += 1
        if connection.stage is Stage.TALKING:
            connection.last = self._clock()
            self._stages[Stage.TALKING].move_to_end(connection)
        else:
            self.enter(connection, Stage.TALKING)

    def remove(self, connection: Connection) -> None:
        """Takes a connection out that is being closed."""
        self._stages[connection.stage].pop(connection, None)
        self.forget_client(connection)

    def forget_client(self, connection: Connection) -> None:
        """Gives the connection's place among its client's back."""
        client = connection.client
        if client is not None:
            connection.client = None
            self._clients[client] -= 1
            if not self._clients[client]:
                del self._clients[client]

    def most_expendable(self) -> Connection | None:
        """The one that goes first where there is no room for another.

        It is the one whose last sign of life is the oldest; but as long as connections that never
        asked anything have more than half of all places, one of them. So a flood of empty ones
        drives out those of its kind, and one that asked once and falls silent can't keep them out.
        """
        greeting, silent, talking = (next(iter(stage), None) for stage in self._stages)
        never_asked = _older(greeting, silent)
        if never_asked is not None and 2 * (len(self) - len(self._stages[Stage.TALKING])) > len(
            self
        ):
            return never_asked
        return _older(never_asked, talking)

    def next_due(self) -> tuple[float, Connection] | None:
        """The connection whose time is up first, and in how many seconds; negative: it was."""
        now = self._clock()
        due = (
            (connection.last + seconds - now, connection)
            for stage, seconds in zip(self._stages, self._seconds, strict=True)
            for connection in (next(iter(stage), None),)
            if connection is not None
        )
        return min(due, key=lambda one: one[0], default=None)


def _older(one: Connection | None, other: Connection | None) -> Connection | None:
    if one is None or other is None:
        return one or other
    return one if one.last <= other.last else other


def _client(host: str) -> str | bytes:
    """What counts as one client: an IPv4 address, or the /56 that an IPv6 address is in."""
    if ":" not in host:
        return host
    return socket.inet_pton(socket.AF_INET6, host.partition("%")[0])[:_SITE]
