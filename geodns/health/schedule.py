"""When probes start: each target at its own interval, with jitter, and not too many at once."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Hashable, Mapping
from dataclasses import dataclass
from random import Random
from typing import Generic, NamedTuple, TypeVar

from geodns.health.clock import Clock, Timer
from geodns.health.probe import Result

logger = logging.getLogger(__name__)

_JITTER = 0.1  # of the interval, either way: targets that start together drift apart
_FIRST_WITHIN = 1.0  # seconds over which first probes are spread
# Half of the usual soft limit of 1024 open files. Targets that fail wait in a lane of their own:
# a region that hangs till every timeout must not delay the news from those that are well.
_SLOTS, _SLOTS_OF_FAILING = 400, 100

Key = TypeVar("Key", bound=Hashable)


class Job(NamedTuple):
    """What to run, and every how many seconds.

    ``haste`` is asked after each result for another number of seconds until the next probe; None:
    the interval.
    """

    probe: Callable[[], Awaitable[Result]]
    interval: float
    haste: Callable[[], float | None] = lambda: None


@dataclass(slots=True, eq=False)
class _Entry(Generic[Key]):
    key: Key
    job: Job
    failing: bool = False
    stopped: bool = False
    timer: Timer | None = None
    task: asyncio.Task[None] | None = None


class _Lane(Generic[Key]):
    """At most ``slots`` entries run at once; the others wait in order."""

    def __init__(self, slots: int, start: Callable[[_Entry[Key], _Lane[Key]], None]) -> None:
        self._free = slots
        self._start = start
        self._waiting: deque[_Entry[Key]] = deque()

    def enter(self, entry: _Entry[Key]) -> None:
        self._waiting.append(entry)
        self._admit()

    def leave(self) -> None:
        self._free += 1
        self._admit()

    def _admit(self) -> None:
        while self._free and self._waiting:
            entry = self._waiting.popleft()
            if not entry.stopped:
                self._free -= 1
                self._start(entry, self)


class Scheduler(Generic[Key]):
    """Runs jobs again and again; the probes of one key never overlap.

    The next probe starts ``interval`` (±10 %) after the start of the one before, or at once when
    that one took longer. ``report`` gets every result; never that of a job which was taken out.
    """

    def __init__(
        self,
        clock: Clock,
        random: Random,
        report: Callable[[Key, Result], None],
        *,
        slots: int = _SLOTS,
        slots_of_failing: int = _SLOTS_OF_FAILING,
    ) -> None:
        self._clock = clock
        self._random = random
        self._report = report
        self._entries: dict[Key, _Entry[Key]] = {}
        self._lane = _Lane(slots, self._start)
        self._failing_lane = _Lane(slots_of_failing, self._start)
        self._ending: set[asyncio.Task[None]] = set()

    def put(self, jobs: Mapping[Key, Job]) -> None:
        """Run exactly these from now on. A key that stays keeps its time, with its new job."""
        for key in self._entries.keys() - jobs.keys():
            self._stop(self._entries.pop(key))
        for key, job in jobs.items():
            entry = self._entries.get(key)
            if entry is None:
                entry = self._entries[key] = _Entry(key, job)
                spread = self._random.uniform(0, min(job.interval, _FIRST_WITHIN))
                self._wait(entry, self._clock.now() + spread)
            entry.job = job

    async def stop(self) -> None:
        """Take all jobs out; no probe is under way any more when this returns."""
        self.put({})
        while self._ending:
            await asyncio.wait(self._ending)

    def _wait(self, entry: _Entry[Key], when: float) -> None:
        entry.timer = self._clock.call_at(when, lambda: self._due(entry))

    def _due(self, entry: _Entry[Key]) -> None:
        entry.timer = None
        (self._failing_lane if entry.failing else self._lane).enter(entry)

    def _start(self, entry: _Entry[Key], lane: _Lane[Key]) -> None:
        task = asyncio.get_running_loop().create_task(self._run(entry))
        entry.task = task
        self._ending.add(task)

        def ended(_: asyncio.Task[None]) -> None:
            self._ending.discard(task)
            lane.leave()

        task.add_done_callback(ended)

    async def _run(self, entry: _Entry[Key]) -> None:
        start = self._clock.now()
        try:
            result = await entry.job.probe()
        except Exception as error:  # a faulty prober must neither end the probing nor judge anyone
            logger.exception("a probe failed by itself", extra={"target": str(entry.key)})
            result = Result(False, 0.0, f"not probed: {type(error).__name__}", conclusive=False)
        if entry.stopped:
            return
        entry.task = None
        entry.failing = not result.ok
        try:
            self._report(entry.key, result)
        finally:
            if not entry.stopped:
                # After the report: by then it is known whether the result has left any doubt.
                interval = entry.job.haste() or entry.job.interval
                pause = interval * self._random.uniform(1 - _JITTER, 1 + _JITTER)
                self._wait(entry, max(self._clock.now(), start + pause))

    def _stop(self, entry: _Entry[Key]) -> None:
        entry.stopped = True
        if entry.timer is not None:
            entry.timer.cancel()
        if entry.task is not None:
            entry.task.cancel()
