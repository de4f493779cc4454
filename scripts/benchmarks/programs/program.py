"""What the benchmark needs to know of a server program."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.workload import Workload


@dataclass(frozen=True)
class Program:
    """A server in one set-up, and the scenarios that this set-up answers.

    ``version`` is None when it is not installed. ``prepare`` writes the configuration for a UDP
    port on 127.0.0.1 into a folder of its own and returns the command that runs in the foreground.
    """

    server: str
    setup: str
    scenarios: tuple[str, ...]
    version: Callable[[], str | None]
    prepare: Callable[[Path, int, Workload], list[str]]

    @property
    def name(self) -> str:
        """How the tables call it."""
        return f"{self.server} ({self.setup})" if self.setup else self.server


def installed_version(command: str, *arguments: str) -> str | None:
    """The first version number that a program prints about itself; None: it is not installed."""
    if find(command) is None:
        return None
    result = subprocess.run(
        [find(command) or command, *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=10,
    )
    found = re.search(r"\d+\.\d+(\.\d+)*", result.stdout + result.stderr)
    return found[0] if found else "unknown"


def find(command: str) -> str | None:
    """Where a program is, the folders for daemons included; None: nowhere."""
    return shutil.which(command) or shutil.which(command, path="/usr/local/sbin:/usr/sbin:/sbin")
