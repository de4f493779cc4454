"""The machine that the figures are from, in words that let another be compared with it."""

from __future__ import annotations

import os
import platform
import re
from pathlib import Path

_IDLE = 0.5  # of one CPU


def describe() -> dict[str, str]:
    """CPU, cores, kernel, memory, distribution and Python."""
    return {
        "CPU": _first(r"model name\s*:\s*(.+)", Path("/proc/cpuinfo")) or platform.machine(),
        "cores": str(os.cpu_count() or 1),
        "memory": f"{_memory_gigabytes():.0f} GiB",
        "kernel": f"{platform.system()} {platform.release()}",
        "distribution": _first(r'PRETTY_NAME="?([^"\n]+)', Path("/etc/os-release")) or "unknown",
        "Python": platform.python_version(),
    }


def unrest() -> str:
    """What else runs now, as a sentence; nothing for a machine that is idle."""
    load = os.getloadavg()[0]
    if load <= _IDLE:
        return ""
    priority = os.sched_getscheduler(0) in {os.SCHED_FIFO, os.SCHED_RR}
    beside = "; this ran before other work, by real-time priority (`chrt`)" if priority else ""
    return f"The machine was not idle: its load average was {load:.1f} at the start{beside}."


def _memory_gigabytes() -> float:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30


def _first(pattern: str, file: Path) -> str | None:
    if not file.exists():
        return None
    found = re.search(pattern, file.read_text())
    return found[1].strip() if found else None
