"""The state folder: one control process at a time owns it, and it remembers that one's workers."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import pwd
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from geodns.control.processes import Process, boot, find
from geodns.errors import GeodnsError

_LOCK, _WORKERS = "control.lock", "workers.json"


class StateError(GeodnsError):
    """The state folder can't be used, or another control process is using it."""


class StateFolder:
    """A folder that is locked for as long as this object is open.

    The lock goes with the process that holds it, however that ends. Raises StateError.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            path.mkdir(mode=0o750, parents=True, exist_ok=True)
            self._lock = os.open(path / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
        except OSError as error:
            raise StateError(
                f"the state folder {path} can't be used{_by_whom(error)}: {error.strerror}"
            ) from error
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = os.pread(self._lock, 20, 0).decode(errors="replace").strip()
            os.close(self._lock)
            raise StateError(
                f"another geodns serve (process {holder or 'unknown'}) uses the state folder"
                f" {path}; stop it first, or give this one a state folder of its own"
            ) from error
        os.ftruncate(self._lock, 0)
        os.pwrite(self._lock, f"{os.getpid()}\n".encode(), 0)

    def remember_workers(self, workers: Iterable[Process]) -> None:
        """Write down which workers run now, so that a later control process can end them."""
        record = {"boot": boot(), "workers": [[worker.pid, worker.started] for worker in workers]}
        fresh = self.path / f"{_WORKERS}.new"
        fresh.write_text(json.dumps(record), encoding="ascii")
        fresh.replace(self.path / _WORKERS)

    def orphans(self) -> tuple[Process, ...]:
        """Workers of an earlier control process that are still alive."""
        try:
            record = json.loads((self.path / _WORKERS).read_text(encoding="ascii"))
            # Start times count from the boot, so that those of another boot mean nothing.
            pairs = record["workers"] if record["boot"] == boot() else []
            known = [Process(int(pid), int(started)) for pid, started in pairs]
        except (OSError, ValueError, KeyError, TypeError):
            return ()  # no such file, or one that was cut short: then nothing is known
        return tuple(process for process in known if find(process.pid) == process)

    def close(self) -> None:
        """Give the folder free for another control process."""
        os.close(self._lock)


def _by_whom(error: OSError) -> str:
    """Where rights are missing, whose: the folder and what is in it must be that user's."""
    if error.errno not in (errno.EACCES, errno.EPERM):
        return ""
    with suppress(KeyError):
        return f" by the user {pwd.getpwuid(os.geteuid()).pw_name}"
    return f" by user {os.geteuid()}"
