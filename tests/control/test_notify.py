"""What systemd is told of the server, as it is told."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from running import SERVICES, RunningServer

from geodns.control.notify import Notifier


class Listener:
    """The other end: a real datagram socket, as systemd has one."""

    def __init__(self, address: str) -> None:
        self.address = address
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.settimeout(60)
        self._socket.bind(address.replace("@", "\0"))

    def next(self) -> dict[str, str]:
        """The next message, as assignments."""
        lines = self._socket.recv(65536).decode().split("\n")
        return {name: value for name, _, value in (line.partition("=") for line in lines)}

    def until(self, name: str) -> dict[str, str]:
        """The next message that assigns this."""
        while name not in (message := self.next()):
            pass
        return message

    def close(self) -> None:
        self._socket.close()


@pytest.fixture(params=["path", "abstract"])
def listener(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Listener]:
    at = str(tmp_path / "notify")
    made = Listener(at if request.param == "path" else f"@{at}")
    yield made
    made.close()


def test_a_server_tells_each_step_of_its_life(tmp_path: Path, listener: Listener) -> None:
    environment = {"NOTIFY_SOCKET": listener.address, "WATCHDOG_USEC": "200000"}
    with RunningServer(tmp_path / "server", environment=environment) as server:
        ready = listener.until("READY")
        assert ready == {"READY": "1", "STATUS": "answering for 1 zone"}
        for _ in range(3):
            assert listener.until("WATCHDOG")["WATCHDOG"] == "1"
        server.signal(signal.SIGHUP)
        assert int(listener.until("RELOADING")["MONOTONIC_USEC"]) > 0
        assert listener.until("READY")["STATUS"] == "answering for 1 zone"
        server.write("services.yaml", SERVICES.replace("nearest", "farthest"))
        listener.until("RELOADING")
        assert "refused" in listener.until("READY")["STATUS"]
        worker = Path(f"/proc/{server.workers()[0]}/environ").read_bytes()
        assert b"NOTIFY_SOCKET" not in worker
        assert b"WATCHDOG_" not in worker
        assert server.stop() == 0
        assert listener.until("STOPPING") == {"STOPPING": "1", "STATUS": "stopping"}


@pytest.mark.parametrize("address", ["", "/nowhere/at/all", "vsock:2:1", "@nobody-listens-here"])
def test_where_nobody_listens_nothing_is_told_and_nothing_breaks(address: str) -> None:
    environment = {"NOTIFY_SOCKET": address, "OTHER": "stays"}
    notifier = Notifier(environment)
    assert environment == {"OTHER": "stays"}
    notifier.ready("well")
    notifier.reloading()
    notifier.stopping()


@pytest.mark.parametrize(
    ("environment", "seconds"),
    [
        ({"WATCHDOG_USEC": "3000000"}, 3.0),
        ({"WATCHDOG_USEC": "3000000", "WATCHDOG_PID": str(os.getpid())}, 3.0),
        ({"WATCHDOG_USEC": "3000000", "WATCHDOG_PID": "1"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
        ({}, None),
    ],
)
def test_the_watchdog_is_for_the_process_that_it_names(
    environment: dict[str, str], seconds: float | None
) -> None:
    notifier = Notifier(environment)
    assert notifier.watchdog_seconds == seconds
    if seconds is None:
        asyncio.run(notifier.keep_alive())  # returns
