"""What a picture shows of an assignment: who serves each place, and what moved."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Shares = NDArray[np.float64]
"""Shape (places, groups + 1); rows add up to 1. The last group is nobody: what is left over."""

#: A group that takes less of a place than this is not drawn as sharing it: slots are 1/4096.
SHARED = 0.01

NONE = -1
_ROUNDING = 1e-5  # shares of float32 do not add up to 1 exactly


@dataclass(frozen=True, slots=True)
class Look:
    """How a place is drawn: filled with one colour, striped with another, dotted with a third.

    Numbers are of groups or of bands of latency; NONE where there are no stripes or dots.
    """

    fill: int
    stripes: int = NONE
    dots: int = NONE


@dataclass(frozen=True, slots=True, eq=False)
class Looks:
    """The looks of n places: positions, int32 (n,), in the distinct ones."""

    number: NDArray[np.int32]
    distinct: tuple[Look, ...]


def grouped(share: NDArray[np.float32], group: NDArray[np.int64], groups: int) -> Shares:
    """Shares of endpoints, shape (n, endpoints), added up over the group of each, and nobody's."""
    result = np.zeros((len(share), groups + 1))
    for endpoint, number in enumerate(group.tolist()):
        result[:, number] += share[:, endpoint]
    left = 1 - result[:, :groups].sum(axis=1)
    result[:, groups] = np.where(left < _ROUNDING, 0, left)
    return result


def expected(share: NDArray[np.float32], milliseconds: NDArray[np.float64]) -> Shares:
    """The mean latency of those whom an endpoint serves, in ms, shape (n,); nan where nobody is."""
    known = share * ~np.isnan(milliseconds)
    total = known.sum(axis=1)
    spent = (known * np.nan_to_num(milliseconds)).sum(axis=1)
    return np.where(total > 0, spent / np.maximum(total, 1e-12), np.nan)


def looks_of_groups(before: Shares, after: Shares) -> Looks:
    """The largest group fills, the second one stripes, and who served before dots."""
    first = after.argmax(axis=1)
    rest = after.copy()
    rest[np.arange(len(rest)), first] = 0
    second = np.where(rest.max(axis=1) >= SHARED, rest.argmax(axis=1), NONE)
    return _looks(first, second, before.argmax(axis=1))


def looks_of_bands(before: NDArray[np.int64], after: NDArray[np.int64]) -> Looks:
    """The band fills, and what it was before dots."""
    return _looks(after, np.full(len(after), NONE), before)


def moved(before: Shares, after: Shares) -> NDArray[np.float64]:
    """The part of each place's clients that somebody else serves, shape (n,)."""
    parts = np.maximum(before - after, 0).sum(axis=1)
    return np.where(parts < _ROUNDING, 0, parts)


def flows(before: Shares, after: Shares, weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Which weight went from which group to which, shape (groups + 1, groups + 1).

    Where several groups lose a part of a place and several gain one, what is lost is spread over
    the gains in proportion.
    """
    some = moved(before, after) > 0
    difference = after[some] - before[some]
    loss, gain = np.maximum(-difference, 0), np.maximum(difference, 0)
    parts = gain / gain.sum(axis=1, keepdims=True)
    return np.asarray(loss.T @ (parts * weights[some, None]))


def quantile(values: NDArray[np.float64], weights: NDArray[np.float64], part: float) -> float:
    """The value that a part of the weight is not above; nan where nothing is known."""
    known = ~np.isnan(values)
    if not weights[known].sum():
        return float("nan")
    order = np.argsort(values[known])
    reached = np.cumsum(weights[known][order])
    return float(values[known][order][np.searchsorted(reached, part * reached[-1])])


def _looks(fill: NDArray[np.int64], stripes: NDArray[np.int64], before: NDArray[np.int64]) -> Looks:
    dots = np.where(before == fill, NONE, before)
    rows = np.column_stack([fill, stripes, dots])
    distinct, number = np.unique(rows, axis=0, return_inverse=True)
    return Looks(
        number.reshape(-1).astype(np.int32), tuple(Look(*row) for row in distinct.tolist())
    )
