"""Workers are kept running, current and accounted for."""

from __future__ import annotations

import asyncio
import logging
import os
from collections import Counter
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any

import pytest

from geodns.control.slot import WorkerError
from geodns.control.supervisor import Supervisor
from geodns.control.totals import Totals
from geodns.health.availability import Availability
from geodns.server.channel import Demand


class FakeWorker:
    """Acknowledges at once and runs until it is told to end."""

    def __init__(self, pid: int, *, ends_with: int | None = None) -> None:
        self.pid = pid
        self.image_generation = 0
        self.availability_generation = 0
        self.image = b""
        self.counted = Totals(Counter({("udp", "A", "NOERROR"): pid}), connections=1)
        self.hangs = False
        self.on_acknowledge: Callable[[], None] = lambda: None
        self.status: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        if ends_with is not None:
            self.status.set_result(ends_with)

    def send_image(self, fd: int, generation: int) -> None:
        if self.status.done():
            raise BrokenPipeError
        self.image = os.read(fd, 100)
        self.image_generation = generation
        self.on_acknowledge()

    def send_availability(self, availability: Availability) -> None:
        self.availability_generation = availability.generation

    async def statistics(self) -> Totals:
        if self.hangs:
            await asyncio.sleep(600)
        return self.counted

    async def demand(self) -> Demand:
        if self.hangs:
            raise TimeoutError
        return Demand(1, 10.0, {("web",): {self.pid: 5}})

    async def stop(self, grace: float) -> int:
        self.end(0)
        return await self.wait()

    async def wait(self) -> int:
        return await asyncio.shield(self.status)

    def end(self, status: int) -> None:
        if not self.status.done():
            self.status.set_result(status)


class Fleet:
    """Starts fake workers; ``broken`` are the statuses with which the next ones end at once."""

    def __init__(self, broken: list[int | OSError] | None = None) -> None:
        self.started: list[FakeWorker] = []
        self.pids: tuple[int, ...] = ()
        self.broken = broken or []

    async def start(self, number: int) -> FakeWorker:
        ends_with = self.broken.pop(0) if self.broken else None
        if isinstance(ends_with, OSError):
            raise ends_with
        worker = FakeWorker(len(self.started) + 1, ends_with=ends_with)
        self.started.append(worker)
        return worker

    def supervisor(self, workers: int = 2) -> Supervisor:
        def changed(pids: tuple[int, ...]) -> None:
            self.pids = pids

        return Supervisor(self.start, workers, changed, stuck=0.1)

    async def until_started(self, count: int) -> None:
        async with asyncio.timeout(30):
            while len(self.started) < count:
                await asyncio.sleep(0.005)


def _image(content: bytes) -> int:
    image = os.memfd_create("test")
    os.write(image, content)
    return image


def _run(scenario: Coroutine[Any, Any, None]) -> None:
    asyncio.run(scenario)


def test_every_worker_gets_each_image_and_availability() -> None:
    async def scenario() -> None:
        fleet = Fleet()
        supervisor = fleet.supervisor()
        supervisor.publish_image(_image(b"one"))
        supervisor.publish_availability(Availability(7, {}))
        await supervisor.start()
        assert fleet.pids == (1, 2)
        assert [worker.image for worker in fleet.started] == [b"one", b"one"]
        assert [worker.availability_generation for worker in fleet.started] == [7, 7]
        assert supervisor.publish_image(_image(b"two")) == 2
        supervisor.publish_availability(Availability(8, {}))
        assert [worker.image for worker in fleet.started] == [b"two", b"two"]
        assert [worker.availability_generation for worker in fleet.started] == [8, 8]
        assert await supervisor.acknowledged(2, 1)
        assert not await supervisor.acknowledged(3, 0)
        await supervisor.close(1)
        assert len(fleet.pids) == 0

    _run(scenario())


