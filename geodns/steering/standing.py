"""How the units of a service stand for many clients at once: what every filter takes and gives."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from geodns.config.steering import Within

REMOVED = -1
_BEHIND_ALL = np.int16(np.iinfo(np.int16).max)
_UNKNOWN = np.finfo(np.float64).max
"""An unknown cost stands behind all known ones."""
_EDGE = 1 + 1e-12


@dataclass(frozen=True, slots=True, eq=False)
class Standing:
    """n clients and u units.

    ``tiers``, int16 of shape (n, u), says which tier a unit is in, 0 the best; REMOVED: it never
    serves the client. ``weights``, float32 of the same shape, are the shares of units in a tier,
    nan where no filter gave one; None where none gave any.
    """

    tiers: NDArray[np.int16]
    weights: NDArray[np.float32] | None = None

    @classmethod
    def start(cls, clients: int, units: int) -> Standing:
        """Every unit in one tier."""
        return cls(np.zeros((clients, units), dtype=np.int16))

    def sort(
        self,
        costs: NDArray[np.float64],
        within: Within | None,
        regions: NDArray[np.integer] | None = None,
    ) -> Standing:
        """Splits each tier by cost, lower first; unknown costs (nan) come last.

        Without ``within`` every unit is a tier of its own, and equal costs keep the order of the
        units; so do unknown ones in any case. With it, those that are within so much of a tier's
        best share that tier. Units that were given shares of a tier stay together there. So do,
        at equal or unknown costs, units of one region: ``regions``, of shape (u,), has a number for
        each unit's; None if no two units are of the same.
        """
        comparable = np.where(np.isnan(costs), _UNKNOWN, costs)
        if self.weights is not None:
            return self._sort_around_shares(comparable, self.weights, within, regions)
        order = self._order(comparable)
        if within is None and regions is None:
            tiers = np.empty_like(self.tiers)
            numbers = np.arange(tiers.shape[1], dtype=np.int16)
            np.put_along_axis(tiers, order, np.broadcast_to(numbers, tiers.shape), axis=1)
            return self._with(tiers)
        return self._cut(order, comparable, within, regions)

    def _sort_around_shares(
        self,
        costs: NDArray[np.float64],
        weights: NDArray[np.float32],
        within: Within | None,
        regions: NDArray[np.integer] | None,
    ) -> Standing:
        """Sorts what has no share; those that have one count as the best of their tier."""
        together = ~np.isnan(weights)
        costs = np.where(together, -1.0, costs)
        return self._cut(self._order(costs), costs, within, regions)

    def split(self, numbers: NDArray[np.integer]) -> Standing:
        """Splits each tier by number, lower first; shape (n, u), or (u,) for all clients alike."""
        costs = np.broadcast_to(numbers.astype(np.float64), self.tiers.shape)
        return self._cut(self._order(costs), costs, Within())

    def remove(self, gone: NDArray[np.bool_]) -> Standing:
        """Takes units out for good where ``gone``, shape (n, u) or (u,)."""
        return replace(self, tiers=np.where(gone, np.int16(REMOVED), self.tiers))

    def weigh(self, weights: NDArray[np.floating]) -> Standing:
        """Gives units shares, shape (n, u) or (u,); nan leaves what there is."""
        shaped = np.broadcast_to(weights.astype(np.float32), self.tiers.shape)
        if self.weights is not None:
            shaped = np.where(np.isnan(shaped), self.weights, shaped)
        return replace(self, weights=shaped)

    def _with(self, tiers: NDArray[np.int16]) -> Standing:
        gone = self.tiers == REMOVED
        return replace(
            self, tiers=np.where(gone, np.int16(REMOVED), tiers) if gone.any() else tiers
        )

    def _order(self, costs: NDArray[np.float64]) -> NDArray[np.intp]:
        """Units by tier, then cost, then position; removed ones last."""
        order = np.argsort(costs, axis=1, kind="stable")
        if not self.tiers.any():
            return order
        tiers = np.take_along_axis(self.tiers, order, axis=1)
        tiers = np.where(tiers == REMOVED, _BEHIND_ALL, tiers)
        return np.take_along_axis(order, np.argsort(tiers, axis=1, kind="stable"), axis=1)

    def _cut(
        self,
        order: NDArray[np.intp],
        costs: NDArray[np.float64],
        within: Within | None,
        regions: NDArray[np.integer] | None = None,
    ) -> Standing:
        """New tiers along an order: one begins where the old one ends, or the tolerance does.

        Units that share a tier whatever they cost have a cost of -1.
        """
        # Sorted, and transposed so that a tier's best is beside the next in memory.
        sorted_costs = np.take_along_axis(costs, order, axis=1).T.copy()
        sorted_tiers = np.take_along_axis(self.tiers, order, axis=1).T.copy()
        numbers = np.empty_like(sorted_tiers)
        number = np.full(len(order), -1, dtype=np.int16)
        limit = np.zeros(len(order))
        before = np.full(len(order), _BEHIND_ALL, dtype=np.int16)
        cost_before, region_before = np.full(len(order), np.nan), np.full(len(order), -1)
        for column, (old, cost) in enumerate(zip(sorted_tiers, sorted_costs, strict=True)):
            begins = (old != before) | (cost > limit) | (cost == _UNKNOWN)
            if regions is not None:
                region = regions[order[:, column]]
                begins &= (old != before) | (cost != cost_before) | (region != region_before)
                cost_before, region_before = cost, region
            number = number + begins
            limit = np.where(begins, _limit(cost, within), limit)
            before = old
            numbers[column] = number
        tiers = np.empty_like(self.tiers)
        np.put_along_axis(tiers, order, numbers.T, axis=1)
        return self._with(tiers)


def _limit(best: NDArray[np.float64], within: Within | None) -> NDArray[np.float64]:
    """Up to which cost others share the tier of the best; shares (-1) have it to themselves."""
    if within is None:
        return np.where(best < 0, best, -2.0)
    with np.errstate(over="ignore"):
        # A hair more, so that what lies on the edge is inside: 100 * 1.15 is less than 115.
        limit = (best * (1 + within.share) + within.amount) * _EDGE
    return np.where(best < 0, best, limit)
