"""Whatever becomes of the log, queries are answered, reloads are done, and a stop is a stop."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest
from fault_servers import UnheardServer, until
from running import ZONE

from geodns.control.processes import find

pytestmark = pytest.mark.slow


@contextmanager
def _full_pipe() -> Iterator[int]:
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    try:
        while os.write(writing, b"x" * 4096):
            pass
    except BlockingIOError:
        os.set_blocking(writing, True)
    try:
        yield writing
    finally:
        os.close(reading)
        os.close(writing)


@contextmanager
def _pipe_without_reader() -> Iterator[int]:
    reading, writing = os.pipe()
    os.close(reading)
    yield writing
    os.close(writing)


@contextmanager
def _full_disk() -> Iterator[int]:
    full = os.open("/dev/full", os.O_WRONLY)
    yield full
    os.close(full)


@contextmanager
def _closed() -> Iterator[None]:
    yield None


@pytest.mark.parametrize("standard_error", [_full_pipe, _pipe_without_reader, _full_disk, _closed])
def test_a_log_that_can_not_be_written_holds_nothing_up(
    tmp_path: Path, standard_error: Callable[[], AbstractContextManager[int | None]]
) -> None:
    with standard_error() as fd, UnheardServer(tmp_path, fd) as server:
        for edition in ("second", "third"):
            server.write("zones/example.test.yaml", ZONE.replace("first", edition))
            until(
                lambda: server.answer("txt.example.test", "TXT") == [f'"{edition}"'],  # noqa: B023
                "the change is in use",
            )
        workers = server.workers()
        assert server.stop() == 0
        assert [find(pid) for pid in workers] == [None, None]
