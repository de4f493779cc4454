"""How the availability zones of one region share its clients, by what is measured. Pure.

An endpoint's factor multiplies its weight inside its region. The mean of a region's factors is 1,
each is from 1/4 to 4, and they change together, when one of them would change by more than a dead
band. As with shedding, what is measured depends on the factor that clients follow by now, and the
factor must not chase it:

- **by load**, factors are in proportion to the free capacity that is left when clients follow them.
  Solved for, as ``watermarks`` does: an endpoint that is used at ``u`` while clients follow ``f``
  has the need ``u / f``, which doesn't depend on us.
- **by response time**, factors are inverse to the time. How a time depends on the factor nobody
  knows, so each step goes half of the way, on the scale of ratios: stable as long as a time grows
  by less than the cube of its clients' share.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import sqrt
from statistics import fmean
from typing import NamedTuple

from geodns.load.damping import STEPS, smoothed

LOWEST, HIGHEST = 0.25, 4.0
_DEAD_BAND = 0.06  # of a factor
_ROUNDS, _NEAR = 50, 1e-6  # of halving an interval, until the mean is so near to 1
_LEAST = 1e-3  # of a capacity; needs below are alike
_SHORTEST = 1e-4  # seconds; times below are alike


class Dial(NamedTuple):
    """One endpoint's factor.

    ``seen`` is what is measured, smoothed: by load the need (utilisation per unit of factor), by
    response time seconds; None: nothing yet, which is taken as what the others have. ``sampled`` is
    the age of its last sample. ``position`` is where the factor stands, ``published`` what goes
    out, at most a dead band away, and ``followed`` the position that the clients of now act on.
    """

    seen: float | None = None
    sampled: float = 0.0
    followed: float = 1.0
    position: float = 1.0
    published: float = 1.0

    def load(self, utilisation: float, smoothing: float) -> Dial:
        """Take a report, load over capacity."""
        return self._sample(utilisation / self.followed, smoothing)

    def time(self, seconds: float, smoothing: float) -> Dial:
        """Take a response time."""
        return self._sample(max(seconds, _SHORTEST), smoothing)

    def forget(self) -> Dial:
        """The measurements went silent."""
        return self._replace(seen=None, sampled=0.0)

    def _sample(self, value: float, smoothing: float) -> Dial:
        seen = smoothed(self.seen, value, self.sampled, smoothing)
        return self._replace(seen=seen, sampled=0.0)


Wanted = Callable[[Sequence[Dial]], list[float]]
"""From the dials of one region's endpoints to their factors, mean 1."""


def advance(
    dials: Mapping[str, Dial], wanted: Wanted, seconds: float, lag: float
) -> dict[str, Dial]:
    """The dials of a service's endpoints in one region, ``seconds`` later.

    ``lag`` is the time constant by which clients follow.
    """
    targets = wanted(list(dials.values()))
    pairs = list(zip(dials.values(), targets, strict=True))
    # All or none: single changes would leave the mean.
    news = any(abs(target / dial.published - 1) > _DEAD_BAND for dial, target in pairs)
    return {
        id: dial._replace(
            sampled=dial.sampled + seconds,
            followed=smoothed(dial.followed, dial.position, seconds, lag),
            position=target,
            published=round(target * STEPS) / STEPS if news else dial.published,
        )
        for id, (dial, target) in zip(dials, pairs, strict=True)
    }


def by_load(capacities: Sequence[float | None], dials: Sequence[Dial]) -> list[float]:
    """Factors in proportion to the free capacity once clients follow them.

    A capacity of None is taken as the mean of the others. Where the region is full, and none has
    free capacity left, all become equally full.
    """
    known = [dial.seen for dial in dials if dial.seen is not None]
    if not known:
        return [1.0] * len(dials)
    given = [capacity for capacity in capacities if capacity is not None]
    mean = fmean(given) if given else 1.0
    sizes = [1.0 if capacity is None else capacity / mean for capacity in capacities]
    needs = [max(_LEAST, fmean(known) if d.seen is None else d.seen) for d in dials]

    def at(scale: float) -> list[float]:
        # f = scale * size * (1 - f * need): free capacity, used at f times the need.
        return [scale * s / (1 + scale * s * need) for s, need in zip(sizes, needs, strict=True)]

    if fmean(min(HIGHEST, max(LOWEST, 1 / need)) for need in needs) <= 1:
        return _scaled([1 / need for need in needs])
    return _with_mean_one(at)


def by_response_time(dials: Sequence[Dial]) -> list[float]:
    """Factors inverse to the times, approached by half of the way from those that are followed."""
    known = [dial.seen for dial in dials if dial.seen is not None]
    if not known:
        return [1.0] * len(dials)
    times = [fmean(known) if dial.seen is None else dial.seen for dial in dials]
    inverse = _scaled([1 / time for time in times])
    return _scaled([sqrt(dial.followed * v) for dial, v in zip(dials, inverse, strict=True)])


def _scaled(values: list[float]) -> list[float]:
    return _with_mean_one(lambda scale: [scale * value for value in values])


def _with_mean_one(at: Callable[[float], list[float]]) -> list[float]:
    """The values at the scale where their mean is 1, each within its bounds; they grow with it."""

    def bounded(scale: float) -> list[float]:
        return [min(HIGHEST, max(LOWEST, value)) for value in at(scale)]

    low, high = -40.0, 40.0  # powers of two
    found = bounded(1.0)
    for _ in range(_ROUNDS):
        excess = fmean(found) - 1
        if abs(excess) < _NEAR:
            break
        middle = (low + high) / 2
        found = bounded(2.0**middle)
        low, high = (middle, high) if fmean(found) < 1 else (low, middle)
    return found
