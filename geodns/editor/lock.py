"""The lock that edits of a zones folder take, so that no two of them lose each other's work."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from geodns.errors import GeodnsError

LOCK = ".geodns.lock"
_POLL = 0.02  # seconds between two tries


class LockError(GeodnsError):
    """The folder can't be locked; the sentence says why, or who has the lock."""


@contextmanager
def locked(
    folder: Path,
    patience: float,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[None]:
    """Holds the lock of a folder; waits at most ``patience`` seconds for it. Raises LockError.

    The kernel gives the lock free when its holder ends, however that happens, so the file stays.
    """
    try:
        lock = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        if os.fstat(lock).st_uid == os.geteuid():
            # who may make files in the folder may take its lock
            os.fchmod(lock, folder.stat().st_mode & 0o666 | 0o600)
    except OSError as error:
        raise LockError(f"{folder} can't be edited: {error.strerror}") from error
    try:
        _take(lock, folder, clock() + patience, clock, sleep)
        os.ftruncate(lock, 0)
        os.pwrite(lock, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(lock)


def _take(
    lock: int,
    folder: Path,
    deadline: float,
    clock: Callable[[], float],
    sleep: Callable[[float], None],
) -> None:
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            if clock() < deadline:
                sleep(_POLL)
                continue
            holder = os.pread(lock, 20, 0).decode(errors="replace").strip() or "unknown"
            raise LockError(
                f"process {holder} ({_command(holder)}) is editing {folder}; try again when it has"
                " ended"
            ) from error
        except OSError as error:
            raise LockError(f"{folder} can't be locked: {error.strerror}") from error
        else:
            return


def _command(pid: str) -> str:
    try:
        words = Path("/proc", pid, "cmdline").read_bytes().split(b"\0")
    except OSError:
        return "on another host, or not to be seen from here"
    shown = " ".join(" ".join(map(os.fsdecode, words)).split())
    return shown if len(shown) <= 100 else f"{shown[:97]}..."
