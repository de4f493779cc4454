"""From the settings of a chain to its filters, and to what it says of answers beside them."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, NamedTuple

from geodns.config.settings import LatencyRow, Topology
from geodns.config.steering import (
    Chain,
    CostFilter,
    Failover,
    Geofence,
    LatencyFilter,
    NearestFilter,
    PlanFilter,
    Prefer,
    Priority,
    Stage,
    Weight,
)
from geodns.latency.estimate import DEFAULT, Estimate
from geodns.planning.plan import Rows
from geodns.steering import fixed, rules
from geodns.steering.distance import Bias, Distance, RoundTrip
from geodns.steering.filter import Filter
from geodns.steering.measured import Measured
from geodns.steering.planned import Planned
from geodns.steering.price import Price, Surcharge
from geodns.steering.sort import Sort
from geodns.steering.units import Candidate, Unit

ShareBasis = Literal["weight", "load", "response_time", "equal"]


class Inputs(NamedTuple):
    """All that filters are made from; ``units`` in the order of the topology file.

    ``rows`` are of latency tables, ``estimate`` for all that these do not name; ``plans`` by file.
    """

    topology: Topology
    units: tuple[Unit, ...]
    candidates: Sequence[Candidate] = ()
    rows: Sequence[LatencyRow] = ()
    estimate: Estimate = DEFAULT
    plans: Mapping[Path, Rows] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Traits:
    """What a chain says of answers that is no ranking.

    ``share_by``: how the endpoints of a tier share; ``spread``: what does not stand twice in an
    answer before all else has; ``sticky``: a client keeps its answer; ``addresses``: how many in
    an answer, None as the service says.
    """

    share_by: ShareBasis = "weight"
    spread: Literal["availability_zone", "region", "none"] = "availability_zone"
    sticky: bool = True
    addresses: int | None = None


def traits_of(chain: Chain) -> Traits:
    """The traits; of two stages that say the same thing differently, the later one counts."""
    traits = Traits()
    for stage in chain:
        match stage.name, stage.options:
            case "weight", Weight() as weight if weight.by != "weight" or not weight.of:
                traits = replace(traits, share_by=weight.by)
            case "spread", spread:
                traits = replace(traits, spread=spread.by)
            case "sticky", sticky:
                traits = replace(traits, sticky=sticky.by != "none")
            case "limit", limit if limit.addresses is not None:
                traits = replace(traits, addresses=limit.addresses)
    return traits


def filters_of(chain: Chain, inputs: Inputs) -> tuple[Filter, ...]:
    """The filters of a chain, in its order."""
    return tuple(one for stage in chain for one in _filters(stage, inputs))


def _filters(stage: Stage, inputs: Inputs) -> Iterator[Filter]:
    make = _MAKERS.get(stage.name)
    if make is not None:
        yield from make(stage.options, inputs)


def _latency(options: LatencyFilter, inputs: Inputs) -> Iterator[Filter]:
    topology, units = inputs.topology, inputs.units
    estimate = RoundTrip(inputs.estimate, units)
    measures = [Distance(topology, units), estimate, Measured(inputs.rows, units)]
    surcharge = [Surcharge(topology, units, options.cost * 1000)] if options.cost else []
    yield Sort("latency", [*measures, *surcharge], units, "ms", options.within)


def _nearest(options: NearestFilter, inputs: Inputs) -> Iterator[Filter]:
    topology, units = inputs.topology, inputs.units
    measures = (Distance(topology, units), Bias(topology, units, options.bias))
    yield Sort("nearest", measures, units, "km", options.within)


def _cost(options: CostFilter, inputs: Inputs) -> Iterator[Filter]:
    topology, units = inputs.topology, inputs.units
    yield Sort("cost", (Price(topology, units, options.of),), units, "", options.within)


def _geofence(options: Geofence, inputs: Inputs) -> Iterator[Filter]:
    yield rules.Geofence(options.rules, inputs.units, closed=options.closed)


def _prefer(options: Prefer, inputs: Inputs) -> Iterator[Filter]:
    yield rules.Prefer(options.rules, inputs.units, only=options.only)


def _priority(options: Priority, inputs: Inputs) -> Iterator[Filter]:
    def of(unit: Unit) -> int:
        own = min((inputs.candidates[at].priority for at in unit.endpoints), default=1)
        return options.of.get(unit.name, options.of.get(unit.region, own))

    yield fixed.Priority([of(unit) for unit in inputs.units])


def _failover(options: Failover, inputs: Inputs) -> Iterator[Filter]:
    yield fixed.Failover(options.order, inputs.units)


def _weight(options: Weight, inputs: Inputs) -> Iterator[Filter]:
    if options.of:
        yield fixed.Shares(options.of, inputs.units)


def _limit(options: Any, _inputs: Inputs) -> Iterator[Filter]:
    if options.tiers is not None:
        yield fixed.Limit(options.tiers)


def _plan(options: PlanFilter, inputs: Inputs) -> Iterator[Filter]:
    yield Planned(inputs.plans[options.file], inputs.units)


_MAKERS: Mapping[str, Callable[[Any, Inputs], Iterator[Filter]]] = {
    "geofence": _geofence,
    "prefer": _prefer,
    "latency": _latency,
    "nearest": _nearest,
    "priority": _priority,
    "failover": _failover,
    "cost": _cost,
    "weight": _weight,
    "limit": _limit,
    "plan": _plan,
}


def apart(chain: Chain) -> Callable[[Candidate], Hashable]:
    """What tells endpoints of one region apart, besides the AZs that a chain names."""
    by_priority = any(stage.name == "priority" for stage in chain)
    return lambda candidate: candidate.priority if by_priority else None
