"""Stages that rank by great-circle distance: its length, its bias, its estimate in ms."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from geodns.config.settings import Topology
from geodns.geo.distance import kilometres
from geodns.geo.places import PlaceTable
from geodns.latency.estimate import milliseconds
from geodns.steering.clients import Clients
from geodns.steering.filter import Costs, Filter, Step
from geodns.steering.tiers import TierDefinition

UNKNOWN_PLACE = "the client's place is unknown"

#: Where a client is taken to be of whom only the continent is known: latitude, longitude of the
#: centre of the continent's cities of more than 15,000 people, weighted by population, as a mean
#: of unit vectors (GeoNames, CC BY 4.0), to the degree. Antarctica has no cities: the pole.
CONTINENT_CENTRES = {
    "AF": (5.0, 17.0),
    "AN": (-90.0, 0.0),
    "AS": (30.0, 98.0),
    "EU": (52.0, 17.0),
    "NA": (33.0, -93.0),
    "OC": (-34.0, 150.0),
    "SA": (-14.0, -57.0),
}


class Distance(Filter):
    """Replaces the cost by the kilometres between client and region; nan where unknown."""

    def __init__(self, topology: Topology, tiers: Sequence[TierDefinition]) -> None:
        self._regions = np.array(
            [topology.regions[tier.region].location for tier in tiers], dtype=np.float64
        ).reshape(len(tiers), 2)

    def apply(self, clients: Clients, _costs: Costs, /) -> Costs:
        latitude, longitude = _coordinates(clients.places)
        return kilometres(
            latitude[:, None], longitude[:, None], self._regions[:, 0], self._regions[:, 1]
        )

    def explain(self, step: Step) -> str:
        if np.isnan(step.cost):
            return UNKNOWN_PLACE
        place = step.client.places[0]
        if place.latitude is None:
            return f"{step.cost:.0f} km, from the centre of {place.continent}"
        return f"{step.cost:.0f} km"


class Bias(Filter):
    """Makes regions seem nearer or farther, as Route 53 documents for geoproximity.

    A positive bias shrinks the distance, ``d * (1 - bias / 100)``; a negative one stretches it,
    ``d / (1 + bias / 100)``. So +99 leaves a hundredth, and -99 makes it a hundredfold.
    """

    def __init__(self, topology: Topology, tiers: Sequence[TierDefinition]) -> None:
        self._biases = [topology.regions[tier.region].bias for tier in tiers]
        self._factors = np.array([_bias_factor(bias) for bias in self._biases])

    def apply(self, _clients: Clients, costs: Costs, /) -> Costs:
        return np.asarray(costs * self._factors)

    def explain(self, step: Step) -> str:
        bias = self._biases[step.tier]
        if bias == 0 or np.isnan(step.cost):
            return step.before.source
        return f"{step.before.source}, bias {bias:+d} counts as {step.cost:.0f} km"


class RoundTrip(Filter):
    """Turns kilometres into an estimate of the round-trip time in milliseconds."""

    def apply(self, _clients: Clients, costs: Costs, /) -> Costs:
        return milliseconds(costs)

    def explain(self, step: Step) -> str:
        source = step.before.source
        return source if np.isnan(step.cost) else f"estimated from {source}"


def _bias_factor(bias: int) -> float:
    return 1 - bias / 100 if bias >= 0 else 1 / (1 + bias / 100)


def _coordinates(places: PlaceTable) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Latitudes and longitudes, shape (n,); where unknown, those of the continent's centre."""
    unknown = np.isnan(places.latitude) | np.isnan(places.longitude)
    if not unknown.any():
        return places.latitude, places.longitude
    centres = np.array(
        [CONTINENT_CENTRES.get(c or "", (np.nan, np.nan)) for c in places.continents]
    )
    fallback = centres[places.continent]
    return (
        np.where(unknown, fallback[:, 0], places.latitude),
        np.where(unknown, fallback[:, 1], places.longitude),
    )
