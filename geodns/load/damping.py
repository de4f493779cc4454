"""What keeps a number calm: smoothing, a limited speed, and steps with a dead band. Pure."""

from __future__ import annotations

import math

STEPS = 64
"""What goes out are multiples of 1/64: finer steps would change answers for nobody's good."""

_DEAD_BAND = 2 / STEPS


def smoothed(before: float | None, value: float, seconds: float, time_constant: float) -> float:
    """An exponentially weighted average of irregular samples.

    ``seconds`` passed since ``before`` was made; after ``time_constant`` of them, 63 % of a step is
    in. None is no average yet: the first sample is it.
    """
    if before is None or time_constant <= 0:
        return value
    return before + (value - before) * -math.expm1(-max(0.0, seconds) / time_constant)


def limited(before: float, wanted: float, seconds: float, fall: float, rise: float) -> float:
    """As near to ``wanted`` as the speed allows.

    ``fall`` and ``rise`` are the seconds that the way between 1 and 0 takes at least.
    """
    down = before - seconds / fall if fall > 0 else wanted
    up = before + seconds / rise if rise > 0 else wanted
    return min(max(wanted, down), up)


def stepped(published: float, value: float) -> float:
    """What goes out for a value from 0 to 1: the former, unless the value has left its dead band.

    The ends are reached from half a step away, so that an endpoint that needs not shed any more is
    fully back, and one that stays overloaded fully out.
    """
    if min(value, 1 - value) <= 0.5 / STEPS:
        return float(value > 0.5)
    if abs(value - published) <= _DEAD_BAND:
        return published
    return min(STEPS - 1, max(1, round(value * STEPS))) / STEPS
