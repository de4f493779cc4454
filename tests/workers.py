"""Runs a real worker process for tests, as control would; its event loop is in a thread beside."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

from geodns.answer.image import Image
from geodns.answer.store import write_image
from geodns.health.availability import Availability, EndpointAvailability
from geodns.server.handle import WorkerHandle, WorkerStatistics
from geodns.server.options import WorkerOptions
from geodns.server.sockets import Sockets, open_sockets
from geodns.socket_address import SocketAddress

PATIENCE = 60.0  # seconds until a test gives up: a busy machine is slow, not wrong
OPTIONS = WorkerOptions(
    "ns1.demo",
    accept_client_subnet=True,
    tcp_connections=200,
    tcp_idle=10.0,
    tcp_per_client=1000,
)

_T = TypeVar("_T")


def until(condition: Callable[[], object]) -> None:
    """Waits for something that another thread or process brings about."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


class RunningWorker:
    """A worker on ``address``; a context manager that leaves nothing behind.

    ``start`` may be called again once the process has ended: the sockets stay open in between.
    """

    def __init__(
        self,
        folder: Path,
        image: Image,
        *,
        host: str = "127.0.0.1",
        options: WorkerOptions = OPTIONS,
    ) -> None:
        self.folder = folder
        self.image = image
        self.options = options
        self.handle: WorkerHandle
        self._host = host
        self._generation = 0
        self._availability = 0
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def start(self) -> None:
        """Starts a process on the sockets and waits until it answers."""
        self.handle = self.call(WorkerHandle.start(0, self.sockets.workers[0], self.options))
        self.send_image(self.image)

    def send_image(self, image: Image) -> None:
        """Hands over an image and waits until the worker answers from it."""
        self._generation += 1
        path = self.folder / f"image-{self._generation}"
        with path.open("wb") as file:
            write_image(image, file)
        fd = os.open(path, os.O_RDONLY)
        try:
            self.do(lambda: self.handle.send_image(fd, self._generation))
            until(lambda: self.handle.image_generation == self._generation)
        finally:
            os.close(fd)

    def send_availability(self, **availability: float) -> None:
        """Of the service web, by AZ with _ for -; returns when the worker has acknowledged."""
        self._availability += 1
        endpoints = {
            f"web@{az.replace('_', '-')}": EndpointAvailability(value, (True, True), "")
            for az, value in availability.items()
        }
        self.do(lambda: self.handle.send_availability(Availability(self._availability, endpoints)))
        until(lambda: self.handle.availability_generation == self._availability)

    def statistics(self) -> WorkerStatistics:
        """What the worker says it has counted."""
        return self.call(self.handle.statistics())

    def call(self, coroutine: Coroutine[Any, Any, _T]) -> _T:
        """Runs a coroutine in the loop of the handle."""
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(PATIENCE)

    def do(self, action: Callable[[], None]) -> None:
        """Calls a function in the loop of the handle."""

        async def act() -> None:
            action()

        self.call(act())

    def __enter__(self) -> RunningWorker:
        self._thread.start()
        self.sockets: Sockets = open_sockets([SocketAddress(self._host, 0)], 1)
        self.address = self.sockets.addresses[0]
        try:
            self.start()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            if hasattr(self, "handle"):  # else it could not even be started
                self.call(self.handle.stop(0.0))
        finally:
            self.sockets.close()
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(PATIENCE)
            self._loop.close()
