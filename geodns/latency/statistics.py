"""Weighted medians of many groups at once, how sure they are, and how well others would do."""

from __future__ import annotations

from dataclasses import dataclass, fields
from math import erf
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

#: The standard error of a median, in interquartile ranges over the root of the sample size: that of
#: a mean of normal values (a range is 1.349 standard deviations), times the root of pi / 2.
ERROR_OF_MEDIAN = 1.2533 / 1.349
#: Few samples may agree by chance, so their spread is mixed with a usual one: as if PRIOR_SAMPLES
#: more had an interquartile range of PRIOR_SPREAD of the median.
PRIOR_SAMPLES = 5.0
PRIOR_SPREAD = 0.2

_SMALLEST_SHARE = 1e-9  # of a group's weight: two sums that are closer are equal


@dataclass(frozen=True)
class Summary:
    """Figures of g groups, each array of shape (g,), ``group`` ascending.

    ``count`` are measurements; ``effective`` is the number of equally weighted ones that would say
    as much (Kish 1965: the square of the sum of weights over the sum of their squares). ``median``
    and ``spread`` (the interquartile range) are weighted, in ms; ``time`` is the weighted mean of
    the times of measurement. ``other`` is the weighted mean of what others expected; ``own_error``
    and ``other_error`` are the weighted means of the distances from the median and from that; nan
    where nothing was expected.
    """

    group: NDArray[np.int64]
    count: NDArray[np.int64]
    effective: Floats
    median: Floats
    spread: Floats
    time: Floats
    other: Floats
    own_error: Floats
    other_error: Floats

    def __len__(self) -> int:
        return len(self.group)

    def take(self, which: NDArray[Any]) -> Summary:
        """Only some groups."""
        return Summary(*(getattr(self, column.name)[which] for column in fields(self)))

    def standard_error(self) -> Floats:
        """The standard error of each median in ms."""
        prior = PRIOR_SPREAD * self.median
        pooled = (self.effective * self.spread**2 + PRIOR_SAMPLES * prior**2) / (
            self.effective + PRIOR_SAMPLES
        )
        return np.asarray(ERROR_OF_MEDIAN * np.sqrt(pooled / self.effective))


def summarise(
    group: NDArray[np.integer[Any]],
    value: NDArray[np.floating[Any]],
    weight: Floats,
    time: NDArray[Any],
    expected: NDArray[np.floating[Any]],
    least: int,
) -> Summary:
    """The groups with at least ``least`` measurements; all arguments but that of shape (n,).

    Groups below 0 are left out; values are at least 0 and weights above 0.
    """
    # Positive floats sort as their bits do, so that one sort orders by group, then by value.
    bits = np.ascontiguousarray(value, dtype=np.float32).view(np.uint32)
    order = np.argsort(((group.astype(np.int64) + 1) << 32) | bits)
    order = order[np.searchsorted(group[order], 0, "left") :]
    sorted_group = group[order]
    starts = np.flatnonzero(np.diff(sorted_group, prepend=-1))
    ends = np.append(starts[1:], len(order))
    enough = ends - starts >= least
    starts, ends = starts[enough], ends[enough]
    values = value[order].astype(np.float64)
    weights = weight[order]
    expectations = expected[order].astype(np.float64)
    # Sums from each start to the next would take in groups that are too small in between.
    bounds = np.stack([starts, ends], axis=1).ravel()

    def total(column: Floats) -> Floats:
        if not len(starts):
            return np.zeros(0)
        padded = np.append(column, 0.0)
        return np.add.reduceat(padded, bounds)[::2]

    whole = total(weights)
    running = np.concatenate([[0.0], np.cumsum(weights)])

    def quantile(share: float) -> Floats:
        return _quantile(share, values, running, starts, ends, whole)

    median = quantile(0.5)
    spread_out = np.repeat(median, ends - starts)
    inside = np.repeat(starts, ends - starts) + _within(ends - starts)
    distance = np.zeros(len(order))
    distance[inside] = np.abs(values[inside] - spread_out)
    return Summary(
        group=sorted_group[starts].astype(np.int64),
        count=(ends - starts).astype(np.int64),
        effective=whole**2 / total(weights**2),
        median=median,
        spread=quantile(0.75) - quantile(0.25),
        time=total(weights * time[order].astype(np.float64)) / whole,
        other=total(weights * expectations) / whole,
        own_error=total(weights * distance) / whole,
        other_error=total(weights * np.abs(values - expectations)) / whole,
    )


def confidence(summary: Summary, tolerance: Floats) -> Floats:
    """The probability that the true median is within ``tolerance`` ms of the one measured.

    As if errors were normal; they are of chance alone.
    """
    ratio = tolerance / (np.maximum(summary.standard_error(), 1e-9) * np.sqrt(2))
    return np.array([erf(value) for value in ratio], dtype=np.float64)


def _quantile(
    share: float,
    values: Floats,
    running: Floats,
    starts: NDArray[np.int64],
    ends: NDArray[np.int64],
    whole: Floats,
) -> Floats:
    """The first value up to which a share of a group's weight lies.

    Where a value ends exactly there, the mean of it and the next: for equal weights and a half,
    that is the usual median.
    """
    if not len(starts):
        return np.zeros(0)
    slack = whole * _SMALLEST_SHARE
    goal = running[starts] + share * whole
    first = np.clip(np.searchsorted(running, goal - slack, "left") - 1, starts, ends - 1)
    exact = np.abs(running[first + 1] - goal) <= slack
    following = np.minimum(first + 1, ends - 1)
    return np.where(exact, (values[first] + values[following]) / 2, values[first])


def _within(lengths: NDArray[np.int64]) -> NDArray[np.int64]:
    """0, 1, 2, ... for each length, one after the other."""
    offsets = np.cumsum(lengths) - lengths
    return np.arange(lengths.sum()) - np.repeat(offsets, lengths)
