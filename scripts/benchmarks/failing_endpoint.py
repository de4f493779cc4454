"""An endpoint that fails in one way from SIGUSR1 until SIGUSR2.

Run as a program: ADDRESS PORT FAILURE, and for ``certificate`` the files of a good certificate and
of one that has expired. It prints a line when it serves, and ends by SIGTERM.
"""

from __future__ import annotations

import asyncio
import signal
import socket
import ssl
import sys

import click

_OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
_BROKEN = b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
_OPENS_WITHIN = 0.05  # seconds: a connection that doesn't has met a full backlog


class FailingEndpoint:
    """``failure`` is ``hang``, ``status``, ``certificate``, ``backlog``, or ``none``."""

    def __init__(self, address: str, port: int, failure: str, certificates: list[str]) -> None:
        self.failure = failure
        self.failing = False
        self._certificates = certificates
        self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER) if certificates else None
        self._listener = socket.socket()
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._listener.bind((address, port))
        self._listener.listen(0 if failure == "backlog" else 100)
        self._listener.setblocking(False)
        self._tasks: set[asyncio.Task[object]] = set()
        self._accepting: asyncio.Task[None] | None = None
        self._crowd: list[socket.socket] = []

    def repair(self) -> None:
        """Serve as an endpoint that is well."""
        self.failing = False
        self._present(0)
        for one in self._crowd:
            one.close()
        self._crowd.clear()
        if self._accepting is None or self._accepting.done():
            self._accepting = asyncio.get_running_loop().create_task(self._accept())

    def fail(self) -> None:
        """Fail from now on."""
        self.failing = True
        self._present(1)
        if self.failure == "backlog" and self._accepting is not None:
            self._accepting.cancel()
            self._fill()

    def _present(self, number: int) -> None:
        if self._tls is not None:
            self._tls.load_cert_chain(self._certificates[number])

    def _fill(self) -> None:
        """Open connections until one stays without an answer to its SYN, as all later ones do."""
        while True:
            made = socket.socket()
            self._crowd.append(made)
            made.settimeout(_OPENS_WITHIN)
            try:
                made.connect(self._listener.getsockname())
            except TimeoutError:
                return

    async def _accept(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            connection, _ = await loop.sock_accept(self._listener)
            task: asyncio.Task[object] = loop.create_task(self._take(connection))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _take(self, connection: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        try:
            await loop.connect_accepted_socket(lambda: _Exchange(self), connection, ssl=self._tls)
        except OSError:  # a client that doesn't trust the certificate is right to go
            connection.close()


class _Exchange(asyncio.Protocol):
    def __init__(self, endpoint: FailingEndpoint) -> None:
        self._endpoint = endpoint
        self._seen = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._seen += data
        failing, failure = self._endpoint.failing, self._endpoint.failure
        if self._seen.endswith(b"\r\n\r\n") and not (failing and failure == "hang"):
            self._transport.write(_BROKEN if failing and failure == "status" else _OK)
            self._transport.close()


async def _serve(address: str, port: int, failure: str, certificates: list[str]) -> None:
    loop, ended = asyncio.get_running_loop(), asyncio.Event()
    endpoint = FailingEndpoint(address, port, failure, certificates)
    loop.add_signal_handler(signal.SIGUSR1, endpoint.fail)
    loop.add_signal_handler(signal.SIGUSR2, endpoint.repair)
    loop.add_signal_handler(signal.SIGTERM, ended.set)
    endpoint.repair()
    click.echo("serving")
    sys.stdout.flush()
    await ended.wait()


if __name__ == "__main__":
    asyncio.run(_serve(sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4:]))
