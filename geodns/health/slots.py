"""Who may start when not all can at once: slots, of which no kind of waiter can take all."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

_MOST_OF_A_KIND = 3 / 4  # of all slots
_FEWEST = 64  # so few matter to nobody
_MOST_SPARED, _PART_SPARED = 1024, 1 / 4  # files left for everything but probes

Waiter = TypeVar("Waiter", bound=Hashable)


def slots_within(files: int) -> int:
    """How many probes may run at once where so many files may be open: each opens one."""
    return max(1, files - min(_MOST_SPARED, math.ceil(files * _PART_SPARED)))


def slots_for(needed: int) -> int:
    """How many slots let so many probes of either kind run at once."""
    return max(_FEWEST, math.ceil(needed / _MOST_OF_A_KIND))


class Slots(Generic[Waiter]):
    """Lets waiters start, in order, for as long as there are free slots.

    Those that failed last time may take three quarters of the slots, and so may the others: a
    region that hangs till every timeout doesn't hold up the news from those that are well, nor
    those the news of its recovery. ``start`` is called with a waiter and whether it is failing,
    both of which come back in ``leave``.
    """

    def __init__(self, slots: int, start: Callable[[Waiter, bool], None]) -> None:
        self._slots, self.of_a_kind = 0, 0
        self._free = 0
        self._free_of = {False: 0, True: 0}
        self._waiting: dict[bool, OrderedDict[Waiter, None]] = {
            False: OrderedDict(),
            True: OrderedDict(),
        }
        self._start = start
        self.resize(slots)

    def resize(self, slots: int) -> None:
        """Have so many slots from now on; what runs goes on even if these are fewer."""
        of_a_kind = max(1, int(slots * _MOST_OF_A_KIND))
        self._free += slots - self._slots
        for failing in self._free_of:
            self._free_of[failing] += of_a_kind - self.of_a_kind
        self._slots, self.of_a_kind = slots, of_a_kind
        self._admit()

    def enter(self, waiter: Waiter, *, failing: bool) -> None:
        """Start it, now or when its turn comes. A waiter waits only once."""
        self._waiting[failing][waiter] = None
        self._admit()

    def leave(self, *, failing: bool) -> None:
        """One that was started has ended."""
        self._free += 1
        self._free_of[failing] += 1
        self._admit()

    def withdraw(self, waiter: Waiter) -> None:
        """It is not to start any more."""
        for waiting in self._waiting.values():
            waiting.pop(waiter, None)

    def _admit(self) -> None:
        for failing, waiting in self._waiting.items():
            while waiting and self._free > 0 and self._free_of[failing] > 0:
                waiter, _ = waiting.popitem(last=False)
                self._free -= 1
                self._free_of[failing] -= 1
                self._start(waiter, failing)
