"""The load generator: dnsperf, which sends prepared packets as fast as answers come back."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from benchmarks.errors import BenchError
from benchmarks.processes import pinned
from benchmarks.programs.program import find, installed_version

OUTSTANDING = 100  # queries that wait for an answer at any time, dnsperf's default


@dataclass(frozen=True)
class Load:
    """What dnsperf counted; ``seconds`` is wall time."""

    answered: int
    noerror: int
    lost: int
    seconds: float


def dnsperf_version() -> str | None:
    """None: it is not installed."""
    return installed_version("dnsperf", "-h")


def send(queries: Path, port: int, seconds: float, cpu: int | None) -> Load:
    """Load 127.0.0.1 with a file of packets, over and over. Raises BenchError if dnsperf fails."""
    command = [
        *(find("dnsperf") or "dnsperf", "-s", "127.0.0.1", "-p", str(port), "-B"),
        *("-d", str(queries), "-l", f"{seconds:g}", "-q", str(OUTSTANDING), "-t", "1"),
    ]
    with pinned(cpu):
        result = subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=seconds + 30
        )
    if result.returncode != 0:
        raise BenchError(f"dnsperf failed: {(result.stderr.strip() or result.stdout)[-200:]}")
    return read_report(result.stdout)


def read_report(text: str) -> Load:
    """dnsperf's statistics. Raises BenchError when they are not there."""

    def number(pattern: str) -> float:
        found = re.search(pattern, text)
        if found is None:
            raise BenchError(f"dnsperf's report has no match for {pattern!r}")
        return float(found[1])

    answered = int(number(r"Queries completed:\s+(\d+)"))
    return Load(
        answered=answered,
        noerror=int(number(r"NOERROR (\d+)")) if answered else 0,
        lost=int(number(r"Queries lost:\s+(\d+)")),
        seconds=number(r"Run time \(s\):\s+([\d.]+)"),
    )
