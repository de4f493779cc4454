"""Servers under measurement: started on a CPU of their own, their CPU time read, always ended."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from benchmarks.errors import BenchError

_TICKS = os.sysconf("SC_CLK_TCK")
_STOP_SECONDS = 5.0


class _Process(NamedTuple):
    """A line of /proc/PID/stat (proc(5)). ``started`` tells it from a later one of the same id."""

    pid: int
    state: str
    parent: int
    cpu_seconds: float
    started: int


class Server:
    """A running server: the process that was started here, and all that descend from it."""

    def __init__(self, process: subprocess.Popen[bytes], log: Path) -> None:
        self._process = process
        self._log = log
        self._seen: dict[int, int] = {}  # process id -> when it started

    @property
    def pid(self) -> int:
        """The process id of the process that was started here."""
        return self._process.pid

    def alive(self) -> bool:
        """Whether the process that was started here still runs."""
        return self._process.poll() is None

    def cpu_seconds(self) -> dict[int, float]:
        """User and system time so far, by process id: all threads, descendants included."""
        return {one.pid: one.cpu_seconds for one in self._members()}

    def pin(self, cpu: int) -> None:
        """Keep every thread on one CPU, even those that chose another, as Knot's workers do."""
        for one in self._members():
            with suppress(FileNotFoundError, ProcessLookupError):  # one that ended meanwhile
                for task in Path(f"/proc/{one.pid}/task").iterdir():
                    os.sched_setaffinity(int(task.name), {cpu})

    def last_words(self) -> str:
        """The last two lines of its log, for the reason why it does not work."""
        lines = self._log.read_text(errors="replace").strip().splitlines()
        return " / ".join(lines[-2:]) if lines else f"nothing, exit status {self._process.poll()}"

    def stop(self) -> None:
        """SIGTERM to the first process, SIGKILL to whatever is left of all after 5 s."""
        self._members()
        if self.alive():
            self._process.terminate()
        deadline = time.monotonic() + _STOP_SECONDS
        while time.monotonic() < deadline and (self.alive() or self._running()):
            time.sleep(0.02)
        for pid in self._running():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._process.wait()

    def _running(self) -> list[int]:
        return [one.pid for one in self._members() if one.state != "Z"]

    def _members(self) -> list[_Process]:
        """The tree below the first process, and what was once in it and lost its parent."""
        processes = _processes()
        found = {one.pid for one in processes if one.pid == self._process.pid or self._knows(one)}
        grown = True
        while grown:
            children = {one.pid for one in processes if one.parent in found} - found
            found |= children
            grown = bool(children)
        members = [one for one in processes if one.pid in found]
        self._seen.update((one.pid, one.started) for one in members)
        return members

    def _knows(self, one: _Process) -> bool:
        return self._seen.get(one.pid) == one.started


def _processes() -> list[_Process]:
    """All processes of the machine, now."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            text = (entry / "stat").read_text()
        except (FileNotFoundError, ProcessLookupError):
            continue  # it ended meanwhile
        # The second field, the command, may hold spaces and brackets; the rest starts behind it.
        fields = text.rpartition(")")[2].split()
        used = (int(fields[11]) + int(fields[12])) / _TICKS
        found.append(_Process(int(entry.name), fields[0], int(fields[1]), used, int(fields[19])))
    return found


@contextmanager
def running(command: Sequence[str], folder: Path, cpu: int | None) -> Iterator[Server]:
    """A server for as long as the block lasts. ``cpu`` is where it may run; None is anywhere."""
    log = folder / "log"
    with log.open("wb") as output, pinned(cpu):
        try:
            process = subprocess.Popen(
                command,
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        except OSError as error:
            raise BenchError(f"{command[0]} does not start: {error.strerror}") from error
    server = Server(process, log)
    try:
        yield server
    finally:
        server.stop()


@contextmanager
def pinned(cpu: int | None) -> Iterator[None]:
    """Children that are started in the block inherit this CPU."""
    if cpu is None:
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {cpu})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def two_cpus() -> tuple[int, int] | None:
    """One CPU for the load and one for the servers; None where there is only one."""
    allowed = sorted(os.sched_getaffinity(0))
    return (allowed[0], allowed[1]) if len(allowed) > 1 else None


def free_port() -> int:
    """A port on 127.0.0.1 that is free for UDP and TCP now."""
    for _ in range(100):
        with (
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp,
            socket.socket(socket.AF_INET, socket.SOCK_STREAM) as tcp,
        ):
            udp.bind(("127.0.0.1", 0))
            port: int = udp.getsockname()[1]
            with suppress(OSError):
                tcp.bind(("127.0.0.1", port))
                return port
    raise BenchError("there is no port on 127.0.0.1 that is free for both UDP and TCP")
