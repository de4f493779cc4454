"""Servers with something wrong around them, for tests of single faults."""

from __future__ import annotations

import itertools
import os
import resource
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import dns.exception
import dns.message
import dns.query
from running import COMMAND, SERVER, RunningServer, free_port


class UnheardServer(RunningServer):
    """A server whose standard error is what ``standard_error`` says; None is closed.

    Nothing can be read from its log, so that it is ready when it answers.
    """

    def __init__(self, folder: Path, standard_error: int | None) -> None:
        self.udp = self.tcp = ("127.0.0.1", free_port())
        listen = f"127.0.0.1:{self.udp[1]}"
        super().__init__(folder, {"geodns.yaml": SERVER.replace("127.0.0.1:0", listen, 1)})
        self._standard_error = standard_error

    def start(self) -> None:
        """Start the process and wait until it answers."""
        command = [*COMMAND, "serve", "-c", str(self.config)]
        if self._standard_error is None:
            command = ["sh", "-c", 'exec "$@" 2>&-', "sh", *command]
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=self._standard_error,
            start_new_session=True,
        )
        until(self._answers, "the server answers")

    def _answers(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, "the server has ended"
        query = dns.message.make_query("txt.example.test", "TXT")
        try:
            dns.query.udp(query, self.udp[0], port=self.udp[1], timeout=0.5)
        except dns.exception.Timeout:
            return False
        return True


def until(condition: Callable[[], object], what: str) -> None:
    """Waits for something that another process brings about; ``what`` says it when it doesn't."""
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, f"waited for this in vain: {what}"
        time.sleep(0.02)


def allow_files(pid: int, more: int | None) -> None:
    """Lets a process open so many more files than it has; None is as many as may be."""
    _, most = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    limit = most
    if more is not None:
        # The limit is on the numbers of descriptors, and those have gaps.
        used = {int(each.name) for each in Path(f"/proc/{pid}/fd").iterdir()}
        free = (number for number in itertools.count() if number not in used)
        limit = next(itertools.islice(free, more, None))
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (limit, most))


def processor_seconds(pid: int) -> float:
    """The processor time that a process has used."""
    columns = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(columns[11]) + int(columns[12])) / os.sysconf("SC_CLK_TCK")
