"""Who has not reported for too long: one timer for each target that is told."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from typing import Generic, TypeVar

from geodns.health.clock import Clock, Timer

Key = TypeVar("Key", bound=Hashable)


class Silence(Generic[Key]):
    """Calls ``silent`` with a key that was not heard of for its time, and again each such time."""

    def __init__(self, clock: Clock, silent: Callable[[Key], None]) -> None:
        self._clock = clock
        self._silent = silent
        self._keep: dict[Key, float] = {}
        self._timers: dict[Key, Timer] = {}

    def put(self, keep: Mapping[Key, float]) -> None:
        """Watch exactly these, each with its time in seconds; one that stays keeps its timer."""
        for key in self._keep.keys() - keep.keys():
            self._timers.pop(key).cancel()
        fresh = keep.keys() - self._keep.keys()
        self._keep = dict(keep)
        for key in fresh:
            self.heard(key)

    def heard(self, key: Key) -> None:
        """Its time starts anew. A key that isn't watched is no matter."""
        if key not in self._keep:
            return
        if key in self._timers:
            self._timers[key].cancel()
        when = self._clock.now() + self._keep[key]
        self._timers[key] = self._clock.call_at(when, lambda: self._over(key))

    def _over(self, key: Key) -> None:
        self.heard(key)
        self._silent(key)
