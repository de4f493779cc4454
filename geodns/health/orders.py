"""What people order: drains of endpoints, at once or ramped, force up, trust in probes. Pure.

An order is a function of the time of day, so that it goes on by itself after a restart. A drain is
a factor of the availability, from 1 to 0 over ``over`` seconds, and after ``until`` back to 1 over
``back`` seconds. A force holds up what checks would take down. Orders above and below one another
(a region, an AZ in it, an endpoint in that) multiply, and a drain stands above a force: whoever
drains is about to pull the plug. A trust is an order to the guard alone: to believe the probes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from math import ceil
from typing import Literal, NamedTuple

from geodns.health.plan import Plan, PlannedEndpoint

Kind = Literal["drain", "force", "trust"]

GUARD = "guard"
"""The id of the only thing that can be told to trust the probes."""

STEPS = 64  # of a ramp: each is a new vector for all workers
_SHORTEST_STEP = 0.5  # seconds


@dataclass(frozen=True, slots=True)
class Order:
    """``id`` is a region, an AZ or ``service@az``. Times are seconds since 1970, or seconds.

    ``begin`` is the factor at ``since``: less than 1 where a drain took over from another one.
    ``until`` None is until somebody ends it.
    """

    id: str
    kind: Kind
    since: float
    author: str
    reason: str = ""
    until: float | None = None
    over: float = 0.0
    back: float = 0.0
    begin: float = 1.0

    def factor(self, wall: float) -> float:
        """What it leaves of the availability, from 0 to 1."""
        if self.kind != "drain":
            return 1.0
        if self.until is None or wall < self.until:
            return self._falling(wall)
        passed = wall - self.until
        return 1.0 if passed >= self._way_back() else self._falling(self.until) + passed / self.back

    def drained_at(self) -> float:
        """When a drain has reached 0."""
        return self.since + self.over * self.begin

    def over_at(self) -> float | None:
        """When nothing is left of it; None: it stays until it is ended."""
        return None if self.until is None else self.until + self._way_back()

    def ended(self, wall: float, back: float = 0.0) -> Order:
        """The same, with its end now and a way back that takes ``back`` seconds from 0 to 1."""
        back_already = self.until is not None and self.until <= wall
        if back_already or wall <= self.since:  # or it ends in the instant in which it began
            here = self.factor(wall)
            return replace(self, since=wall, over=0.0, begin=here, until=wall, back=back)
        return replace(self, until=wall, back=back)

    def _falling(self, wall: float) -> float:
        passed = max(0.0, wall - self.since)
        if self.until is not None and self.since >= self.until:
            return self.begin
        return max(0.0, self.begin - passed / self.over) if self.over > 0 else 0.0

    def _way_back(self) -> float:
        if self.kind != "drain" or self.until is None:
            return 0.0
        return self.back * (1 - self._falling(self.until))

    def moving(self, wall: float) -> bool:
        """Whether its factor changes with time now."""
        if self.kind != "drain":
            return False
        if self.until is not None and wall >= self.until:
            return wall < self.until + self._way_back()
        return wall < self.drained_at()

    def next_change(self, wall: float) -> float | None:
        """When its factor is to be looked at again, later than ``wall``; None: never."""
        times = [time for time in (self.until, self.over_at()) if time is not None and time > wall]
        if self.moving(wall):
            returning = self.until is not None and wall >= self.until
            way = self.back if returning else self.over
            times.append(wall + max(_SHORTEST_STEP, way / STEPS))
        return min(times, default=None)


class Ordered(NamedTuple):
    """What orders make of one endpoint: a factor, whether it is held up, and why in words.

    ``moving``: the factor is on its way to another one.
    """

    factor: float = 1.0
    forced: bool = False
    reason: str = ""
    moving: bool = False


class Orders:
    """All orders, by kind and id. Immutable."""

    def __init__(self, orders: Iterable[Order] = ()) -> None:
        self.all: Mapping[tuple[Kind, str], Order] = {(o.kind, o.id): o for o in orders}

    def get(self, kind: Kind, id: str) -> Order | None:
        """The order of a kind on exactly this id."""
        return self.all.get((kind, id))

    def put(self, order: Order) -> Orders:
        """With this order in place of the one of the same kind and id."""
        return Orders([*self._without(order.kind, order.id), order])

    def drop(self, kind: Kind, id: str) -> Orders:
        """Without that order."""
        return Orders(self._without(kind, id))

    def current(self, wall: float) -> Orders:
        """Those of which anything is left."""
        ends = ((order, order.over_at()) for order in self.all.values())
        return Orders(order for order, end in ends if end is None or end > wall)

    def on(self, planned: PlannedEndpoint, wall: float) -> Ordered:
        """What they make of an endpoint."""
        ids = (planned.region, planned.availability_zone, planned.id)
        factor, forced, moving, reasons = 1.0, False, False, []
        for id in ids:
            drain, force = self.get("drain", id), self.get("force", id)
            moving = moving or (drain is not None and drain.moving(wall))
            if drain is not None and drain.factor(wall) < 1:
                factor *= drain.factor(wall)
                reasons.append(in_words(drain, wall))
            if force is not None and (force.until is None or wall < force.until):
                forced = True
                reasons.append(in_words(force, wall))
        return Ordered(ceil(factor * STEPS) / STEPS, forced, "; ".join(reasons), moving)

    def trusted(self, wall: float) -> bool:
        """Whether probes are to be believed, whatever fails."""
        trust = self.get("trust", GUARD)
        return trust is not None and (trust.until is None or wall < trust.until)

    def next_change(self, wall: float) -> float | None:
        """When any of them is to be looked at again; None: never."""
        times = (order.next_change(wall) for order in self.all.values())
        return min((time for time in times if time is not None), default=None)

    def _without(self, kind: Kind, id: str) -> list[Order]:
        return [order for key, order in self.all.items() if key != (kind, id)]


def endpoints_of(plan: Plan, id: str) -> tuple[str, ...]:
    """The endpoints that a region, an AZ or an endpoint stands for; none: there is no such id."""
    if id in plan.endpoints:
        return (id,)
    group = plan.availability_zones.get(id) or plan.regions.get(id)
    return () if group is None else group.endpoints


def in_words(order: Order, wall: float) -> str:
    """``eu-a is drained by anna: new disks``."""
    if order.kind == "force":
        state = "is forced up"
    elif order.kind == "trust":
        state = "is told to trust the probes"
    elif order.until is not None and wall >= order.until:
        state = "comes back from a drain"
    else:
        state = "is being drained" if order.moving(wall) else "is drained"
    who = f"the {order.id}" if order.kind == "trust" else order.id
    return f"{who} {state} by {order.author}{f': {order.reason}' if order.reason else ''}"
