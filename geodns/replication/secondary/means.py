"""What all zones that are copied share: the keeper, the time, and how much there may be at once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from geodns.health.clock import Clock
from geodns.replication.inbound import Changed, Keeper, Limits, Primary
from geodns.sparing import Sparing


@dataclass
class Means:
    """``chance`` gives numbers from 0 up to 1."""

    keeper: Keeper
    changed: Changed
    clock: Clock
    chance: Callable[[], float]
    folder: Path
    sparing: Sparing
    limits: Limits = field(default_factory=Limits)
    questions: asyncio.Semaphore = field(init=False)
    _transfers: asyncio.Semaphore = field(init=False)
    _by_address: dict[str, asyncio.Semaphore] = field(init=False)

    def __post_init__(self) -> None:
        self.limit(self.limits)

    def limit(self, limits: Limits) -> None:
        """Take these limits; what is under way goes on by the former ones."""
        self.limits = limits
        self.questions = asyncio.Semaphore(limits.questions)
        self._transfers = asyncio.Semaphore(limits.transfers)
        self._by_address = {}

    @asynccontextmanager
    async def transfer(self, primary: Primary) -> AsyncIterator[None]:
        """Room for one transfer. A primary that is slow leaves some to the others."""
        limits = self.limits
        most = min(limits.per_primary, max(1, limits.transfers - 1))
        own = self._by_address.setdefault(primary.address, asyncio.Semaphore(most))
        async with own, self._transfers:
            yield
