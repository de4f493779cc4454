"""Where the other server of a pair connects to: few at a time until they are proven."""

from __future__ import annotations

import asyncio
import logging
import socket
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress

from geodns.config.pair import Pair
from geodns.control.pairing.link import Identity, Link, called_context, first_certificate, take
from geodns.errors import GeodnsError
from geodns.replication.pair.frames import PeerError
from geodns.socket_address import SocketAddress
from geodns.sparing import Sparing

logger = logging.getLogger(__name__)

_MOST_UNPROVEN = 16  # connections
_PAUSE = 0.5  # seconds, where the system has no room for a connection


class DoorwayError(GeodnsError):
    """The address can't be listened on."""


class Doorway:
    """Listens; ``talk`` is given every connection that is proven. Raises GeodnsError."""

    def __init__(
        self, settings: Pair, who: Identity, talk: Callable[[Link], Awaitable[None]]
    ) -> None:
        self._settings = settings
        self._who = who
        self._talk = talk
        self._context = called_context(settings.certificate, settings.key)
        self._certificate = first_certificate(settings.certificate)
        self._sparing = Sparing(time.monotonic)
        self._unproven: dict[asyncio.Task[None], str] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._listening = _listening(settings.listen)
        self.address = SocketAddress(*self._listening.getsockname()[:2])

    async def run(self) -> None:
        """Accept until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            try:
                connection, address = await loop.sock_accept(self._listening)
            except OSError:
                await asyncio.sleep(_PAUSE)
                continue
            self._make_room()
            task = asyncio.create_task(self._receive(connection, address[0]))
            self._unproven[task] = address[0]
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
            task.add_done_callback(lambda done: self._unproven.pop(done, None))

    async def close(self) -> None:
        """End all connections."""
        self._listening.close()
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _make_room(self) -> None:
        """The oldest goes, and of the other server's address only where nobody else is there."""
        if len(self._unproven) < _MOST_UNPROVEN:
            return
        expected = self._settings.other.address.host
        oldest = next(
            (task for task, host in self._unproven.items() if host != expected),
            next(iter(self._unproven)),
        )
        oldest.cancel()
        self._unproven.pop(oldest)

    async def _receive(self, connection: socket.socket, host: str) -> None:
        with connection:
            connection.setblocking(False)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            silence = self._settings.silence
            try:
                link = await take(connection, self._context, self._certificate, self._who, silence)
            except (OSError, PeerError) as error:
                self._tell(host, str(error) or type(error).__name__)
                return
            task = asyncio.current_task()
            if task is not None:
                self._unproven.pop(task, None)
            try:
                with suppress(OSError):
                    await self._talk(link)
            finally:
                link.close()

    def _tell(self, host: str, reason: str) -> None:
        held = self._sparing.passes(host)
        if held is not None:
            fields: dict[str, object] = {"from": host, "reason": reason}
            fields |= {"more": held} if held else {}
            logger.warning("a connection is not from the other server of the pair", extra=fields)


def _listening(address: SocketAddress) -> socket.socket:
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    made = socket.socket(family, socket.SOCK_STREAM)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind(address)
        made.listen(_MOST_UNPROVEN)
        made.setblocking(False)
    except OSError as error:
        made.close()
        reason = error.strerror
        raise DoorwayError(
            f"the pair's address {address} can't be listened on: {reason}"
        ) from error
    return made
