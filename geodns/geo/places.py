"""Many places as columns, so that all of them can be ranked, filled in and merged at once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from geodns.geo.place import NOWHERE, Place

Names = tuple[str | None, ...]


@dataclass(frozen=True, slots=True, eq=False)
class PlaceTable(Sequence[Place]):
    """A sequence of places, stored as columns of shape (n,).

    Coordinates are in degrees, NaN where unknown (both or neither). The other columns hold
    positions in the tuple of names next to them; position 0 of each of these tuples is None, for
    unknown. ``subdivisions`` are whole ISO 3166-2 codes (``US-CA``). ``asn`` is 0 where unknown.
    """

    latitude: NDArray[np.float64]
    longitude: NDArray[np.float64]
    continent: NDArray[np.int16]
    country: NDArray[np.int32]
    subdivision: NDArray[np.int32]
    city: NDArray[np.int32]
    asn: NDArray[np.int64]
    continents: Names
    countries: Names
    subdivisions: Names
    cities: Names

    @classmethod
    def of(cls, places: Iterable[Place]) -> PlaceTable:
        """The table of these places, in their order.

        A subdivision whose country is unknown means nothing and is left out; so is half a pair of
        coordinates.
        """
        rows = list(places)
        located = [row.latitude is not None and row.longitude is not None for row in rows]
        pairs = [row if ok else NOWHERE for row, ok in zip(rows, located, strict=True)]
        continent, continents = intern_names([row.continent for row in rows])
        country, countries = intern_names([row.country for row in rows])
        subdivision, subdivisions = intern_names([_subdivision_code(row) for row in rows])
        city, cities = intern_names([row.city for row in rows])
        return cls(
            latitude=_column(row.latitude for row in pairs),
            longitude=_column(row.longitude for row in pairs),
            continent=continent.astype(np.int16),
            country=country,
            subdivision=subdivision,
            city=city,
            asn=np.array([row.asn or 0 for row in rows], dtype=np.int64),
            continents=continents,
            countries=countries,
            subdivisions=subdivisions,
            cities=cities,
        )

    def __len__(self) -> int:
        return len(self.latitude)

    @overload
    def __getitem__(self, index: int) -> Place: ...
    @overload
    def __getitem__(self, index: slice) -> PlaceTable: ...
    def __getitem__(self, index: int | slice) -> Place | PlaceTable:
        if isinstance(index, slice):
            return self.take(np.arange(len(self))[index])
        latitude, longitude = float(self.latitude[index]), float(self.longitude[index])
        unlocated = np.isnan(latitude) or np.isnan(longitude)
        subdivision = self.subdivisions[self.subdivision[index]]
        return Place(
            latitude=None if unlocated else latitude,
            longitude=None if unlocated else longitude,
            continent=self.continents[self.continent[index]],
            country=self.countries[self.country[index]],
            subdivision=subdivision.partition("-")[2] if subdivision else None,
            city=self.cities[self.city[index]],
            asn=int(self.asn[index]) or None,
        )

    def distinct(self) -> tuple[PlaceTable, NDArray[np.int32]]:
        """The table without repetitions, in the order of first appearance.

        The second result, shape (n,), says where each row went.
        """
        codes = np.zeros(len(self), np.int64)
        for column in (
            _ranks(self.latitude),
            _ranks(self.longitude),
            *(self.continent, self.country, self.subdivision, self.city),
            _ranks(self.asn),
        ):
            codes = _compress(codes * (int(column.max(initial=0)) + 1) + column)
        _, first, inverse = np.unique(codes, return_index=True, return_inverse=True)
        order = np.argsort(first)
        numbers = np.empty(len(order), np.int32)
        numbers[order] = np.arange(len(order), dtype=np.int32)
        return self.take(first[order]), numbers[inverse]

    def take(self, rows: NDArray[np.integer[Any]]) -> PlaceTable:
        """The table of these rows, in this order; the tuples of names are shared."""
        return PlaceTable(
            latitude=self.latitude[rows],
            longitude=self.longitude[rows],
            continent=self.continent[rows],
            country=self.country[rows],
            subdivision=self.subdivision[rows],
            city=self.city[rows],
            asn=self.asn[rows],
            continents=self.continents,
            countries=self.countries,
            subdivisions=self.subdivisions,
            cities=self.cities,
        )


def intern_names(names: Iterable[str | None]) -> tuple[NDArray[np.int32], Names]:
    """Positions, shape (n,), and the distinct names that they point to; position 0 is None."""
    positions: dict[str | None, int] = {None: 0}
    codes = [positions.setdefault(name, len(positions)) for name in names]
    return np.array(codes, dtype=np.int32), tuple(positions)


def _ranks(column: NDArray[Any]) -> NDArray[np.int64]:
    """Small numbers that are equal where the column is; NaN equals itself."""
    return np.unique(column, return_inverse=True)[1].astype(np.int64)


def _compress(codes: NDArray[np.int64]) -> NDArray[np.int64]:
    """Smaller numbers for the same classes, once the next column could overflow."""
    return codes if codes.max(initial=0) < 2**31 else _ranks(codes)


def _subdivision_code(place: Place) -> str | None:
    if place.country is None or place.subdivision is None:
        return None
    return f"{place.country}-{place.subdivision}"


def _column(numbers: Iterable[float | None]) -> NDArray[np.float64]:
    return np.array([np.nan if x is None else x for x in numbers], dtype=np.float64)
