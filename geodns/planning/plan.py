"""A plan: for each client key, the share of its clients that each region is to serve."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from geodns.latency.client import ClientKey, Level

#: Shares are multiples of one part in this many: finer than the engine's 4096 slots.
PARTS = 1_000_000

Rows = Mapping[str, Mapping[str, float]]


@dataclass(frozen=True)
class RegionLoad:
    """What a plan expects of a region, in the unit of capacity; None is without a limit."""

    load: float
    capacity: float | None = None

    @property
    def utilisation(self) -> float | None:
        """Load over capacity; None without a limit."""
        return self.load / self.capacity if self.capacity else None


@dataclass(frozen=True)
class Origin:
    """How a plan came about.

    ``made`` is ISO 8601, UTC; ``demand`` says where the demand is from; ``total`` is in the unit
    of capacity, ``mean`` in milliseconds over all demand. ``move_cost`` is in ms per unit moved,
    ``cost_weight`` in ms per unit of price, ``headroom`` a share of the capacity.
    """

    made: str = ""
    demand: str = ""
    total: float = 0.0
    mean: float | None = None
    objective: float | None = None
    move_cost: float = 0.0
    cost_weight: float = 0.0
    headroom: float = 0.0
    down: tuple[str, ...] = ()


@dataclass(frozen=True)
class Plan:
    """``rows`` are by the canonical text of a client key; the shares of a row add up to 1.

    Regions that a row does not name come behind those that it does: they serve in an emergency.
    """

    service: str
    rows: Rows
    origin: Origin = field(default_factory=Origin)
    regions: Mapping[str, RegionLoad] = field(default_factory=dict)

    def row_of(self, key: ClientKey, around: Sequence[str] = ()) -> Mapping[str, float] | None:
        """The row for the clients of a key; ``around``: the keys that hold it, closest first."""
        for text in (key.text, *around, *areas_around(key), "default"):
            if text in self.rows:
                return self.rows[text]
        return None


def areas_around(key: ClientKey) -> tuple[str, ...]:
    """The keys that a key is in by its text: ``NA-US`` and ``NA`` of ``NA-US-CA``, closest first.

    ``AS4134`` of ``AS4134-CN``.
    """
    if key.level is Level.ASN_COUNTRY:
        return (key.text.partition("-")[0],)
    if key.level not in (Level.SUBDIVISION, Level.COUNTRY):
        return ()
    parts = key.text.split("-")
    return tuple("-".join(parts[:length]) for length in range(len(parts) - 1, 0, -1))


def rounded(shares: NDArray[np.float64], names: Sequence[str]) -> dict[str, float]:
    """Shares of shape (m,) by name, largest first, in whole parts that add up to exactly 1.

    Each is rounded down, and what is left goes to those that lost most (largest remainders).
    """
    exact = shares / shares.sum() * PARTS
    parts = np.floor(exact).astype(np.int64)
    left = PARTS - int(parts.sum())
    parts[np.argsort(parts - exact, kind="stable")[:left]] += 1
    order = np.argsort(-parts, kind="stable")
    return {names[at]: int(parts[at]) / PARTS for at in order if parts[at]}
