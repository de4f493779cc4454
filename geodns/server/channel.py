"""Messages between control and a worker over a Unix stream socket, with open files attached.

A frame is a length (4 bytes, big endian) and a pickle. Both ends are this program, and the socket
is inherited, never reachable by name, so the pickles can be trusted.
"""

from __future__ import annotations

import pickle
import socket
from collections import deque
from dataclasses import dataclass, field
from typing import Any, Literal

from geodns.answer.demand import ByServices
from geodns.answer.engine import Counts
from geodns.answer.service import States

Transport = Literal["udp", "tcp", "tls"]

_LENGTH = 4
_READ = 1 << 16
_MOST_FILES = 16


@dataclass(frozen=True)
class NewImage:
    """Control to worker, with the image's file attached: answer from this."""

    generation: int


@dataclass(frozen=True)
class NewStates:
    """Control to worker: this much of each endpoint is available."""

    generation: int
    states: States


@dataclass(frozen=True)
class NewCertificate:
    """Control to worker: certificates and key, PEM, for TLS connections from now on."""

    pem: bytes = field(repr=False)


@dataclass(frozen=True)
class NewSecrets:
    """Control to worker: secrets of DNS cookies; the first makes them. Before the first image."""

    secrets: tuple[bytes, ...] = field(repr=False)


@dataclass(frozen=True)
class AskStatistics:
    """Control to worker: say what you have counted."""

    number: int


@dataclass(frozen=True)
class AskDemand:
    """Control to worker: say whose queries you have answered from services."""

    number: int


@dataclass(frozen=True)
class Stop:
    """Control to worker: answer what is in flight, for at most ``grace`` seconds, and exit."""

    grace: float


@dataclass(frozen=True)
class Acknowledge:
    """Worker to control: the last image and states that every answer now comes from."""

    image: int
    states: int


@dataclass(frozen=True)
class Statistics:
    """Worker to control: counts by transport (``udp``, ``tcp``, ``tls``).

    ``connections`` is how many TCP connections are open, TLS included.
    """

    number: int
    counts: dict[str, Counts]
    connections: int


@dataclass(frozen=True)
class Demand:
    """Worker to control: queries by services and client network, of all transports.

    ``seconds`` is how long it has counted.
    """

    number: int
    seconds: float
    queries: ByServices


@dataclass(frozen=True)
class Handed:
    """Worker to control: answer this in my place. ``host`` has sent it, over ``transport``.

    ``reply`` is that to a signed query, which is to be signed.
    """

    number: int
    transport: Transport
    packet: bytes
    host: str
    reply: bytes | None


@dataclass(frozen=True)
class Replies:
    """Control to worker: messages to send in reply, in order; ``more`` follow when asked for."""

    number: int
    messages: tuple[bytes, ...]
    more: bool = False


@dataclass(frozen=True)
class More:
    """Worker to control: there is room for more replies to a query that was handed over."""

    number: int


@dataclass(frozen=True)
class Gone:
    """Worker to control: whoever asked is gone, no reply is wanted any more."""

    number: int


Message = (
    NewImage
    | NewStates
    | NewCertificate
    | NewSecrets
    | AskStatistics
    | AskDemand
    | Stop
    | Acknowledge
    | Statistics
    | Demand
    | Handed
    | Replies
    | More
    | Gone
)


def encode(message: Message) -> bytes:
    """A message as a frame."""
    data = pickle.dumps(message, pickle.HIGHEST_PROTOCOL)
    return len(data).to_bytes(_LENGTH, "big") + data


class Decoder:
    """Takes bytes and files as they come, gives whole messages."""

    def __init__(self) -> None:
        self._data = bytearray()
        self.files: deque[int] = deque()

    def receive(self, channel: socket.socket) -> list[Any] | None:
        """The messages that a read completes; None at the end of the stream."""
        data, files, _, _ = socket.recv_fds(channel, _READ, _MOST_FILES)
        self.files.extend(files)
        return self.feed(data) if data else None

    def feed(self, data: bytes) -> list[Any]:
        """The messages that these bytes complete."""
        self._data += data
        messages = []
        while len(self._data) >= _LENGTH:
            end = _LENGTH + int.from_bytes(self._data[:_LENGTH], "big")
            if len(self._data) < end:
                break
            messages.append(pickle.loads(self._data[_LENGTH:end]))
            del self._data[:end]
        return messages
