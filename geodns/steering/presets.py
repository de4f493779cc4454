"""The named steering policies: each a way to group endpoints into tiers and a chain of filters.

A new policy is a function here and its line in ``PRESETS``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from geodns.config.settings import FailoverSteering, LatencyRow, Service, Topology
from geodns.steering.distance import Bias, Distance, RoundTrip
from geodns.steering.filter import Filter
from geodns.steering.fixed import FixedOrder
from geodns.steering.measured import Measured
from geodns.steering.tiers import Candidate, TierDefinition, by_failover_order, by_region


class Inputs(NamedTuple):
    """All that a policy can be made from."""

    service: Service
    topology: Topology
    candidates: Sequence[Candidate]
    rows: Sequence[LatencyRow]


class Policy(NamedTuple):
    """Tiers, in the order that decides between equal costs; the chain; the unit of its costs."""

    tiers: tuple[TierDefinition, ...]
    chain: tuple[Filter, ...]
    unit: str


def latency(inputs: Inputs) -> Policy:
    """Lowest round-trip time: the latency table where it has a row, else an estimate."""
    tiers = by_region(inputs.topology, inputs.candidates)
    distance = Distance(inputs.topology, tiers)
    return Policy(tiers, (distance, RoundTrip(), Measured(inputs.rows, tiers)), "ms")


def nearest(inputs: Inputs) -> Policy:
    """Shortest great-circle distance, after each region's bias."""
    tiers = by_region(inputs.topology, inputs.candidates)
    return Policy(tiers, (Distance(inputs.topology, tiers), Bias(inputs.topology, tiers)), "km")


def failover(inputs: Inputs) -> Policy:
    """A fixed order of regions and AZs."""
    steering = inputs.service.steering
    order = steering.failover.order if isinstance(steering, FailoverSteering) else ()
    tiers = by_failover_order(inputs.topology, inputs.candidates, order)
    return Policy(tiers, (FixedOrder(),), "rank")


PRESETS: Mapping[str, Callable[[Inputs], Policy]] = {
    "latency": latency,
    "nearest": nearest,
    "failover": failover,
}


def policy_for(inputs: Inputs) -> Policy:
    """The policy that a service's settings name."""
    steering = inputs.service.steering
    return PRESETS["failover" if isinstance(steering, FailoverSteering) else steering](inputs)
