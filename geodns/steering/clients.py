"""The kinds of client that are ranked together: where each is, and which prefix covers it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geodns.geo.place import Place
from geodns.geo.places import PlaceTable
from geodns.latency.client import Network


@dataclass(frozen=True, slots=True, eq=False)
class Mixture:
    """What kinds of client are made of: part i, m in all, is ``weight[i]`` of ``owner[i]``.

    ``owner`` is int64 of shape (m,), the position of a kind of client; ``weight`` is float64, and
    those of an owner add up to 1.
    """

    parts: Clients
    owner: NDArray[np.int64]
    weight: NDArray[np.float64]

    def mean(self, costs: NDArray[np.float64], owners: int) -> NDArray[np.float64]:
        """The mean of the parts' costs, (m, k) to (owners, k); unknown ones (nan) are left out."""
        known = ~np.isnan(costs)
        weights = np.where(known, self.weight[:, None], 0.0)
        totals = np.zeros((2, owners, costs.shape[1]))
        np.add.at(totals[0], self.owner, np.where(known, costs, 0.0) * weights)
        np.add.at(totals[1], self.owner, weights)
        nothing = totals[1] == 0
        return np.where(nothing, np.nan, totals[0] / np.where(nothing, 1.0, totals[1]))


@dataclass(frozen=True, slots=True, eq=False)
class Clients:
    """n distinct kinds of client.

    ``prefix_row`` is int32 of shape (n,): the position in ``prefixes`` of the most specific one
    that covers the client, -1 where none does. With a ``mixture``, each stands for clients in
    several places, of which its own is where most are.
    """

    places: PlaceTable
    prefix_row: NDArray[np.int32]
    prefixes: tuple[Network, ...] = ()
    mixture: Mixture | None = None

    def __post_init__(self) -> None:
        if len(self.places) != len(self.prefix_row):
            raise ValueError(
                f"{len(self.places)} places and {len(self.prefix_row)} prefix rows; "
                "there must be one of each for every client"
            )

    @classmethod
    def without_prefixes(cls, places: PlaceTable) -> Clients:
        """Clients that no prefix covers, one for each place."""
        return cls(places, np.full(len(places), -1, dtype=np.int32))

    @classmethod
    def of_one(
        cls, place: Place, prefix_row: int = -1, prefixes: tuple[Network, ...] = ()
    ) -> Clients:
        """A single client."""
        return cls(PlaceTable.of([place]), np.array([prefix_row], dtype=np.int32), prefixes)

    @classmethod
    def at(
        cls,
        places: PlaceTable,
        where: NDArray[np.integer[Any]],
        prefix_row: NDArray[np.int32],
        prefixes: tuple[Network, ...],
    ) -> Clients:
        """Client i is at ``places[where[i]]`` and covered by ``prefix_row[i]``; both shape (n,)."""
        return cls(places.take(where), prefix_row, prefixes)

    def __len__(self) -> int:
        return len(self.prefix_row)

    def take(self, rows: NDArray[np.integer[Any]]) -> Clients:
        """The clients at these positions, in this order; not for those of a mixture."""
        assert self.mixture is None
        return Clients(self.places.take(rows), self.prefix_row[rows], self.prefixes)

    def part(self, start: int, stop: int) -> Clients:
        """The clients from ``start`` to before ``stop``; ``stop`` may lie beyond the end."""
        mixture = self.mixture
        if mixture is not None:
            rows = np.flatnonzero((mixture.owner >= start) & (mixture.owner < stop))
            owner, weight = mixture.owner[rows] - start, mixture.weight[rows]
            mixture = Mixture(mixture.parts.take(rows), owner, weight)
        return Clients(self.places[start:stop], self.prefix_row[start:stop], self.prefixes, mixture)
