"""The event log as control fills it: what happens in one turn of the loop is written together."""

from __future__ import annotations

import asyncio
import time

from geodns.control.reloader import Reload
from geodns.control.store import Event, Store
from geodns.health.monitor import Moved
from geodns.health.turn import Turn


class EventLog:
    """Events wait until there is a store, and for the end of the turn in which they come."""

    def __init__(self) -> None:
        self.store: Store | None = None
        self._waiting: list[Event] = []
        self._last_reload: Reload | None = None

    def add(self, event: Event) -> None:
        """Something has happened."""
        if not self._waiting:
            asyncio.get_running_loop().call_soon(self.write)
        self._waiting.append(event)

    def add_turn(self, turn: Turn, moved: Moved) -> None:
        """A verdict has changed."""
        at, why = time.time(), "health checks"
        self.add(Event(at, turn.kind, turn.id, turn.became, why, turn.reason, moved))

    def add_reload(self, reload: Reload | None, subject: str) -> None:
        """A reload has ended; the same one counts once."""
        if reload is None or reload is self._last_reload:
            return
        self._last_reload = reload
        what, why = ("refused", reload.error or "") if not reload.ok else ("done", "")
        self.add(Event(reload.at + reload.seconds, "reload", subject, what, reload.reason, why))

    def write(self) -> None:
        """Write down what waits."""
        if self._waiting and self.store is not None:
            self.store.add(*self._waiting)
            self._waiting.clear()
