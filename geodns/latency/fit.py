"""Fits the estimate to what was measured, and says how wrong it is about what it has not seen.

A line for everybody, and one for each continent of clients and region, drawn towards the first
where little was measured. Errors count relative to the figure, and far ones count less (Huber
1964), so that neither long distances nor single odd places decide.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from geodns.latency.estimate import DEFAULT, DEFAULT_LINE, Estimate, Line

Floats = NDArray[np.float64]

LEAST_SPOTS = 10  # places with figures; below that there is no fit
FOLDS = 5  # parts; each is held out once
_LEAST_IN_CELL = 5
_ROUNDS = 25
_HUBER = 1.345  # 95% as efficient as least squares where errors are normal
_SMALLEST_SCALE = 0.02
#: A cell's line counts as many figures that lie on the line for everybody, at these distances.
_PRIOR_WEIGHT = 10.0
_PRIOR_KM = np.array([200.0, 1500.0, 5000.0, 12000.0])


@dataclass(frozen=True)
class Points:
    """p measured figures, each array of shape (p,).

    ``ms`` over ``km``, from a spot (a place on earth) on a continent to a region; the latter two
    are positions in ``continents`` and ``regions``.
    """

    km: Floats
    ms: Floats
    spot: NDArray[np.int64]
    continent: NDArray[np.int64]
    region: NDArray[np.int64]
    continents: tuple[str | None, ...]
    regions: tuple[str, ...]

    def take(self, which: NDArray[Any]) -> Points:
        """Only some points."""
        columns = {name: getattr(self, name)[which] for name in _COLUMNS}
        return Points(**columns, continents=self.continents, regions=self.regions)

    def __len__(self) -> int:
        return len(self.km)


_COLUMNS = tuple(field.name for field in fields(Points))[:5]


class Errors(NamedTuple):
    """How far estimates are from figures that they were not made from.

    The median in ms, the median relative to the figure, and the 90th percentile of both.
    """

    median_ms: float
    median_share: float
    p90_ms: float
    p90_share: float


class Validation(NamedTuple):
    """The errors of a fit on ``points`` held-out figures of ``spots`` places, and the default's."""

    points: int
    spots: int
    fitted: Errors
    default: Errors


def fit(points: Points) -> Estimate | None:
    """The fitted estimate; None where fewer than LEAST_SPOTS places were measured."""
    if len(np.unique(points.spot)) < LEAST_SPOTS:
        return None
    everywhere = _line(points.km, points.ms, DEFAULT_LINE, prior=False)
    cells: dict[tuple[str, str], Line] = {}
    code = points.continent * len(points.regions) + points.region
    order = np.argsort(code, kind="stable")
    numbers, starts = np.unique(code[order], return_index=True)
    for number, rows in zip(numbers, np.split(order, starts[1:]), strict=True):
        continent = points.continents[number // len(points.regions)]
        if continent is None or len(rows) < _LEAST_IN_CELL:
            continue
        region = points.regions[number % len(points.regions)]
        cells[continent, region] = _line(points.km[rows], points.ms[rows], everywhere, prior=True)
    return Estimate(everywhere, cells, fitted=True)


def validate(points: Points, seed: int = 0) -> Validation | None:
    """Fits without a fifth of the places, five times, each time judged by what was left out.

    Whole places are left out, with all of their regions. None where there are too few to fit.
    """
    spots = np.unique(points.spot)
    shuffled = np.random.default_rng(seed).permutation(len(spots)) % FOLDS
    part = shuffled[np.searchsorted(spots, points.spot)]
    estimated = np.full(len(points), np.nan)
    for fold in range(FOLDS):
        estimate = fit(points.take(part != fold))
        if estimate is None:
            return None
        estimated[part == fold] = estimates(estimate, points.take(part == fold))
    return Validation(
        len(points),
        len(spots),
        _errors(estimated, points.ms),
        _errors(estimates(DEFAULT, points), points.ms),
    )


def estimates(estimate: Estimate, points: Points) -> Floats:
    """What an estimate says of each point, ms."""
    by_region = np.repeat(points.km[:, None], len(points.regions), axis=1)
    every = estimate.milliseconds(by_region, points.continent, points.continents, points.regions)
    return np.asarray(every[np.arange(len(points)), points.region])


def _errors(estimated: Floats, ms: Floats) -> Errors:
    wrong = np.abs(estimated - ms)
    share = wrong / np.maximum(ms, 1.0)
    return Errors(*(float(np.quantile(column, q)) for q in (0.5, 0.9) for column in (wrong, share)))


def _line(km: Floats, ms: Floats, start: Line, *, prior: bool) -> Line:
    """The line that is nearest to the points, by relative error."""
    line = start
    size = np.maximum(start.at(km), 1.0)
    prior_size = np.maximum(start.at(_PRIOR_KM), 1.0)
    for _ in range(_ROUNDS):
        wrong = (ms - line.at(km)) / size
        scale = max(1.4826 * float(np.median(np.abs(wrong))), _SMALLEST_SCALE)
        trust = np.minimum(1.0, _HUBER * scale / np.maximum(np.abs(wrong), 1e-12)) / size**2
        x, y, weight = km, ms, trust
        if prior:
            x = np.concatenate([km, _PRIOR_KM])
            y = np.concatenate([ms, start.at(_PRIOR_KM)])
            pull = _PRIOR_WEIGHT / len(_PRIOR_KM) / prior_size**2
            weight = np.concatenate([trust, pull])
        before, line = line, _least_squares(x, y, weight)
        if np.allclose(before, line, rtol=1e-6, atol=1e-9):
            break
    return line


def _least_squares(x: Floats, y: Floats, weight: Floats) -> Line:
    """The weighted least squares line whose base and slope are not negative."""
    total = float(weight.sum())
    x_mean, y_mean = float((weight * x).sum() / total), float((weight * y).sum() / total)
    across = float((weight * (x - x_mean) ** 2).sum())
    slope = float((weight * (x - x_mean) * (y - y_mean)).sum()) / across if across > 0 else 0.0
    base = y_mean - slope * x_mean
    if slope < 0:
        return Line(y_mean, 0.0)
    if base < 0:
        squares = float((weight * x * x).sum())
        return Line(0.0, float((weight * x * y).sum()) / squares)
    return Line(base, slope)
