"""A limit for the TCP connection alone, where a library connects and goes on to TLS by itself."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from geodns.health.probe import ProbeError


@asynccontextmanager
async def connecting_within(limit: float | None) -> AsyncIterator[Callable[[socket.socket], None]]:
    """Gives a function that takes each socket when it is made; None: there is no limit.

    The block is left with ProbeError when one isn't connected ``limit`` seconds later.
    """
    loop = asyncio.get_running_loop()
    allowed = asyncio.timeout(None)
    timers: list[asyncio.TimerHandle] = []

    def look(made: socket.socket) -> None:
        if _is_connecting(made):
            allowed.reschedule(loop.time())

    def watch(made: socket.socket) -> None:
        if limit is not None:
            timers.append(loop.call_later(limit, look, made))

    try:
        async with allowed:
            yield watch
    except TimeoutError as error:
        if allowed.expired():
            raise ProbeError(f"no connection in {limit:g} s") from error
        raise
    finally:
        for timer in timers:
            timer.cancel()


def _is_connecting(made: socket.socket) -> bool:
    if made.fileno() < 0:  # closed: whoever did so knows more
        return False
    try:
        made.getpeername()
    except OSError:
        return True
    return False
