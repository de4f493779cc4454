"""Shows on a terminal what takes its time, once it has taken a second."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Timer

from rich.console import Console

_PATIENCE = 1.0  # seconds


@contextmanager
def progress(what: str) -> Iterator[Callable[[str], None]]:
    """``what`` is being done inside of the block; other than on a terminal, nothing is shown.

    The block gets a function to say something else.
    """
    console = Console(stderr=True)
    status = console.status(f"{what} ...")
    timer = Timer(_PATIENCE, status.start)
    if console.is_terminal:
        timer.start()
    try:
        yield lambda now: status.update(f"{now} ...")
    finally:
        timer.cancel()
        if timer.is_alive():
            timer.join()
        status.stop()
