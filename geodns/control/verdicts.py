"""Keeps the verdicts of health checking in the store, so that a restart goes on from them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from geodns.control.store import Store
from geodns.health.memory import Names, Rows
from geodns.health.plan import Plan

logger = logging.getLogger(__name__)

_TOGETHER = 0.2  # seconds: when a region fails, its verdicts are written in a few transactions
WATCHED_EVERY = 30.0  # seconds: by so much may their age be taken for more than it is


class Verdicts:
    """``wall`` tells the time in seconds since 1970. Used in the event loop."""

    def __init__(self, store: Store, wall: Callable[[], float]) -> None:
        self._store = store
        self._wall = wall
        self._rows: dict[str, str] = {}
        self._timer: asyncio.TimerHandle | None = None

    def recalled(self, keep: float) -> Rows:
        """What an earlier process knew, if it ended no longer than ``keep`` seconds ago."""
        rows, watched = self._store.verdicts()
        age = self._wall() - watched
        if not rows or not 0 <= age <= keep:  # a clock that was set back tells no age
            return {}
        logger.info(
            "going on from the last known verdicts",
            extra={"verdicts": len(rows), "seconds": round(age, 1)},
        )
        return rows

    def take(self, rows: Rows) -> None:
        """Write these down, very soon."""
        self._rows.update(rows)
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(_TOGETHER, self.write)

    def write(self) -> None:
        """Write down what was taken, and that all verdicts hold until now."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None
        rows, self._rows = self._rows, {}
        self._store.keep_verdicts(rows, self._wall())

    def drop_strangers(self, plan: Plan) -> None:
        """Forget what is no longer asked for."""
        self._store.drop_verdicts(set(Names.all(plan)))

    async def keep_watching(self) -> None:
        """Write down again and again that the verdicts hold."""
        while True:
            await asyncio.sleep(WATCHED_EVERY)
            self.write()
