"""Who has not been probed yet since it is asked for: a start and a reload wait for them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from geodns.health.clock import Clock
from geodns.health.machine import State
from geodns.health.plan import TargetKey
from geodns.health.target import Target


class FirstResults:
    """Used in the event loop."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._awaited: set[TargetKey] = set()
        self._all_seen = asyncio.Event()

    def put(self, targets: Mapping[TargetKey, Target]) -> None:
        """Wait for those of these that nothing is known of, and that are probed."""
        self._awaited = {
            key
            for key, target in targets.items()
            if target.prober is not None
            and target.last is None
            and target.machine.state is State.UNKNOWN
        }
        self._all_seen.clear()
        self._look()

    def seen(self, key: TargetKey) -> None:
        """One has been probed."""
        self._awaited.discard(key)
        self._look()

    async def wait(self, limit: float) -> int:
        """Until all have been, for at most ``limit`` seconds: how many have not."""
        timer = self._clock.call_at(self._clock.now() + limit, self._all_seen.set)
        await self._all_seen.wait()
        timer.cancel()
        return len(self._awaited)

    def _look(self) -> None:
        if not self._awaited:
            self._all_seen.set()
