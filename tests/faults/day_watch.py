"""Watches the server during the day: memory, open files, and what the kernel dropped."""

from __future__ import annotations

import threading
from collections import Counter, defaultdict
from contextlib import suppress
from pathlib import Path

from running import RunningServer

_EVERY = 0.25  # seconds
_WHILE = 8  # samples, in which a process reads its image and answers its first queries
_PAGE = 4096


def memory(pid: int) -> int:
    """Bytes of a process that only it has: resident, without what it shares with others."""
    resident, shared = Path(f"/proc/{pid}/statm").read_text().split()[1:3]
    return (int(resident) - int(shared)) * _PAGE


def open_files(pid: int) -> Counter[str]:
    """What a process has open, by kind: sockets, pipes, and so on."""
    found: Counter[str] = Counter()
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(OSError):  # closed meanwhile
            found[str(descriptor.readlink()).partition(":[")[0]] += 1
    return found


def children(pid: int) -> set[int]:
    """The processes that a process has started and not yet taken leave of."""
    found: set[int] = set()
    for task in Path(f"/proc/{pid}/task").iterdir():
        with suppress(OSError):
            found |= {int(child) for child in (task / "children").read_text().split()}
    return found


def dropped(port: int) -> dict[str, int]:
    """Datagrams that the kernel dropped because a queue was full, by socket (inode)."""
    found = {}
    for line in Path("/proc/net/udp").read_text().splitlines()[1:]:
        columns = line.split()
        if int(columns[1].partition(":")[2], 16) == port:
            found[columns[9]] = int(columns[-1])
    return found


class Watch(threading.Thread):
    """Takes samples until ``stop`` is set."""

    def __init__(self, server: RunningServer, stop: threading.Event) -> None:
        super().__init__(daemon=True)
        self.memory: defaultdict[int, list[int]] = defaultdict(list)
        self.seen: set[int] = set()
        self._server = server
        self._stop_watching = stop
        self._dropped: dict[str, int] = {}

    @property
    def dropped(self) -> int:
        """Datagrams to the server that the kernel dropped so far; sockets of the past included."""
        return sum(self._dropped.values())

    def growth(self, pid: int) -> int:
        """By how many bytes a process was larger at last than a while after its start."""
        samples = self.memory[pid][_WHILE:]
        return samples[-1] - samples[0] if samples else 0

    def run(self) -> None:
        while not self._stop_watching.wait(_EVERY):
            self.look()

    def look(self) -> None:
        """Take one sample."""
        for pid in {self._server.pid, *children(self._server.pid)}:
            self.seen.add(pid)
            with suppress(OSError):  # it has ended just now
                self.memory[pid].append(memory(pid))
        for inode, count in dropped(self._server.udp[1]).items():
            self._dropped[inode] = max(count, self._dropped.get(inode, 0))
