"""Keeps the workers running, and each of them at the current image and availability."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from collections.abc import Awaitable, Callable
from contextlib import suppress

from geodns.control.slot import Slot, Worker, WorkerError
from geodns.control.totals import Counts, Totals
from geodns.errors import GeodnsError
from geodns.health.availability import Availability
from geodns.server.channel import Demand

logger = logging.getLogger(__name__)

_QUICK = 5.0  # seconds: a worker that ends sooner has a reason that will likely still be there
_FIRST_DELAY, _LONGEST_DELAY = 0.1, 10.0  # seconds; the delay doubles with every quick end
_POLL = 0.01  # seconds between two looks at what a worker has acknowledged
_ANSWER = 1.0  # seconds that a worker has to tell its statistics
_STUCK = 30.0  # seconds of silence after which a worker is taken for stuck: reading the largest
# image takes a few, beside which it still answers


class Supervisor:
    """The workers of one control process.

    ``start_worker`` starts the process for a slot; ``changed`` is told the process ids whenever
    they change; a worker that says nothing for ``stuck`` seconds is replaced. The image is the file
    descriptor of a written image, which this object then owns.
    """

    def __init__(
        self,
        start_worker: Callable[[int], Awaitable[Worker]],
        workers: int,
        changed: Callable[[tuple[int, ...]], None],
        *,
        stuck: float = _STUCK,
    ) -> None:
        self.slots = tuple(Slot(number) for number in range(workers))
        self.generation = 0
        self._start_worker = start_worker
        self._changed = changed
        self._stuck = stuck
        self._image: int | None = None
        self._availability: Availability | None = None
        self._ended = Totals()
        self._closing = asyncio.Event()
        self._keepers: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Start all workers; returns when they use the published image. Raises WorkerError."""
        try:
            await asyncio.gather(*(self._spawn(slot) for slot in self.slots))
            await asyncio.gather(*(self._first_ready(slot) for slot in self.slots))
        except OSError as error:
            raise WorkerError(f"a worker can't be started: {error}") from error
        self._keepers = [asyncio.create_task(self._keep(slot)) for slot in self.slots]

    @property
    def image(self) -> int:
        """The file descriptor of the image that was published last."""
        assert self._image is not None
        return self._image

    def publish_image(self, image: int) -> int:
        """Give every worker a new image; returns its generation."""
        if self._image is not None:
            os.close(self._image)
        self._image = image
        self.generation += 1
        for slot in self.slots:
            self._send_image(slot)
        return self.generation

    def publish_availability(self, availability: Availability) -> None:
        """Give every worker a new availability, now."""
        self._availability = availability
        for slot in self.slots:
            self._send_availability(slot)

    def pids(self) -> tuple[int, ...]:
        """The process ids of the running workers."""
        return tuple(slot.worker.pid for slot in self.slots if slot.worker is not None)

    async def acknowledged(self, generation: int, limit: float) -> bool:
        """Whether every running worker uses this image or a later one, within ``limit`` seconds."""
        with suppress(TimeoutError):
            async with asyncio.timeout(limit):
                while not all(
                    slot.worker is None or slot.worker.image_generation >= generation
                    for slot in self.slots
                ):
                    await asyncio.sleep(_POLL)
                return True
        return False

    async def refresh(self) -> None:
        """Ask every worker what it has counted; one that does not answer keeps its last counts."""
        await asyncio.gather(*(self._refresh(slot) for slot in self.slots))

    async def demand(self) -> list[Demand]:
        """Whose queries each worker has answered; without those that do not say."""
        workers = [slot.worker for slot in self.slots if slot.worker is not None]
        asked = (worker.demand() for worker in workers)
        found = await asyncio.gather(*asked, return_exceptions=True)
        return [answer for answer in found if isinstance(answer, Demand)]

    def totals(self) -> Totals:
        """What all workers, former ones included, had counted at the last refresh."""
        totals = Totals()
        totals.add_ended(self._ended)
        for slot in self.slots:
            totals.add(slot.counts)
        return totals

    async def replace_all(
        self, renew: Callable[[int], Callable[[bool], None]], grace: float, limit: float = 30.0
    ) -> None:
        """Replace the workers one by one, each only when its successor answers.

        ``renew`` prepares a slot for its next worker (new sockets: a worker that stops shuts those
        that it has) and returns what is then told whether that worker took over: the former
        preparation is given up, or the new one.
        """
        for slot in self.slots:
            if slot.worker is None or self._closing.is_set():
                continue  # the next worker of this slot is of the new kind anyway
            slot.replacing = True
            try:
                await self._replace(slot, renew(slot.number), grace, limit)
            except (GeodnsError, OSError) as error:
                reason = str(error) or f"its successor was not ready after {limit:g} s"
                logger.error(  # noqa: TRY400 - the sentence says it all
                    "a worker can't be replaced, it runs on as it is",
                    extra={"worker": slot.number, "reason": reason},
                )
            finally:
                slot.replacing = False

    async def close(self, grace: float) -> None:
        """Stop all workers: what is in flight is answered first, for at most ``grace`` seconds."""
        self._closing.set()
        running = [slot.worker for slot in self.slots if slot.worker is not None]
        await asyncio.gather(*(worker.stop(grace) for worker in running))
        await asyncio.gather(*self._keepers)
        for slot in self.slots:
            slot.take_back()
        if self._image is not None:
            os.close(self._image)
            self._image = None
        self._changed(())

    # --- one slot -------------------------------------------------------------------------------

    async def _spawn(self, slot: Slot) -> None:
        self._install(slot, await self._start_worker(slot.number))
        self._send_image(slot)

    def _install(self, slot: Slot, worker: Worker) -> None:
        slot.worker, slot.silent_since = worker, None
        slot.started = asyncio.get_running_loop().time()
        worker.on_acknowledge = lambda: slot.take_back(worker.image_generation)
        self._send_availability(slot)
        self._report()

    async def _first_ready(self, slot: Slot) -> None:
        assert slot.worker is not None
        await self._ready(slot.worker)

    async def _ready(self, worker: Worker) -> None:
        """Wait until a worker answers from the current image. Raises WorkerError if it ends."""
        ended = asyncio.create_task(worker.wait())
        try:
            while worker.image_generation < self.generation:
                if ended.done():
                    raise WorkerError(f"a worker {_how(ended.result())} before it was ready")
                await asyncio.sleep(_POLL)
        finally:
            ended.cancel()

    async def _replace(
        self, slot: Slot, settle: Callable[[bool], None], grace: float, limit: float
    ) -> None:
        try:
            successor = await self._successor(slot, limit)
        except BaseException:
            # What was prepared draws queries, and nobody answers them.
            settle(False)
            raise
        former = slot.worker
        self._ended.add_ended(slot.counts)
        slot.counts = Totals()
        slot.take_back()
        self._install(slot, successor)
        settle(True)
        if former is not None:
            await former.stop(grace)

    async def _successor(self, slot: Slot, limit: float) -> Worker:
        """Another worker for a slot, once it answers from the current image."""
        successor = await self._start_worker(slot.number)
        image = self._open_image()
        try:
            successor.send_image(image, self.generation)
            async with asyncio.timeout(limit):
                await self._ready(successor)
            await self._refresh(slot)
        except BaseException:
            await successor.stop(0)
            raise
        finally:
            os.close(image)
        return successor

    async def _keep(self, slot: Slot) -> None:
        while slot.worker is not None:
            worker = slot.worker
            status = await worker.wait()
            while slot.replacing and slot.worker is worker:
                await asyncio.sleep(_POLL)
            if slot.worker is not worker:
                continue
            delay = self._after_end(slot, status)
            while slot.worker is None:
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._closing.wait(), delay)
                if self._closing.is_set():
                    return
                try:
                    await self._spawn(slot)
                except OSError as error:  # no memory, no process ids: it may pass
                    delay = _LONGEST_DELAY
                    logger.error(  # noqa: TRY400 - the sentence says it all
                        "a worker can't be started",
                        extra={"worker": slot.number, "reason": str(error), "retry_in": delay},
                    )
            if self._closing.is_set():
                await slot.worker.stop(0)

    def _after_end(self, slot: Slot, status: int) -> float:
        """Take leave of a worker; returns after how many seconds to start another."""
        pid = slot.worker.pid if slot.worker else 0
        lived = asyncio.get_running_loop().time() - slot.started
        self._ended.add_ended(slot.counts)
        slot.counts = Totals()
        slot.worker = None
        slot.take_back()
        if self._closing.is_set():
            return 0.0
        self._report()
        slot.restarts += 1
        slot.quick_ends = slot.quick_ends + 1 if lived < _QUICK else 0
        delay = 0.0
        if slot.quick_ends > 1:
            delay = min(_FIRST_DELAY * 2.0 ** (slot.quick_ends - 2), _LONGEST_DELAY)
        logger.error(
            "worker ended, starting another",
            extra={"worker": slot.number, "pid": pid, "reason": _how(status), "delay": delay},
        )
        return delay

    async def _refresh(self, slot: Slot) -> None:
        worker = slot.worker
        if worker is None:
            return
        counts: Counts | None = None
        # A worker that is busy or about to end keeps the counts that it told last.
        with suppress(TimeoutError, OSError, EOFError):
            counts = await asyncio.wait_for(worker.statistics(), _ANSWER)
        now = asyncio.get_running_loop().time()
        if slot.worker is not worker:
            return
        if counts is not None:
            slot.counts, slot.silent_since = counts, None
        elif slot.silent_since is None:
            slot.silent_since = now
        elif now - slot.silent_since >= self._stuck and not slot.replacing:
            logger.error(
                "worker is stuck, ending it", extra={"worker": slot.number, "pid": worker.pid}
            )
            await worker.stop(0)

    def _send_image(self, slot: Slot) -> None:
        if slot.worker is None or self._image is None:
            return
        own = self._open_image()
        slot.lent[self.generation] = own
        with suppress(OSError):  # it has just ended; the next one in this slot gets the image
            slot.worker.send_image(own, self.generation)

    def _open_image(self) -> int:
        # A description of its own, so that no two workers share a file position.
        return os.open(f"/proc/self/fd/{self._image}", os.O_RDONLY | os.O_CLOEXEC)

    def _send_availability(self, slot: Slot) -> None:
        if slot.worker is not None and self._availability is not None:
            with suppress(OSError):  # as above
                slot.worker.send_availability(self._availability)

    def _report(self) -> None:
        self._changed(self.pids())


def _how(status: int) -> str:
    if status < 0:
        with suppress(ValueError):
            return f"was ended by {signal.Signals(-status).name}"
    return f"ended with exit status {status}"
