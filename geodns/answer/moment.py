"""The second that it is, as the engines are told: no packet pays for a look at a clock."""

from __future__ import annotations


class Moment:
    """``now`` is in whole seconds of Unix time. One thread writes it, any may read it."""

    __slots__ = ("now",)

    def __init__(self, now: int = 0) -> None:
        self.now = now
