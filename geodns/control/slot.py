"""The place of one worker process, and what the control process expects of a worker."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from geodns.control.totals import Counts, Totals
from geodns.errors import GeodnsError
from geodns.health.availability import Availability
from geodns.server.channel import Demand


class Worker(Protocol):
    """A running worker process, as ``geodns.server.handle.WorkerHandle`` is one."""

    @property
    def pid(self) -> int: ...
    @property
    def image_generation(self) -> int: ...
    @property
    def availability_generation(self) -> int: ...

    on_acknowledge: Callable[[], None]

    def send_image(self, fd: int, generation: int) -> None: ...
    def send_availability(self, availability: Availability) -> None: ...
    async def statistics(self) -> Counts: ...
    async def demand(self) -> Demand: ...
    async def stop(self, grace: float) -> int: ...
    async def wait(self) -> int: ...


class WorkerError(GeodnsError):
    """A worker could not be started."""


@dataclass(eq=False)
class Slot:
    """The place of one worker; the process in it may change.

    ``started`` and ``silent_since`` are in loop time; ``lent`` are the image files on their way to
    the worker, by generation.
    """

    number: int
    worker: Worker | None = None
    started: float = 0.0
    restarts: int = 0
    quick_ends: int = 0
    replacing: bool = False
    silent_since: float | None = None
    counts: Counts = field(default_factory=Totals)
    lent: dict[int, int] = field(default_factory=dict)

    def take_back(self, generation: int | None = None) -> None:
        """Close the files that the worker has received: up to a generation, or all."""
        for lent in list(self.lent):
            if generation is None or lent <= generation:
                os.close(self.lent.pop(lent))
