"""The watermark curve, and where a load comes to rest on it. Pure.

Shedding is a loop: availability decides the load, and the load the availability. Put plainly, with
``availability = curve(utilisation)`` at every report, the loop's gain is the steepness of the curve
times the demand, 3 to 10 for usual watermarks: it swings between all and nothing. So the curve is
not followed from report to report; the point is solved for where following it would end. Of an
endpoint that is used at ``u`` while clients follow an availability ``a``, the demand (the use that
it would have at availability 1) is ``u / a``; at that demand it comes to rest where
``a = curve(a * demand)``. That equation has one solution, and the demand doesn't depend on what we
do, so that the loop's gain is near 0 where the load follows the availability in proportion.
"""

from __future__ import annotations

from typing import NamedTuple


class Watermarks(NamedTuple):
    """Shares of the capacity, 0 <= ``low`` < ``high``."""

    low: float
    high: float


def curve(utilisation: float, marks: Watermarks) -> float:
    """The availability at a utilisation: 1 up to ``low``, 0 from ``high``, linear between."""
    return min(1.0, max(0.0, (marks.high - utilisation) / (marks.high - marks.low)))


def at_rest(demand: float, marks: Watermarks) -> float:
    """The availability ``a`` with ``a = curve(a * demand)``: from 1, and above 0 for any demand.

    ``demand`` is the utilisation that availability 1 would bring, at least 0.
    """
    if demand <= marks.low:
        return 1.0
    return marks.high / (marks.high - marks.low + demand)
