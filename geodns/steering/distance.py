"""Stages that rank by great-circle distance: its length, its bias, its estimate in ms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from geodns.config.settings import Topology
from geodns.geo.countries import fill_coordinates
from geodns.geo.distance import kilometres
from geodns.latency.estimate import Estimate
from geodns.steering.clients import Clients
from geodns.steering.measure import Costs, Measure, Step
from geodns.steering.units import Unit

UNKNOWN_PLACE = "the client's place is unknown"


class Distance(Measure):
    """Replaces the cost by the kilometres between client and region; nan where unknown.

    A client without coordinates is taken to be at the centre of its country or continent.
    """

    def __init__(self, topology: Topology, units: Sequence[Unit]) -> None:
        self._regions = np.array(
            [_location(topology, unit) for unit in units], dtype=np.float64
        ).reshape(len(units), 2)

    def apply(self, clients: Clients, _costs: Costs, /) -> Costs:
        places = fill_coordinates(clients.places)
        return kilometres(
            places.latitude[:, None],
            places.longitude[:, None],
            self._regions[:, 0],
            self._regions[:, 1],
        )

    def explain(self, step: Step) -> str:
        if np.isnan(step.cost):
            return UNKNOWN_PLACE
        place = step.client.places[0]
        if place.latitude is None:
            return f"{step.cost:.0f} km, from the centre of {place.country or place.continent}"
        return f"{step.cost:.0f} km"


class Bias(Measure):
    """Makes regions seem nearer or farther.

    A positive bias shrinks the distance, ``d * (1 - bias / 100)``; a negative one stretches it,
    ``d / (1 + bias / 100)``: the two formulae of the Route 53 Developer Guide, "Geoproximity
    routing", in earlier editions. Later ones print the first alone. The pair is kept, since
    with it a bias and its negative undo each other.
    """

    def __init__(
        self, topology: Topology, units: Sequence[Unit], instead: Mapping[str, int] | None = None
    ) -> None:
        """``instead``: by region, a bias in place of the topology's."""
        own = instead or {}
        self._biases = [own.get(unit.region, _bias(topology, unit)) for unit in units]
        self._factors = np.array([_bias_factor(bias) for bias in self._biases])

    def apply(self, _clients: Clients, costs: Costs, /) -> Costs:
        return np.asarray(costs * self._factors)

    def explain(self, step: Step) -> str:
        bias = self._biases[step.unit]
        if bias == 0 or np.isnan(step.cost):
            return step.before.source
        return f"{step.before.source}, bias {bias:+d} counts as {step.cost:.0f} km"


class RoundTrip(Measure):
    """Turns kilometres into an estimate of the round-trip time in milliseconds."""

    def __init__(self, estimate: Estimate, units: Sequence[Unit]) -> None:
        self._estimate = estimate
        self._regions = [unit.region for unit in units]

    def apply(self, clients: Clients, costs: Costs, /) -> Costs:
        places = clients.places
        return self._estimate.milliseconds(
            costs, places.continent, places.continents, self._regions
        )

    def explain(self, step: Step) -> str:
        source = step.before.source
        how = "estimated by the table's line" if self._estimate.fitted else "estimated"
        return source if np.isnan(step.cost) else f"{how} from {source}"


def _location(topology: Topology, unit: Unit) -> tuple[float, float]:
    """Where a unit is; nan for a branch, which is in no one place."""
    region = topology.regions.get(unit.region)
    return region.location if region is not None else (float("nan"), float("nan"))


def _bias(topology: Topology, unit: Unit) -> int:
    region = topology.regions.get(unit.region)
    return region.bias if region is not None else 0


def _bias_factor(bias: int) -> float:
    return 1 - bias / 100 if bias >= 0 else 1 / (1 + bias / 100)
