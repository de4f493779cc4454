"""A day in a minute: all that goes wrong in a day at once, and every good answer is right.

``GEODNS_DAY_SECONDS`` says how long the day is; continuous integration has a short one. What is
tolerated does not depend on how fast a machine is:

- a query without an answer while a worker was being killed or replaced; it is asked again, and then
  answered right. A kill loses what the worker had read, and a connection ends with its worker;
- over UDP, as many more as the kernel says that it dropped from full queues, floods included;
- over TCP none: a connection that has asked something is not closed before it is answered.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterable
from contextlib import closing, suppress
from pathlib import Path

import pytest
from day_good import GoodClient, Report, TcpClient, UdpClient
from day_hostile import Hostile
from day_operator import Endpoints, Operator, Scraper
from day_watch import Watch, children, memory, open_files
from day_world import History, files, until, write_database
from running import RunningServer

from geodns.control.processes import find

# Seconds; the operator goes through all that can happen at least once, however short it is.
_DAY = float(os.environ.get("GEODNS_DAY_SECONDS", "60"))
_MOST_GROWTH = 64 << 20  # bytes of memory that a day may add to a process, caches included
_COMPILER = "geodns.control.compiler"
_MOST_LOG = 1 << 20  # bytes of log that a day may make


class Day:
    """The server, everybody who wants something from it, and what became of that."""

    def __init__(self, server: RunningServer, endpoints: Endpoints) -> None:
        self.server = server
        self.history = History()
        self.operator = Operator(server, self.history, endpoints)
        self.stop = threading.Event()
        self.watch = Watch(server, self.stop)
        assert server.admin is not None
        self.scraper = Scraper(server.admin, self.stop)
        self.clients: list[GoodClient] = [
            *(self._client(UdpClient, number, 200.0) for number in range(4)),
            *(self._client(TcpClient, number, 100.0) for number in range(4, 6)),
        ]
        self.hostile = Hostile(server.udp)
        self.report = Report()

    def _client(self, kind: type[GoodClient], number: int, rate: float) -> GoodClient:
        return kind(number, self.server.udp, self.history, self.stop, rate=rate)

    def run(self) -> None:
        """Let it be day until the operator has done everything and the time is over."""
        threads: list[threading.Thread] = [*self.clients, self.scraper, self.watch]
        for thread in threads:
            thread.start()
        end = time.monotonic() + _DAY
        try:
            with self.hostile:
                while True:
                    self.operator.cycle()
                    if time.monotonic() >= end:
                        break
                self.hostile.stop()
        finally:
            self.stop.set()
            for thread in threads:
                thread.join(120)
        assert [each.error for each in self.clients if each.error] == []
        assert self.scraper.error is None
        for client in self.clients:
            self.report.add(client.report)
        self.watch.look()

    def unexplained(self, transport: str) -> list[tuple[float, float]]:
        """The attempts without an answer that no killed worker accounts for.

        RFC 7766 6.2.3: a server may close a connection, and the client asks again on another one.
        This one does where a worker is replaced; over UDP nothing may be lost then.
        """
        reasons = list(self.operator.kills)
        if transport == "tcp":
            reasons += self.operator.replacements
        return [
            (begin, end)
            for how, begin, end in self.report.retries
            if how == transport
            and not any(begin <= over and since <= end for since, over in reasons)
        ]

    def table(self) -> str:
        """What was sent and answered."""
        worker = max(map(self.watch.growth, self.server.workers()))
        rows = [
            *(f"{count:>9,}  {name}" for name, count in sorted(self.report.answered.items())),
            f"{len(self.report.retries):>9,}  attempts without an answer",
            f"{self.watch.dropped:>9,}  datagrams dropped by the kernel, floods included",
            f"{self.watch.growth(self.server.pid) >> 10:>9,}  KiB that control grew",
            f"{worker >> 10:>9,}  KiB that a worker grew",
            *_rows(self.hostile.counts.items()),
            *_rows(self.operator.done.items()),
            *_rows(self.scraper.done.items()),
        ]
        return "\n".join(rows)


def _rows(counts: Iterable[tuple[str, int]]) -> Iterable[str]:
    return (f"{count:>9,}  {name}" for name, count in sorted(counts))


@pytest.mark.skipif(
    "GEODNS_DAY_SECONDS" not in os.environ,
    reason="set GEODNS_DAY_SECONDS to run it",
)
@pytest.mark.slow
def test_every_good_query_is_answered_right_on_a_bad_day(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_database(tmp_path / "places.mmdb", "DE")
    with (
        closing(Endpoints()) as endpoints,
        RunningServer(tmp_path, files(endpoints.port)) as server,
    ):
        day = Day(server, endpoints)
        quiet_memory = memory(server.pid)
        quiet_files = {pid: open_files(pid) for pid in (server.pid, *server.workers())}
        day.run()
        with capsys.disabled():
            print(f"\n{day.table()}")
        _answers_were_right(day)
        _nothing_has_leaked(day, quiet_memory, quiet_files)
        _the_log_is_short_and_calm(day)
        _the_end_is_clean(day)


def _answers_were_right(day: Day) -> None:
    assert day.report.wrong == []
    assert day.report.lost == []
    assert min(day.report.answered[kind.__name__] for kind in (UdpClient, TcpClient)) > 1000
    assert day.unexplained("tcp") == []
    # Without a kill, only the kernel's queue before a worker may lose a query, in a flood.
    assert len(day.unexplained("udp")) <= day.watch.dropped
    assert day.hostile.counts["nxdomain: answered"] > 0
    status = day.operator.status()
    assert day.operator.restarts() == day.operator.done["worker killed"]
    assert "fault" not in status["traffic"]["dropped"]


def _nothing_has_leaked(day: Day, quiet_memory: int, quiet_files: dict[int, Counter[str]]) -> None:
    control, workers = day.server.pid, day.server.workers()
    (of_worker, *_) = (files for pid, files in quiet_files.items() if pid != control)
    _as_few_files_are_open("control", control, quiet_files[control])
    for pid in workers:
        _as_few_files_are_open("a worker", pid, of_worker)
    until(
        lambda: _programs(children(control) - set(workers)) <= Counter({_COMPILER: 1}),
        "control has no process but its workers and what compiles",
    )
    assert memory(control) - quiet_memory < _MOST_GROWTH
    # What a worker remembers of questions and clients is bounded; a flood fills it.
    assert max(map(day.watch.growth, (*workers, *quiet_files))) < _MOST_GROWTH


def _programs(pids: set[int]) -> Counter[str]:
    """Which modules processes run, but for those that have ended."""
    found: Counter[str] = Counter()
    for pid in pids:
        with suppress(OSError):
            _, runs, module = Path(f"/proc/{pid}/cmdline").read_bytes().partition(b"\0-m\0")
            if runs:
                found[module.partition(b"\0")[0].decode()] += 1
    return found


def _as_few_files_are_open(name: str, pid: int, before: Counter[str]) -> None:
    deadline = time.monotonic() + 60
    while more := open_files(pid) - before:
        assert time.monotonic() < deadline, f"{name} has not closed {more} beside {before}"
        time.sleep(0.1)


def _the_log_is_short_and_calm(day: Day) -> None:
    assert day.server.log.stat().st_size < _MOST_LOG
    lines = day.server.log.read_bytes().splitlines()
    assert [line for line in lines if not line.startswith(b"{")] == []
    events = day.server.events()
    assert [event for event in events if "traceback" in event] == []
    ended = [event for event in events if event["event"] == "worker ended, starting another"]
    assert {event["reason"] for event in ended} == {"was ended by SIGKILL"}
    assert len(ended) == day.operator.done["worker killed"]


def _the_end_is_clean(day: Day) -> None:
    workers = day.server.workers()
    day.server.signal(signal.SIGTERM)
    assert day.server.wait() == 0
    assert [find(pid) for pid in (*workers, *day.watch.seen) if find(pid)] == []
    assert not day.server.socket.exists()
    assert day.server.events()[-1]["event"] == "stopped"
