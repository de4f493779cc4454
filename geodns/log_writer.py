"""Writes lines to a file descriptor in a thread of its own, so that a stalled reader stalls nobody.

Standard error is often a pipe. When its reader stops reading, a plain write blocks for ever: the
control process would check no endpoint, a worker would answer no query. Here the writer's thread
waits instead; what comes meanwhile is kept up to a bound, and what is beyond it is counted.
"""

from __future__ import annotations

import logging
import os
import select
import threading
import time
from collections import deque

MOST_BYTES = 1 << 20  # of lines that wait: some 4,000 events
_LAST_WORDS = 1.0  # seconds that a process which ends gives its last lines


class BackgroundHandler(logging.Handler):
    """Events as lines to ``fd``, which stays open and is not closed by this object.

    ``emit`` never waits for the reader. What can't be kept or written is lost, and as soon as
    lines get through again, one says how many were.
    """

    def __init__(self, fd: int, *, most_bytes: int = MOST_BYTES) -> None:
        super().__init__()
        self._fd = fd
        self._most = most_bytes
        self._lines: deque[bytes] = deque()
        self._bytes = 0  # of the lines that wait, the one being written included
        self._lost = 0
        self._torn = False
        self._closing = False
        self._changed = threading.Condition()
        # A daemon: it may be in a write that never returns, and must not keep the process alive.
        self._thread = threading.Thread(target=self._run, name="log", daemon=True)
        self._thread.start()

    @property
    def lost(self) -> int:
        """Events that were lost and not told of yet."""
        return self._lost

    def emit(self, record: logging.LogRecord) -> None:
        try:
            line = self._line(record)
        # What logging itself does: an event that can't be written must not break its sender.
        except Exception:  # noqa: BLE001
            self.handleError(record)
            return
        with self._changed:
            if self._bytes + len(line) > self._most:
                self._lost += 1
                return
            self._lines.append(line)
            self._bytes += len(line)
            self._changed.notify_all()

    def flush(self) -> None:
        """Wait until everything is written, but not for a reader that does not read."""
        deadline = time.monotonic() + _LAST_WORDS
        with self._changed:
            while self._bytes and self._thread.is_alive():
                left = deadline - time.monotonic()
                if left <= 0:
                    return
                self._changed.wait(left)

    def close(self) -> None:
        """Flush, and let the thread end once it has nothing more to write."""
        self.flush()
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        super().close()

    def _run(self) -> None:
        while True:
            with self._changed:
                while not self._lines:
                    if self._closing:
                        return
                    self._changed.wait()
                line = self._lines.popleft()
            written = self._write(line)
            with self._changed:
                self._bytes -= len(line)
                self._lost += not written
                if written and self._lost and not self._lines:
                    self._tell_of_losses()
                self._changed.notify_all()

    def _tell_of_losses(self) -> None:
        record = logging.makeLogRecord(
            {
                "name": __name__,
                "levelno": logging.WARNING,
                "levelname": "WARNING",
                "msg": "events were lost: nobody read them, or they could not be written",
                "lost": self._lost,
            }
        )
        line = self._line(record)
        self._lost = 0
        self._lines.append(line)
        self._bytes += len(line)

    def _line(self, record: logging.LogRecord) -> bytes:
        return (self.format(record) + "\n").encode(errors="backslashreplace")

    def _write(self, line: bytes) -> bool:
        """Whether the whole line was written; a full disk and a reader that is gone take none."""
        # After a line that was cut short, what follows begins a line of its own.
        left = memoryview(b"\n" + line if self._torn else line)
        try:
            while left:
                try:
                    left = left[os.write(self._fd, left) :]
                    self._torn = True
                except BlockingIOError:  # somebody who shares it has made it non-blocking
                    select.select([], [self._fd], [])
        except (OSError, ValueError):
            return False
        self._torn = False
        return True
