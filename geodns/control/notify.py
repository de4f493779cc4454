"""Tells systemd how the server is: ready, reloading, stopping, alive (sd_notify(3))."""

from __future__ import annotations

import asyncio
import os
import socket
import time
from collections.abc import MutableMapping

_VARIABLES = ("NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID")


class Notifier:
    """What is told goes to the socket that the environment names, or nowhere.

    The variables are taken out of ``environment``: what this process starts is not to speak for it.
    """

    def __init__(self, environment: MutableMapping[str, str] = os.environ) -> None:
        told = {name: environment.pop(name, "") for name in _VARIABLES}
        self._address = told["NOTIFY_SOCKET"]
        self.watchdog_seconds: float | None = None
        if told["WATCHDOG_USEC"].isdecimal() and told["WATCHDOG_PID"] in ("", str(os.getpid())):
            self.watchdog_seconds = int(told["WATCHDOG_USEC"]) / 1e6

    def ready(self, status: str) -> None:
        """The server answers. ``status`` is a sentence for people."""
        self._tell("READY=1", f"STATUS={' '.join(status.split())}")

    def reloading(self) -> None:
        """A reload begins; ``ready`` ends it, whatever became of it."""
        microseconds = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
        self._tell("RELOADING=1", f"MONOTONIC_USEC={microseconds}", "STATUS=reloading")

    def stopping(self) -> None:
        """The server begins to stop."""
        self._tell("STOPPING=1", "STATUS=stopping")

    async def keep_alive(self) -> None:
        """Tell for ever, often enough, that the event loop runs; return if nobody asks."""
        while self._address and self.watchdog_seconds:
            self._tell("WATCHDOG=1")
            # sd_watchdog_enabled(3): "every half of the time".
            await asyncio.sleep(self.watchdog_seconds / 2)

    def _tell(self, *lines: str) -> None:
        if not self._address.startswith(("/", "@")):
            return
        # unix(7): an abstract name begins with a NUL byte, which systemd writes as @.
        address = self._address.replace("@", "\0", 1) if self._address[0] == "@" else self._address
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as sender:
            try:
                sender.sendto("\n".join(lines).encode(), address)
            except OSError:
                return  # systemd is restarting, or gone: it is of no help, but no harm either
