"""A TCP server and its clients in one thread, over real sockets and in made-up time."""

from __future__ import annotations

import selectors
import socket
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from geodns.answer.cold import Identity
from geodns.answer.image import Image
from geodns.server.connections import ConnectionLimits
from geodns.server.face import EngineOptions, Face
from geodns.server.proxy import Balancers
from geodns.server.sockets import open_sockets
from geodns.server.tcp import TcpServer
from geodns.server.tls import context
from geodns.socket_address import SocketAddress

T = TypeVar("T")
PATIENCE = 60.0
MOST, FIRST, IDLE, HANDSHAKE = 5, 6.0, 10.0, 4.0
LIMITS = ConnectionLimits(
    most=MOST, per_client=100, handshake=HANDSHAKE, first_query=FIRST, idle=IDLE
)


class Client:
    """One connection; never blocks, so that server and clients share a thread."""

    def __init__(
        self, address: SocketAddress, receive_buffer: int = 0, *, source: str = ""
    ) -> None:
        self.socket = socket.socket()
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(PATIENCE)
        if source:
            self.socket.bind((source, 0))
        self.socket.connect(address)
        self.socket.setblocking(False)
        self.unsent = b""
        self.received = bytearray()
        self.ended = False

    def send(self, data: bytes) -> None:
        self.unsent += data
        self.turn(read=False)

    def turn(self, *, read: bool = True) -> None:
        """Sends and receives what is possible now."""
        try:
            while self.unsent:
                self.unsent = self.unsent[self.socket.send(self.unsent) :]
        except BlockingIOError:
            pass
        except ConnectionError:
            self.unsent = b""
        try:
            while read and not self.ended:
                data = self.socket.recv(1 << 16)
                self.received += data
                self.ended = not data
        except BlockingIOError:
            pass
        except ConnectionError:
            self.ended = True

    @property
    def replies(self) -> list[bytes]:
        """The whole replies so far."""
        found, position = [], 0
        while position + 2 <= len(self.received):
            end = position + 2 + int.from_bytes(self.received[position : position + 2], "big")
            if end > len(self.received):
                break
            found.append(bytes(self.received[position + 2 : end]))
            position = end
        return found


class Running:
    """A server in a selector of its own, turned by hand; ``now`` is its clock.

    ``certificate`` is what it serves TLS with, certificate and key in PEM, and then only TLS.
    """

    def __init__(
        self,
        made: Image,
        limits: ConnectionLimits = LIMITS,
        *,
        balancers: Balancers | None = None,
        certificate: bytes | None = None,
    ) -> None:
        self.now = 1000.0
        self.selector = selectors.DefaultSelector()
        identity = Identity("ns1.demo")
        self.face = Face(made, EngineOptions(identity, accept_client_subnet=True, stream=True))
        self.server = TcpServer(self.selector, lambda: self.now, limits, balancers)
        self.sockets = open_sockets([SocketAddress("127.0.0.1", 0)], 1)
        self.address = self.sockets.addresses[0]
        if certificate is not None:
            self.server.context = context(certificate)
        listening = self.sockets.workers[0].tcp[0]
        self.server.listen(listening, self.face, tls=certificate is not None)
        self.clients: list[Client] = []

    def client(self, receive_buffer: int = 0) -> Client:
        made = Client(self.address, receive_buffer)
        self.clients.append(made)
        count = len(self.server)
        if count < MOST:
            self.until(lambda: len(self.server) > count)
        return made

    def turn(self) -> None:
        self.server.close_idle()
        for key, mask in self.selector.select(0.005):
            key.data(mask)

    def until(self, condition: Callable[[], object], *reading: Client) -> None:
        deadline = time.monotonic() + PATIENCE
        while not condition():
            assert time.monotonic() < deadline
            self.turn()
            for client in self.clients:
                client.turn(read=client in reading)

    def settle(self) -> None:
        """Turns until nothing happens any more."""
        for _ in range(3):
            while self.selector.select(0.02):
                self.turn()

    def during(self, client: Callable[[], T]) -> T:
        """Runs a client that blocks, in a thread of its own, while the server serves."""
        with ThreadPoolExecutor(1) as threads:
            running = threads.submit(client)
            self.until(running.done)
            return running.result()

    def replies(self, client: Client, count: int) -> list[bytes]:
        self.until(lambda: len(client.replies) >= count or client.ended, client)
        return client.replies

    def close(self) -> None:
        self.server.close()
        self.sockets.close()
        self.selector.close()
        for client in self.clients:
            client.socket.close()


def framed(packet: bytes, id: int = 7) -> bytes:
    return len(packet).to_bytes(2, "big") + id.to_bytes(2, "big") + packet[2:]


def ids(replies: list[bytes]) -> list[int]:
    return [int.from_bytes(reply[:2], "big") for reply in replies]
