"""Events reach a file descriptor, and a reader that stalls or is gone costs nothing but events."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from geodns.log import JsonFormatter
from geodns.log_writer import BackgroundHandler


class _Pipe:
    """The smallest pipe, with nobody who reads it before ``read_all`` is called."""

    def __init__(self) -> None:
        self.reading, self.writing = os.pipe()
        os.set_blocking(self.reading, False)

    def read(self) -> bytes:
        """What is there now."""
        try:
            return os.read(self.reading, 1 << 20)
        except BlockingIOError:
            return b""

    def fill(self) -> None:
        """Leave room for nothing."""
        os.set_blocking(self.writing, False)
        try:
            while True:
                os.write(self.writing, b"x" * 4096)
        except BlockingIOError:
            os.set_blocking(self.writing, True)

    def close(self) -> None:
        for fd in (self.reading, self.writing):
            os.close(fd)


@pytest.fixture
def pipe() -> Iterator[_Pipe]:
    with closing(_Pipe()) as made:
        yield made


def _handler(fd: int, most_bytes: int = 1 << 20) -> BackgroundHandler:
    handler = BackgroundHandler(fd, most_bytes=most_bytes)
    handler.setFormatter(JsonFormatter())
    return handler


def _event(number: int) -> logging.LogRecord:
    return logging.makeLogRecord({"msg": "event", "number": number})


def _until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_events_are_written_in_their_order(tmp_path: Path) -> None:
    with (tmp_path / "log").open("wb") as file:
        handler = _handler(file.fileno())
        for number in range(1000):
            handler.emit(_event(number))
        handler.close()
    lines = [json.loads(line) for line in (tmp_path / "log").read_text().splitlines()]
    assert [line["number"] for line in lines] == list(range(1000))


def test_a_reader_that_stalls_holds_nobody_up_and_is_told_what_it_missed(pipe: _Pipe) -> None:
    pipe.fill()
    handler = _handler(pipe.writing, most_bytes=4000)
    for number in range(1000):
        handler.emit(_event(number))
    assert 900 < handler.lost < 1000
    received = bytearray()

    def told() -> bool:
        received.extend(pipe.read().lstrip(b"x"))
        return b"events were lost" in received

    _until(told)
    handler.close()
    lines = [json.loads(line) for line in bytes(received).splitlines()]
    assert [line["number"] for line in lines[:-1]] == list(range(len(lines) - 1))
    assert lines[-1]["lost"] == 1000 - (len(lines) - 1)
    assert lines[-1]["level"] == "warning"


def test_a_reader_that_is_gone_costs_events_and_nothing_else() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    handler = _handler(writing)
    for number in range(10):
        handler.emit(_event(number))
    handler.close()
    assert handler.lost == 10
    os.close(writing)


def test_a_full_disk_costs_events_until_there_is_room(tmp_path: Path) -> None:
    full = os.open("/dev/full", os.O_WRONLY)
    handler = _handler(full)
    handler.emit(_event(1))
    handler.flush()
    assert handler.lost == 1
    with (tmp_path / "log").open("wb") as file:
        os.dup2(file.fileno(), full)
        handler.emit(_event(2))
        handler.flush()
        handler.close()
    os.close(full)
    lines = [json.loads(line) for line in (tmp_path / "log").read_text().splitlines()]
    assert [line.get("number", line.get("lost")) for line in lines] == [2, 1]


def test_a_descriptor_that_others_made_non_blocking_is_waited_for(pipe: _Pipe) -> None:
    pipe.fill()
    os.set_blocking(pipe.writing, False)
    handler = _handler(pipe.writing)
    handler.emit(_event(7))
    received = bytearray()

    def arrived() -> bool:
        received.extend(pipe.read().lstrip(b"x"))
        return received.endswith(b"\n")

    _until(arrived)
    assert json.loads(received)["number"] == 7
    handler.close()


_ENDING = """
import logging
from geodns import log
from geodns.config.settings import Log
log.configure(Log())
logging.getLogger("geodns").warning("the last words")
"""


def test_the_last_events_of_a_process_are_written() -> None:
    ended = subprocess.run(
        [sys.executable, "-c", _ENDING], capture_output=True, timeout=60, check=True
    )
    assert json.loads(ended.stderr)["event"] == "the last words"


def test_a_process_ends_though_nobody_reads_its_last_words(pipe: _Pipe) -> None:
    pipe.fill()
    ended = subprocess.run(
        [sys.executable, "-c", _ENDING], stderr=pipe.writing, timeout=60, check=False
    )
    assert ended.returncode == 0


def test_a_process_without_standard_error_has_no_log() -> None:
    ended = subprocess.run(
        ["sh", "-c", 'exec "$0" -c "$1" 2>&-', sys.executable, _ENDING],
        stdout=subprocess.PIPE,
        timeout=60,
        check=False,
    )
    assert (ended.returncode, ended.stdout) == (0, b"")
