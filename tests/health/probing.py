"""How the tests run a prober, and how they see that it left nothing open."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from ipaddress import ip_address
from pathlib import Path

import pytest
from health_servers import HOST

from geodns.health.probe import Prober, Result

LONG, SHORT = 30.0, 0.3  # timeouts: never reached; meant to be reached


async def judged(prober: Prober, host: str = HOST) -> Result:
    """The first result that is conclusive: on a machine that stood still, probe again."""
    while True:
        result = await prober(ip_address(host))
        if result.conclusive:
            return result


@contextmanager
def black_hole(host: str = HOST) -> Iterator[int]:
    """A port where connections open and nobody ever answers."""
    with socket.create_server((host, 0), family=_family(host)) as server:
        yield server.getsockname()[1]


@contextmanager
def deaf_datagrams(host: str = HOST) -> Iterator[int]:
    """A UDP port where nobody ever answers."""
    with socket.socket(_family(host), socket.SOCK_DGRAM) as server:
        server.bind((host, 0))
        yield server.getsockname()[1]


async def cancelled_leaves_nothing(probe: Callable[[], Awaitable[Result]]) -> None:
    """Cancel a probe of something that never answers, once it has opened its socket."""
    before, tasks = _open(), asyncio.all_tasks()
    task = asyncio.ensure_future(probe())
    async with asyncio.timeout(LONG):
        while len(_open()) <= len(before):
            await asyncio.sleep(0)
        await asyncio.sleep(0.02)  # well into its wait
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        while len(_open()) > len(before):  # transports close in the next turns of the loop
            await asyncio.sleep(0)
    assert asyncio.all_tasks() == tasks


def _open() -> list[str]:
    return [entry.name for entry in Path("/proc/self/fd").iterdir()]


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET
