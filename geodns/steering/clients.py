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
class Clients:
    """n distinct kinds of client.

    ``prefix_row`` is int32 of shape (n,): the position in ``prefixes`` of the most specific one
    that covers the client, -1 where none does.
    """

    places: PlaceTable
    prefix_row: NDArray[np.int32]
    prefixes: tuple[Network, ...] = ()

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
        """The clients at these positions, in this order."""
        return Clients(self.places.take(rows), self.prefix_row[rows], self.prefixes)

    def part(self, start: int, stop: int) -> Clients:
        """The clients from ``start`` to before ``stop``; ``stop`` may lie beyond the end."""
        return Clients(self.places[start:stop], self.prefix_row[start:stop], self.prefixes)
