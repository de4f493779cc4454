"""Runs probes: each target at its own interval, evenly spread, and not too many at once."""

from __future__ import annotations

import asyncio
import itertools
import logging
import math
from collections.abc import Awaitable, Callable, Hashable, Mapping
from dataclasses import dataclass
from random import Random
from typing import Generic, NamedTuple, TypeVar

from geodns.health.clock import Clock, Timer
from geodns.health.probe import Result
from geodns.health.rhythm import Rhythm
from geodns.health.slots import Slots, slots_for, slots_within

logger = logging.getLogger(__name__)

USUAL_SLOTS = slots_within(1024)  # the usual soft limit of open files
_NUMBERS = 1 << 20

Key = TypeVar("Key", bound=Hashable)


class Job(NamedTuple):
    """What to run, and every how many seconds.

    ``haste`` is asked after each result for another number of seconds until the next probe; None:
    the interval. ``busy`` is the most of its time that a probe may be under way, from 0 to 1.
    """

    probe: Callable[[], Awaitable[Result]]
    interval: float
    haste: Callable[[], float | None] = lambda: None
    busy: float = 1.0


@dataclass(slots=True, eq=False)
class _Entry(Generic[Key]):
    key: Key
    job: Job
    rhythm: Rhythm
    failing: bool = False
    stopped: bool = False
    timer: Timer | None = None
    task: asyncio.Task[None] | None = None


class Scheduler(Generic[Key]):
    """Runs jobs again and again; the probes of one key never overlap.

    The next probe starts at most ``interval`` after the start of the one before, or at once when
    that one took longer. ``report`` gets every result; never that of a job which was taken out.
    ``random`` sets where the sequence of phases begins: servers that start together with the same
    targets look at different moments. At most ``slots`` probes run at once, and no more than are
    needed.
    """

    def __init__(
        self,
        clock: Clock,
        random: Random,
        report: Callable[[Key, Result], None],
        *,
        slots: int = USUAL_SLOTS,
    ) -> None:
        self._clock = clock
        self._numbers = itertools.count(random.randrange(_NUMBERS))
        self._report = report
        self._entries: dict[Key, _Entry[Key]] = {}
        self._most = slots
        self._slots: Slots[_Entry[Key]] = Slots(slots, self._start)
        self._short = False
        self._ending: set[asyncio.Task[None]] = set()

    def put(self, jobs: Mapping[Key, Job]) -> None:
        """Run exactly these from now on. A key that stays keeps its time, with its new job."""
        for key in self._entries.keys() - jobs.keys():
            self._stop(self._entries.pop(key))
        fresh = [key for key in jobs if key not in self._entries]
        for key in fresh:
            job, rhythm = jobs[key], Rhythm(next(self._numbers), self._clock.now())
            entry = self._entries[key] = _Entry(key, job, rhythm)
            self._wait(entry, rhythm.first(job.interval, len(fresh)))
        for key, job in jobs.items():
            self._entries[key].job = job
        self._set_slots()

    async def stop(self) -> None:
        """Take all jobs out; no probe is under way any more when this returns."""
        self.put({})
        while self._ending:
            await asyncio.wait(self._ending)

    def _set_slots(self) -> None:
        """As many as are needed if nobody answers. More would let an overload grow upon itself."""
        needed = math.ceil(sum(entry.job.busy for entry in self._entries.values()))
        self._slots.resize(min(self._most, slots_for(needed)))
        short = needed > self._slots.of_a_kind
        if short and not self._short:
            logger.warning(
                "too few files may be open for all checks: if all hang at once, probes start late",
                extra={"at_once": self._slots.of_a_kind, "needed": needed},
            )
        self._short = short

    def _wait(self, entry: _Entry[Key], when: float) -> None:
        entry.timer = self._clock.call_at(when, lambda: self._due(entry))

    def _due(self, entry: _Entry[Key]) -> None:
        entry.timer = None
        self._slots.enter(entry, failing=entry.failing)

    def _start(self, entry: _Entry[Key], failing: bool) -> None:
        task = asyncio.get_running_loop().create_task(self._run(entry))
        entry.task = task
        self._ending.add(task)

        def ended(_: asyncio.Task[None]) -> None:
            self._ending.discard(task)
            self._slots.leave(failing=failing)

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
                self._wait(entry, self._next(entry, start))

    @staticmethod
    def _next(entry: _Entry[Key], start: float) -> float:
        # After the report: by then it is known whether the result has left any doubt.
        haste = entry.job.haste()
        if haste is not None:
            return start + haste
        return entry.rhythm.after(start, entry.job.interval)

    def _stop(self, entry: _Entry[Key]) -> None:
        entry.stopped = True
        self._slots.withdraw(entry)
        if entry.timer is not None:
            entry.timer.cancel()
        if entry.task is not None:
            entry.task.cancel()
