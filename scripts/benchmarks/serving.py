"""The server with a city database: its start, reloads, memory, and queries in the meantime."""

from __future__ import annotations

import json
import os
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import dns.message

from benchmarks.errors import BenchError
from benchmarks.locating import peak_memory
from benchmarks.many_regions import SERVER, many_regions
from benchmarks.own_server import own_server

WORKERS = 2
INTERVAL = 0.005  # seconds between an answer and the next query
_PATIENCE = 120.0  # seconds
_IDLE = 2.0  # seconds for which nothing happens, to compare with
_LOOK = 10  # queries between two looks at processes and events
_QUERY = dns.message.make_query("web.bench.test.", "A", use_edns=0).to_wire()
_COMPILER = b"geodns.control.compiler"


@dataclass(frozen=True)
class Phase:
    """``seconds`` until the new image was in use, and the ``latencies`` of queries until then."""

    seconds: float
    latencies: list[float]


@dataclass
class Serving:
    """Seconds and bytes. ``peaks`` are the most memory of a process of each kind."""

    starts: dict[str, float] = field(default_factory=dict)
    phases: dict[str, Phase] = field(default_factory=dict)
    peaks: dict[str, int] = field(default_factory=dict)

    def saw(self, kind: str, pid: int) -> None:
        """Take note of a process's memory."""
        self.peaks[kind] = max(self.peaks.get(kind, 0), peak_memory(pid))


def measure(database: Path, folder: Path, progress: Callable[[str], None]) -> Serving:
    """Run 40 regions on a city database. The time of change of its file is set to now."""
    settings = SERVER | {"workers": WORKERS, "geoip": {"databases": [str(database)]}}
    settings |= {"admin": {"socket": "var/admin.sock", "http": "127.0.0.1:0"}}
    server = own_server(folder, many_regions() | {"geodns.yaml": json.dumps(settings)})
    found = Serving()
    try:
        progress("the server's first start with a city database")
        with server:
            found.starts["first"] = server.events("listening")[-1]["seconds"]
        progress("the server's second start, and reloads")
        with server:
            found.starts["later"] = server.events("listening")[-1]["seconds"]
            for name, change in _changes(server, database):
                found.phases[name] = _phase(server, change, found)
    except (AssertionError, OSError) as error:
        raise BenchError(f"the server with a city database failed: {error}") from error
    return found


def _changes(server: Any, database: Path) -> Iterator[tuple[str, Callable[[], None] | None]]:
    zone = server.folder / "zones" / "bench.test.yaml"
    nodes = json.loads(zone.read_text()) | {"new": {"type": "A", "value": "192.0.2.77"}}
    yield "nothing", None
    yield "zone", lambda: server.write("zones/bench.test.yaml", json.dumps(nodes))
    yield "database", lambda: os.utime(database)


def _phase(server: Any, change: Callable[[], None] | None, found: Serving) -> Phase:
    """Ask all the time while the change is taken in; without one, for a moment."""
    reloads = len(server.events("reloaded"))
    latencies: list[float] = []
    begun = time.monotonic()
    if change is not None:
        change()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(_PATIENCE)
        client.connect(server.udp)
        while time.monotonic() - begun < _PATIENCE:
            latencies += [_ask(client) for _ in range(_LOOK)]
            _look(server, found)
            passed = time.monotonic() - begun
            if change is None and passed > _IDLE:
                return Phase(passed, latencies)
            if len(server.events("reloaded")) > reloads:
                return Phase(passed, latencies)
    raise BenchError(f"the server did not reload within {_PATIENCE:.0f} s")


def _ask(client: socket.socket) -> float:
    begun = time.perf_counter()
    client.send(_QUERY)
    reply = client.recv(65535)
    seconds = time.perf_counter() - begun
    if reply[:2] != _QUERY[:2] or reply[3] & 0xF or not reply[7]:
        raise BenchError("a query got no answer while the server reloaded")
    time.sleep(INTERVAL)
    return seconds


def _look(server: Any, found: Serving) -> None:
    found.saw("control", server.pid)
    for pid in server.workers():
        found.saw("worker", pid)
    for pid in _children(server.pid):
        if _COMPILER in _command(pid):
            for each in (pid, *_children(pid)):  # it compiles in a fork of itself
                found.saw("compiler", each)


def _children(pid: int) -> list[int]:
    tasks = Path(f"/proc/{pid}/task")
    return [int(child) for task in tasks.iterdir() for child in _words(task / "children")]


def _command(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):  # it has just ended
        return b""


def _words(file: Path) -> list[str]:
    try:
        return file.read_text().split()
    except (FileNotFoundError, ProcessLookupError):
        return []
