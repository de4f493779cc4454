"""How much each kind of client counts: by networks, by people, or by demand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from geodns.geo.places import PlaceTable
from geodns.planning.demand import DemandRow
from geodns.simulation.kinds import Kinds
from geodns.steering.rows import NO_ROW, ClientRows


@dataclass(frozen=True, slots=True, eq=False)
class Weights:
    """``counts``, float64 of shape (n,), is what each kind counts, in ``unit``.

    ``words`` say how it was counted. ``unplaced`` is what there is besides, of no kind.
    """

    counts: NDArray[np.float64]
    unit: str
    words: str
    unplaced: float = 0.0

    @property
    def total(self) -> float:
        """What all kinds count together."""
        return float(self.counts.sum())


def by_addresses(kinds: Kinds) -> Weights:
    """Each IPv4 /24 counts 1, if anything is known of where it is.

    What is nowhere is mostly reserved, or not in use, and would count as much as all of Europe.
    """
    placed = np.where(_is_placed(kinds.clients.places), kinds.v4, 0.0)
    if placed.any():
        return Weights(placed, "/24s", "each IPv4 /24 whose place is known counts 1")
    return Weights(kinds.v4, "/24s", "each IPv4 /24 counts 1: the place of none is known")


def by_people(kinds: Kinds, people: Mapping[str, float]) -> Weights:
    """The people of each country (ISO 3166-1), spread evenly over its IPv4 addresses."""
    places = kinds.clients.places
    addresses = np.bincount(places.country, kinds.v4, minlength=len(places.countries))
    inhabitants = np.array([people.get(country or "", 0.0) for country in places.countries])
    each = np.divide(inhabitants, addresses, out=np.zeros(len(addresses)), where=addresses > 0)
    counts = each[places.country] * kinds.v4
    return Weights(
        counts,
        "people",
        "people in cities, spread evenly over the IPv4 networks of their country",
        max(0.0, sum(people.values()) - float(counts.sum())),
    )


def by_demand(kinds: Kinds, rows: Sequence[DemandRow], source: str) -> Weights:
    """The demand of each row, spread evenly over the networks that it is the most specific for.

    Over its IPv4 networks; where it has none, over its IPv6 networks.
    """
    demand = np.array([row.demand for row in rows])
    row_of = ClientRows(row.client for row in rows).winning(kinds.clients)
    inside = row_of != NO_ROW
    owner = np.where(inside, row_of, len(rows))
    totals = [
        np.bincount(owner, sizes, minlength=len(rows) + 1)[:-1] for sizes in (kinds.v4, kinds.v6)
    ]
    v4, v6 = totals
    sizes = np.where(np.append(v4 > 0, False)[owner], kinds.v4, kinds.v6)
    whole = np.where(v4 > 0, v4, v6)
    each = np.divide(demand, whole, out=np.zeros(len(rows)), where=whole > 0)
    counts = np.append(each, 0.0)[owner] * sizes
    return Weights(counts, "demand", source, float(demand[whole == 0].sum()))


def _is_placed(places: PlaceTable) -> NDArray[np.bool_]:
    return (places.country > 0) | (places.continent > 0) | ~np.isnan(places.latitude)
