"""Names processes so that a reused process id is never taken for the process that had it before."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

_POLL = 0.02  # seconds between two looks at a process that is about to end


class Process(NamedTuple):
    """A process id and when that process started, in clock ticks since the boot (proc(5))."""

    pid: int
    started: int


def boot() -> str:
    """A name of this boot of the machine."""
    return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()


def find(pid: int) -> Process | None:
    """The process that has this id now; None when there is none, or only its exit status."""
    try:
        line = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    # proc(5): the name in field 2 is in parentheses and may hold spaces; state is field 3,
    # starttime field 22.
    rest = line.rpartition(")")[2].split()
    return None if rest[0] in "ZX" else Process(pid, int(rest[19]))


def send(process: Process, number: signal.Signals) -> bool:
    """Signal exactly this process; False when it has ended (or is not ours to signal)."""
    try:
        handle = os.pidfd_open(process.pid)
    except OSError:
        return False
    try:
        # The handle holds on to one process, so that its id can't change hands behind this check.
        if find(process.pid) != process:
            return False
        signal.pidfd_send_signal(handle, number)
    except OSError:
        return False
    finally:
        os.close(handle)
    return True


async def end(processes: Iterable[Process], grace: float) -> None:
    """Ask processes to end, and kill those that still run after ``grace`` seconds."""
    remaining = [process for process in processes if send(process, signal.SIGTERM)]
    loop = asyncio.get_running_loop()
    deadline = loop.time() + grace
    while remaining and loop.time() < deadline:
        await asyncio.sleep(_POLL)
        remaining = [process for process in remaining if find(process.pid) == process]
    for process in remaining:
        send(process, signal.SIGKILL)