def test_a_worker_that_ends_is_replaced_at_once_by_one_with_the_current_state(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def scenario() -> None:
        fleet = Fleet()
        supervisor = fleet.supervisor()
        supervisor.publish_image(_image(b"one"))
        await supervisor.start()
        supervisor.publish_image(_image(b"two"))
        supervisor.publish_availability(Availability(8, {}))
        fleet.started[0].end(-9)
        await fleet.until_started(3)
        await asyncio.sleep(0)
        assert fleet.started[2].image == b"two"
        assert fleet.started[2].availability_generation == 8
        assert fleet.pids == (3, 2)
        assert [slot.restarts for slot in supervisor.slots] == [1, 0]
        await supervisor.close(1)

    _run(scenario())
    (event,) = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert (vars(event)["worker"], vars(event)["reason"]) == (0, "was ended by SIGKILL")


def test_a_worker_that_ends_again_and_again_is_started_ever_more_slowly(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def scenario() -> None:
        fleet = Fleet()
        supervisor = fleet.supervisor(workers=1)
        supervisor.publish_image(_image(b"one"))
        await supervisor.start()
        fleet.broken = [1, 1, 1]
        fleet.started[0].end(1)
        await fleet.until_started(5)
        await supervisor.close(1)

    _run(scenario())
    delays = [vars(record)["delay"] for record in caplog.records]
    assert delays == [0.0, 0.1, 0.2, 0.4]


def test_a_worker_that_can_not_be_started_is_an_event_and_is_tried_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def scenario() -> None:
        fleet = Fleet()
        supervisor = fleet.supervisor(workers=1)
        supervisor.publish_image(_image(b"one"))
        await supervisor.start()
        fleet.broken = [OSError("no memory")]
        fleet.started[0].end(1)
        async with asyncio.timeout(30):
            while len(caplog.records) < 2:
                await asyncio.sleep(0.005)
        await supervisor.close(1)

    _run(scenario())
    assert caplog.records[1].message == "a worker can't be started"
    assert vars(caplog.records[1])["reason"] == "no memory"


@pytest.mark.parametrize("fault", [1, OSError("no memory")])
def test_a_start_that_fails_is_one_sentence(fault: int | OSError) -> None:
    async def scenario() -> None:
        supervisor = Fleet([fault]).supervisor()
        supervisor.publish_image(_image(b"one"))
        with pytest.raises(WorkerError, match=r"exit status 1 before it was ready|no memory"):
            await supervisor.start()
        with suppress(WorkerError):
            await supervisor.close(1)

    _run(scenario())


def test_counts_outlive_the_worker_that_counted() -> None:
    async def scenario() -> None:
        fleet = Fleet()
        supervisor = fleet.supervisor()
        supervisor.publish_image(_image(b"one"))
        await supervisor.start()
        await supervisor.refresh()
        assert supervisor.totals().queries == {("udp", "A", "NOERROR"): 1 + 2}
        assert supervisor.totals().connections == 2
        fleet.started[0].end(-11)
        await fleet.until_started(3)
        fleet.started[1].hangs = True
        await supervisor.refresh()
        assert supervisor.totals().queries == {("udp", "A", "NOERROR"): 1 + 2 + 3}
        assert supervisor.totals().connections == 2
        await supervisor.close(1)

    _run(scenario())


def test_workers_are_replaced_one_by_one_and_that_is_no_restart() -> None:
    async def scenario() -> None:
        fleet = Fleet()
        supervisor = fleet.supervisor()
        supervisor.publish_image(_image(b"one"))
        await supervisor.start()
        settled: list[tuple[int, bool]] = []

        def renew(number: int) -> Callable[[bool], None]:
            return lambda taken_over: settled.append((number, taken_over))

        await supervisor.replace_all(renew, grace=1)
        assert settled == [(0, True), (1, True)]
        assert fleet.pids == (3, 4)
        assert [worker.status.done() for worker in fleet.started] == [True, True, False, False]
        assert [slot.restarts for slot in supervisor.slots] == [0, 0]
        assert supervisor.totals().queries == {("udp", "A", "NOERROR"): 1 + 2}
        await supervisor.close(1)

    _run(scenario())


def test_a_worker_whose_successor_does_not_come_up_stays(caplog: pytest.LogCaptureFixture) -> None:
    async def scenario() -> None:
        fleet = Fleet()
        supervisor = fleet.supervisor()
        supervisor.publish_image(_image(b"one"))
        await supervisor.start()
        fleet.broken = [3, OSError("no memory")]
        settled: list[bool] = []
        await supervisor.replace_all(lambda _number: settled.append, grace=1)
        assert settled == [False, False]
        assert fleet.pids == (1, 2)
        assert [worker.status.done() for worker in fleet.started[:2]] == [False, False]
        await supervisor.close(1)

    _run(scenario())
    assert [vars(record)["worker"] for record in caplog.records] == [0, 1]


def test_a_worker_that_says_nothing_any_more_is_replaced(caplog: pytest.LogCaptureFixture) -> None:
    async def scenario() -> None:
        fleet = Fleet()
        supervisor = fleet.supervisor()
        supervisor.publish_image(_image(b"one"))
        await supervisor.start()
        fleet.started[0].hangs = True
        await supervisor.refresh()
        assert len(fleet.started) == 2, "one silence is not enough"
        await supervisor.refresh()
        await fleet.until_started(3)
        await supervisor.close(1)

    _run(scenario())
    assert caplog.records[0].message == "worker is stuck, ending it"
    assert vars(caplog.records[0])["worker"] == 0


def test_demand_is_that_of_the_workers_that_answer() -> None:
    async def scenario() -> None:
        fleet = Fleet()
        supervisor = fleet.supervisor()
        supervisor.publish_image(_image(b"one"))
        await supervisor.start()
        fleet.started[0].hangs = True
        found = await supervisor.demand()
        assert [demand.queries for demand in found] == [{("web",): {2: 5}}]
        await supervisor.close(1)

    _run(scenario())
