"""The kinds of client that are ranked together: where each is, and which prefix row covers it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geodns.geo.place import Place
from geodns.geo.places import PlaceTable


@dataclass(frozen=True, slots=True, eq=False)
class Clients:
    """n distinct kinds of client.

    ``prefix_row`` is int32 of shape (n,): the position in ``Steering.prefixes`` of the most
    specific prefix that covers the client, -1 where none does.
    """

    places: PlaceTable
    prefix_row: NDArray[np.int32]

    def __post_init__(self) -> None:
        if len(self.places) != len(self.prefix_row):
            raise ValueError(
                f"{len(self.places)} places and {len(self.prefix_row)} prefix rows; "
                "there must be one of each for every client"
            )

    @classmethod
    def without_prefixes(cls, places: PlaceTable) -> Clients:
        """Clients that no prefix row covers, one for each place."""
        return cls(places, np.full(len(places), -1, dtype=np.int32))

    @classmethod
    def of_one(cls, place: Place, prefix_row: int = -1) -> Clients:
        """A single client."""
        return cls(PlaceTable.of([place]), np.array([prefix_row], dtype=np.int32))

    @classmethod
    def at(
        cls, places: PlaceTable, where: NDArray[np.integer[Any]], prefix_row: NDArray[np.int32]
    ) -> Clients:
        """Client i is at ``places[where[i]]`` and covered by ``prefix_row[i]``; both shape (n,)."""
        return cls(places.take(where), prefix_row)

    def __len__(self) -> int:
        return len(self.prefix_row)

    def take(self, rows: NDArray[np.integer[Any]]) -> Clients:
        """The clients at these positions, in this order."""
        return Clients(self.places.take(rows), self.prefix_row[rows])

    def part(self, start: int, stop: int) -> Clients:
        """The clients from ``start`` to before ``stop``; ``stop`` may lie beyond the end."""
        return Clients(self.places[start:stop], self.prefix_row[start:stop])
