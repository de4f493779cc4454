"""Timers by name: each name has at most one, and setting it anew takes the former back."""

from __future__ import annotations

from collections.abc import Callable

from geodns.health.clock import Clock, Timer


class Timers:
    """On one clock."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._timers: dict[str, Timer] = {}

    def put(self, name: str, when: float | None, call: Callable[[], None]) -> None:
        """Call at ``when``, on the scale of the clock's ``now()``; None: not at all."""
        self.cancel(name)
        if when is None:
            return

        def due() -> None:
            del self._timers[name]
            call()

        self._timers[name] = self._clock.call_at(when, due)

    def has(self, name: str) -> bool:
        """Whether it is set and not due yet."""
        return name in self._timers

    def cancel(self, name: str) -> None:
        """Take it back, if it is set."""
        timer = self._timers.pop(name, None)
        if timer is not None:
            timer.cancel()

    def cancel_all(self) -> None:
        """Take all of them back."""
        for name in list(self._timers):
            self.cancel(name)
