"""Makes a plan for a service from a checked configuration and its demand. Pure."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from geodns.config.settings import Configuration
from geodns.errors import GeodnsError
from geodns.explain.whatif import withdraw
from geodns.geo.locations import Locations
from geodns.planning.assign import Assignment, Task, Terms, assign, listed, number
from geodns.planning.capacity import RegionCapacity, capacities
from geodns.planning.clients import MOST_CLIENTS, put_together, take_apart
from geodns.planning.demand import DemandRow
from geodns.planning.latencies import Outlook, outlook, sorted_before_plan
from geodns.planning.plan import Origin, Plan, RegionLoad

#: Of all demand, what is too little to tell people of.
_LEAST_TOLD = 1e-4


class NothingToPlanError(GeodnsError):
    """There is no region, or no demand, to make a plan of."""


@dataclass(frozen=True)
class Wish:
    """What an operator asks for.

    ``load_per_demand`` turns a unit of demand into units of capacity. ``split``: a key whose
    clients the steering sends to several regions may be taken apart. ``down`` are IDs of regions,
    AZs or endpoints; ``capacity`` overrules that of regions. ``made`` is ISO 8601; ``source`` says
    where the demand is from.
    """

    terms: Terms
    load_per_demand: float = 1.0
    down: tuple[str, ...] = ()
    capacity: Mapping[str, float] = field(default_factory=dict)
    made: str = ""
    source: str = ""
    split: bool = True


@dataclass(frozen=True)
class Made:
    """A plan, the assignment that it is from, and what an operator should know of it."""

    plan: Plan
    assignment: Assignment
    regions: tuple[RegionCapacity, ...]
    present: str
    notes: tuple[str, ...]


def make(
    configuration: Configuration,
    service: str,
    rows: Sequence[DemandRow],
    locations: Callable[[], Locations],
    wish: Wish,
    former: Plan | None = None,
) -> Made:
    """The plan with the lowest total latency. ``former`` is the plan in use, if there is one.

    Raises NothingToPlanError, NotPlannableError, NoRoomError or UnknownIdError.
    """
    topology = configuration.topology
    down = withdraw(topology, wish.down)
    regions = capacities(topology, service, down, wish.capacity)
    rows = [row for row in rows if row.demand > 0]
    if not regions:
        raise NothingToPlanError(f"no region has an endpoint of the service {service} in service")
    if not rows:
        raise NothingToPlanError("there is no demand: nothing has asked for this service")
    names = tuple(region.name for region in regions)
    given = len(rows)
    rows, seen = _seen(configuration, service, rows, names, down, locations(), split=wish.split)
    task = Task(
        clients=tuple(row.client.text for row in rows),
        regions=names,
        demand=np.array([row.demand for row in rows]) * wish.load_per_demand,
        milliseconds=seen.milliseconds,
        present=_present(rows, seen, names, former),
        capacity=np.array([np.inf if each.total is None else each.total for each in regions]),
        price=np.array([topology.regions[name].cost or 0.0 for name in names]),
    )
    found = assign(task, wish.terms)
    return Made(
        plan=_plan(service, task, found, wish),
        assignment=found,
        regions=tuple(regions),
        present="the present plan" if former is not None else "the steering without a plan",
        notes=(
            *_many(given),
            *_notes(task, found, regions),
            *_late(configuration, service),
        ),
    )


def _seen(
    configuration: Configuration,
    service: str,
    rows: Sequence[DemandRow],
    names: Sequence[str],
    down: Collection[str],
    locations: Locations,
    *,
    split: bool,
) -> tuple[Sequence[DemandRow], Outlook]:
    """How the regions look from each row, after rows have been put together or taken apart."""

    def look(rows: Sequence[DemandRow]) -> Outlook:
        keys = [row.client for row in rows]
        return outlook(configuration, service, keys, names, down, locations)

    seen = look(rows)
    fewer = put_together(rows, seen, MOST_CLIENTS)
    if fewer is not None:
        rows, seen = fewer, look(fewer)
    while split and (parts := take_apart(rows, seen)) is not None:
        rows, seen = parts, look(parts)
    return rows, seen


def _present(
    rows: Sequence[DemandRow], seen: Outlook, names: Sequence[str], former: Plan | None
) -> NDArray[np.float64]:
    """What each region serves now: by the plan in use, or else as the steering has it.

    Regions of the plan that are gone or down serve nobody: what they had has to move.
    """
    if former is None:
        return seen.present
    present = seen.present.copy()
    for at, row in enumerate(rows):
        shares = former.row_of(row.client, seen.around[at])
        if shares is not None:
            present[at] = [shares.get(name, 0.0) for name in names]
    return present


def _plan(service: str, task: Task, found: Assignment, wish: Wish) -> Plan:
    terms = wish.terms
    loads = {
        name: RegionLoad(float(load), float(room) if np.isfinite(room) else None)
        for name, load, room in zip(task.regions, found.load_after, task.capacity, strict=True)
    }
    origin = Origin(
        made=wish.made,
        demand=wish.source,
        total=float(task.demand.sum()),
        mean=found.after.mean,
        objective=found.objective(terms),
        move_cost=terms.move_cost,
        cost_weight=terms.cost_weight,
        headroom=terms.headroom,
        down=wish.down,
    )
    return Plan(service, found.rows, origin, loads)


def _many(given: int) -> Iterator[str]:
    if given > MOST_CLIENTS:
        yield (
            f"the {given - MOST_CLIENTS:,} clients with least demand are planned as part of the "
            "areas that they are in"
        )


def _late(configuration: Configuration, service: str) -> Iterator[str]:
    before = sorted_before_plan(configuration, service)
    if before is not None:
        yield (
            f"{before} stands before plan in the chain of {service}, and leaves it nothing to "
            "share out: put plan first"
        )


def _notes(task: Task, found: Assignment, regions: Sequence[RegionCapacity]) -> list[str]:
    notes = []
    unlimited = [each.name for each in regions if each.total is None]
    if len(unlimited) == len(regions):
        notes.append("no region has a capacity, so that nothing limits any")
    elif unlimited:
        notes.append(f"without a limit, since an endpoint has no capacity: {listed(unlimited)}")
    unknown = [
        client
        for client, row, demand in zip(task.clients, task.milliseconds, task.demand, strict=True)
        if np.isnan(row).all() and demand > _LEAST_TOLD * task.demand.sum()
    ]
    if unknown:
        notes.append(f"no latency is known from {listed(unknown)}: they go wherever there is room")
    for region, load in zip(regions, found.load_after, strict=True):
        for id, use in region.overloaded(float(load)):
            notes.append(
                f"{id} would be at {use:.0%}: its weight gives it more of {region.name}'s "
                f"{number(float(load))} than its capacity is of the region's"
            )
    return notes
