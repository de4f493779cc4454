"""Lets one event of a kind through per interval: others must not make a log without end."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable


class Sparing:
    """At most one of each kind in ``interval`` seconds, of at most ``most`` kinds at a time.

    Where there are more kinds, none of a new kind is let through until an interval is over.
    """

    def __init__(
        self, clock: Callable[[], float], *, interval: float = 60.0, most: int = 100
    ) -> None:
        self._clock = clock
        self._interval = interval
        self._most = most
        self._passed: OrderedDict[Hashable, float] = OrderedDict()
        self._held: dict[Hashable, int] = {}

    def passes(self, kind: Hashable) -> int | None:
        """How many of its kind were held back before this one, which passes; None: so is this."""
        now = self._clock()
        while self._passed and now - next(iter(self._passed.values())) >= self._interval:
            self._passed.popitem(last=False)
        if kind in self._passed or len(self._passed) >= self._most:
            if kind in self._held or len(self._held) < self._most:
                self._held[kind] = self._held.get(kind, 0) + 1
            return None
        self._passed[kind] = now
        return self._held.pop(kind, 0)
