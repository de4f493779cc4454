"""Measures of a course over time: how often it turned, how long something lasted. Pure."""

from __future__ import annotations

from collections.abc import Sequence


def reversals(values: Sequence[float], amplitude: float) -> int:
    """How often a course turned, counting only swings of at least ``amplitude``."""
    turns, direction, extreme = 0, 0, values[0]
    for value in values:
        moved = value - extreme
        if direction * moved > 0 or (not direction and abs(moved) >= amplitude):
            direction = direction or (1 if moved > 0 else -1)
            extreme = value
        elif direction and abs(moved) >= amplitude:
            turns, direction, extreme = turns + 1, -direction, value
    return turns


def longest(flags: Sequence[bool], step: float) -> float:
    """The longest time, in seconds, for which a flag was up without a break."""
    most = current = 0
    for flag in flags:
        current = current + 1 if flag else 0
        most = max(most, current)
    return most * step
