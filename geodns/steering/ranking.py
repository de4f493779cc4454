"""The ranking of a service's endpoints for a client: tiers, best first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from geodns.steering.standing import REMOVED

_SHARE_STEPS = 1 << 14
"""Shares are told apart to one part in so many of the largest one."""


class Tier(NamedTuple):
    """What is equally good for a client: units, by position, or else branches with shares."""

    units: tuple[int, ...] = ()
    branches: tuple[Branch, ...] = ()


class Branch(NamedTuple):
    """A part of a tier that takes a share of its clients and ranks them by itself."""

    name: str
    share: float
    ranking: tuple[Tier, ...]


Ranking = tuple[Tier, ...]


class Rankings(NamedTuple):
    """Which of the distinct ``rankings`` each client has: ``numbers``, int64 of shape (n,)."""

    numbers: NDArray[np.int64]
    rankings: tuple[Ranking, ...]


def groups_of(tiers: Sequence[int], depth: int | None = None) -> list[tuple[int, ...]]:
    """Positions by tier number, best first; removed ones are in none.

    What is not among the best ``depth`` follows one by one, in file order.
    """
    groups: dict[int, list[int]] = {}
    for position, tier in enumerate(tiers):
        if tier != REMOVED:
            groups.setdefault(tier, []).append(position)
    found: list[tuple[int, ...]] = []
    for tier in sorted(groups):
        if depth is not None and tier >= depth:
            found.extend((position,) for position in groups[tier])
        else:
            found.append(tuple(groups[tier]))
    return found


def quantised(weights: NDArray[np.float32]) -> NDArray[np.int16]:
    """Shares as whole numbers, so that they can be told apart; -1 where there is none.

    They count against the largest of a client, which is all that shares mean.
    """
    most = np.nanmax(np.where(np.isnan(weights), 0, weights), axis=1, keepdims=True, initial=0)
    steps = np.round(weights / np.where(most > 0, most, 1) * _SHARE_STEPS)
    return np.where(np.isnan(weights), -1, steps).astype(np.int16)
