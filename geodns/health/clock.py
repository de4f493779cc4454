"""Time as health checking sees it: a clock that can be replaced by one whose time is made up."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Protocol


class Timer(Protocol):
    """A call that is due later."""

    def cancel(self) -> None:
        """Take it back; nothing happens when it was made already."""


class Clock(Protocol):
    """Tells the time and calls back when it has come."""

    def now(self) -> float:
        """Seconds since an arbitrary moment; never turns back."""

    def wall(self) -> float:
        """Seconds since 1970, for people."""

    def call_at(self, when: float, callback: Callable[[], None]) -> Timer:
        """Call back at ``when`` on the scale of ``now()``, or at once when that is past."""


class LoopClock:
    """The clock of the running event loop."""

    def now(self) -> float:
        return asyncio.get_running_loop().time()

    def wall(self) -> float:
        return time.time()

    def call_at(self, when: float, callback: Callable[[], None]) -> Timer:
        return asyncio.get_running_loop().call_at(when, callback)
