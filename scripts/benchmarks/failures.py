"""Ways in which an endpoint fails, each of which can be begun and ended."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.errors import BenchError

_SCRIPTS = Path(__file__).resolve().parents[1]
_PATIENCE = 5.0  # seconds
_FAR, _NEAR = "10.9.0.2", "10.9.0.1"  # only in the network namespace of the benchmark


@dataclass
class Failure:
    """One way to fail. ``failure`` is what the endpoint's program is told."""

    name: str
    words: str
    address: str
    failure: str
    check: str = "http"

    def command(self, port: int, certificates: Sequence[str]) -> list[str]:
        """What serves the endpoint."""
        program = [sys.executable, "-m", "benchmarks.failing_endpoint"]
        files = certificates if self.check == "https" else ()
        return [*program, self.address, str(port), self.failure, *files]


def failures(*, namespace: bool) -> list[Failure]:
    """All of them. ``namespace``: this process is in a network namespace of its own."""
    dropped = (
        Failure(
            "dropped packets",
            "in a network namespace, its address comes to lead out of a veth pair with nobody "
            "behind it",
            _FAR,
            "drop",
        )
        if namespace
        else Failure(
            "dropped packets", "a full backlog: SYNs are not answered", "127.50.0.2", "backlog"
        )
    )
    return [
        Failure("crashed process", "SIGKILL: connections are refused", "127.50.0.1", "crash"),
        dropped,
        Failure("hanging server", "takes connections, says nothing", "127.50.0.3", "hang"),
        Failure("wrong status", "500 in place of 200", "127.50.0.4", "status"),
        Failure(
            "expired certificate",
            "https with one that has expired",
            "127.50.0.5",
            "certificate",
            "https",
        ),
    ]


class Endpoint:
    """A running endpoint that fails when told."""

    def __init__(self, failure: Failure, port: int, certificates: Sequence[str]) -> None:
        self._failure = failure
        self._command = failure.command(port, certificates)
        self._process = self._start()

    def fail(self) -> None:
        """Begin to fail."""
        if self._failure.failure == "crash":
            self._process.kill()
        elif self._failure.failure == "drop":
            # What led to this machine leads out of a veth pair now, whose other end has no address.
            _ip("address", "del", f"{_FAR}/32", "dev", "lo")
        else:
            self._process.send_signal(signal.SIGUSR1)

    def repair(self) -> None:
        """Be well again."""
        if self._failure.failure == "crash":
            self._process.wait()
            self._process = self._start()
        elif self._failure.failure == "drop":
            _ip("address", "add", f"{_FAR}/32", "dev", "lo")
        else:
            self._process.send_signal(signal.SIGUSR2)

    def stop(self) -> None:
        """End it."""
        self._process.terminate()
        try:
            self._process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _start(self) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            self._command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(_SCRIPTS)},
        )
        assert process.stdout is not None
        if not process.stdout.readline():
            process.wait()
            raise BenchError(f"the endpoint {self._failure.address} did not start")
        return process


@contextmanager
def endpoint(failure: Failure, port: int, certificates: Sequence[str]) -> Iterator[Endpoint]:
    """An endpoint for as long as the block lasts."""
    made = Endpoint(failure, port, certificates)
    try:
        yield made
    finally:
        made.stop()


def set_up_network() -> None:
    """In a new network namespace: loopback, and a way on which packets vanish."""
    _ip("link", "set", "lo", "up")
    _ip("link", "add", "gone0", "type", "veth", "peer", "name", "gone1")
    _ip("link", "set", "gone0", "arp", "off")
    for end in ("gone0", "gone1"):
        _ip("link", "set", end, "up")
    _ip("address", "add", f"{_NEAR}/24", "dev", "gone0")
    _ip("address", "add", f"{_FAR}/32", "dev", "lo")


def _ip(*arguments: str) -> None:
    try:
        subprocess.run(["ip", *arguments], check=True, capture_output=True, text=True)
    except (OSError, subprocess.CalledProcessError) as error:
        said = getattr(error, "stderr", "") or error
        raise BenchError(f"ip {' '.join(arguments)} failed: {said}") from error
