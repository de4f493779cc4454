"""One connection of a probe: a socket that never blocks the event loop and is always closed.

asyncio's own streams read ahead as the other side pleases, and close TLS in the background; a probe
must read no more than it looks at, and leave nothing open when it is cancelled.
"""

from __future__ import annotations

import asyncio
import errno
import os
import socket
import ssl
from types import TracebackType

from geodns.config.values import Address
from geodns.health.probe import ProbeError

_CHUNK = 16 * 1024  # bytes: a TLS record
_RECEIVE_BUFFER = 8 * 1024  # bytes; the kernel doubles it. What nobody reads stays where it is
_MOST_RECORDS = 64 * 1024  # bytes of a handshake; chains of certificates take a tenth


class Wire:
    """A TCP connection, with TLS when asked for. Use it as a context manager."""

    def __init__(self, address: Address) -> None:
        family = socket.AF_INET if address.version == 4 else socket.AF_INET6
        self._address = address
        self._socket = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER)
        self._loop = asyncio.get_running_loop()
        self._tls: ssl.SSLObject | None = None

    def __enter__(self) -> Wire:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._socket.close()

    async def connect(self, port: int, limit: float | None) -> None:
        """Open the connection within ``limit`` seconds. Raises OSError, ProbeError."""
        # Before anything is waited for: an event loop that has much to do must not wear a probe's
        # time away with nothing sent.
        error = self._socket.connect_ex((str(self._address), port))
        if error == errno.EINPROGRESS:
            await self._writable(limit)
            error = self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if error:
            raise OSError(error, os.strerror(error))

    async def _writable(self, limit: float | None) -> None:
        writable: asyncio.Future[None] = self._loop.create_future()
        number = self._socket.fileno()
        self._loop.add_writer(number, _resolve, writable)
        allowed = asyncio.timeout(limit)
        try:
            async with allowed:
                await writable
        except TimeoutError as error:
            if allowed.expired():
                raise ProbeError(f"no connection in {limit:g} s") from error
            raise
        finally:
            self._loop.remove_writer(number)

    async def start_tls(self, context: ssl.SSLContext, name: str) -> ssl.SSLObject:
        """Shake hands. Raises ssl.SSLError, OSError, ProbeError."""
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=name)
        taken = 0
        while True:
            try:
                self._tls.do_handshake()
            except ssl.SSLWantReadError:
                await self._flush()
                taken += await self._fill()
                if taken > _MOST_RECORDS:
                    raise ProbeError("TLS failed: the handshake is longer than 64 KiB") from None
            except ssl.SSLError:
                # The other side is owed the alert that says why; whether it comes is no matter.
                self._say_goodbye()
                raise
            else:
                await self._flush()
                return self._tls

    async def send(self, data: bytes) -> None:
        """Send all of it."""
        if self._tls is None:
            await self._loop.sock_sendall(self._socket, data)
        else:
            self._tls.write(data)
            await self._flush()

    async def receive(self, most: int) -> bytes:
        """The next bytes, at most so many; none at the end of the stream."""
        if self._tls is None:
            return await self._loop.sock_recv(self._socket, most)
        while True:
            try:
                return self._tls.read(most)
            except ssl.SSLWantReadError:
                await self._flush()
                await self._fill()
            except ssl.SSLZeroReturnError:
                return b""

    async def exactly(self, count: int) -> bytes:
        """So many bytes. Raises ProbeError when the stream ends before."""
        taken = b""
        while len(taken) < count:
            chunk = await self.receive(count - len(taken))
            if not chunk:
                raise ProbeError("connection closed within the answer")
            taken += chunk
        return taken

    async def _flush(self) -> None:
        if self._outgoing.pending:
            await self._loop.sock_sendall(self._socket, self._outgoing.read())

    async def _fill(self) -> int:
        chunk = await self._loop.sock_recv(self._socket, _CHUNK)
        if chunk:
            self._incoming.write(chunk)
        elif self._incoming.eof:
            raise ProbeError("connection closed within TLS")
        else:
            self._incoming.write_eof()
        return len(chunk)

    def _say_goodbye(self) -> None:
        try:
            self._socket.send(self._outgoing.read())
        except OSError:
            return


def _resolve(writable: asyncio.Future[None]) -> None:
    if not writable.done():
        writable.set_result(None)
