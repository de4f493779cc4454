"""Keeps the verdicts on endpoints, AZs and regions current while targets change."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from math import inf
from typing import TypeVar

from geodns.health.availability import EndpointAvailability
from geodns.health.flapping import Return, Rules
from geodns.health.foresight import Foresight
from geodns.health.keeping import Keeping
from geodns.health.loads import Felt
from geodns.health.machine import State
from geodns.health.needs import needs_of
from geodns.health.orders import Ordered
from geodns.health.plan import Plan, PlannedEndpoint, PlannedGroup, TargetKey
from geodns.health.steadiness import NONE_YET, Evidence, of_availability
from geodns.health.turn import Turn
from geodns.health.verdict import (
    EndpointState,
    EndpointVerdict,
    Group,
    describe,
    judge_endpoint,
    judge_group,
    restore_due,
)

logger = logging.getLogger(__name__)

_MOST_NAMED = 3  # addresses in a reason; the rest stand in the list of targets

_PLAIN = ("up", "not checked", "waiting for the first result")  # less than any other reason

_AT_ONCE = Rules()
_STEPS = 64  # of a slow start

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Standing:
    """A verdict on a group; ``since`` is when it last turned, in seconds since 1970."""

    group: Group
    since: float
    reason: str


class Judge:
    """All verdicts under one plan. ``now`` is for hold times, ``wall`` for people.

    Only what a change can reach is judged anew: the endpoint, those that need it, its AZ, its
    region.
    """

    def __init__(
        self,
        plan: Plan,
        look: Callable[[TargetKey], tuple[State, str]],
        before: Judge | None = None,
        feel: Callable[[str], Felt] = lambda _id: Felt(),
        heed: Callable[[PlannedEndpoint], Ordered] = lambda _planned: Ordered(),
        recovery: Rules = _AT_ONCE,
        *,
        withhold: bool = True,
        doubt: Callable[[PlannedEndpoint], str] = lambda _planned: "",
        evidence: Callable[[TargetKey], Evidence] = lambda _key: NONE_YET,
        keeping: Keeping | None = None,
    ) -> None:
        """``look`` gives the state of a target and what was last seen of it, in words.

        ``feel`` gives what load makes of an endpoint, ``heed`` what people ordered, and
        ``recovery`` says how endpoints come back. ``withhold``: what isn't known yet is not in
        service. ``doubt`` says why an endpoint is kept in service; empty: it isn't. ``evidence`` is
        what is known of a target, ``keeping`` limits what verdicts withdraw. Groups and endpoints
        that stood under the judge ``before`` go on from there.
        """
        self.plan = plan
        self._needs = needs_of(plan)
        self.endpoints: dict[str, tuple[EndpointVerdict, float]] = {}
        self.availability_zones: dict[str, Standing] = {}
        self.regions: dict[str, Standing] = {}
        self.returns: dict[str, Return] = {}
        self._before_fall: dict[str, Return] = {}
        self._pardoned: set[str] = set()
        self._recovery = recovery
        self._withhold = withhold
        self._out = {"down", "unknown"} if withhold else {"down"}
        self._now = 0.0
        if before is not None:
            self.returns = _kept(before.returns, plan.endpoints)
            self._before_fall = _kept(before._before_fall, plan.endpoints)
            self.endpoints = _kept(before.endpoints, plan.endpoints)
            self.availability_zones = _kept(before.availability_zones, plan.availability_zones)
            self.regions = _kept(before.regions, plan.regions)
        self._look = look
        self._feel = feel
        self._heed = heed
        self._doubt = doubt
        self._turns: list[Turn] = []
        self.keeping = keeping or Keeping(plan)
        self._foresight = Foresight(plan, look, evidence, withhold=withhold)

    def review(
        self, endpoints: Iterable[str], now: float, wall: float
    ) -> dict[str, EndpointAvailability]:
        """Judge these endpoints and their groups anew: the availability of whatever may change."""
        # Whoever comes back is looked at each time: reviews of others must not put it off.
        back = (id for id, back in self._ways_back() if back <= now)
        in_order = self._needs.with_dependents((*endpoints, *back))
        touched = set(in_order)
        self._now = now
        zones = {self.plan.endpoints[id].availability_zone: None for id in touched}
        zones |= dict.fromkeys(_emptied(self.availability_zones, self.plan.availability_zones))
        regions = {self.plan.endpoints[id].region: None for id in touched}
        regions |= dict.fromkeys(_emptied(self.regions, self.plan.regions))
        for id in in_order:
            self._review_endpoint(id, wall)
        for name in zones:
            group = self.plan.availability_zones[name]
            if self._review_group(self.availability_zones, group, now, wall):
                touched.update(group.endpoints)
            touched.update(self._foresight.see_group(group, self.availability_zones[name].group))
        for name in regions:
            group = self.plan.regions[name]
            if self._review_group(self.regions, group, now, wall):
                touched.update(group.endpoints)
            touched.update(self._foresight.see_group(group, self.regions[name].group))
        touched.update(self.keeping.review(touched, self._against, now))
        self._turns += self.keeping.turns()
        self._pardoned.clear()
        return {id: self._availability(id) for id in touched}

    def turns(self) -> list[Turn]:
        """The verdicts that changed since this was asked last."""
        found, self._turns = self._turns, []
        return found

    def pardon(self, endpoints: Iterable[str], since: float) -> None:
        """That these went down, and took groups with them, was a mistake if not before ``since``.

        At their next review they come back at once, and as if they had never failed. ``since`` is
        in seconds since 1970.
        """
        for id in self._needs.with_dependents(endpoints):
            planned = self.plan.endpoints[id]
            if id in self.endpoints and self.endpoints[id][1] >= since:
                self._pardoned.add(id)
            zone = planned.availability_zone, self.availability_zones
            for name, standings in (zone, (planned.region, self.regions)):
                if name in standings and standings[name].since >= since:
                    self._pardoned.add(name)

    def in_service(self, id: str) -> bool:
        """Whether an endpoint is available, whatever its load: by verdicts and orders."""
        ordered = self._heed(self.plan.endpoints[id])
        well = (self._well(id) or self.keeping.keeps(id)) and self._returned(id) > 0
        return ordered.factor > 0 and (ordered.forced or well)

    def _against(self, id: str) -> bool:
        """Whether verdicts take it out of service."""
        return not self._well(id) and not self._heed(self.plan.endpoints[id]).forced

    def _returned(self, id: str) -> float:
        """How far it has come back after it was down, from 0 to 1."""
        never_left = self.keeping.keeps(id) and self.endpoints[id][0].state == "down"
        found = (self._before_fall if never_left else self.returns).get(id)
        return 1.0 if found is None else found.factor(self._now, self._recovery)

    def _ways_back(self) -> Iterable[tuple[str, float]]:
        """Endpoints that are not wholly back, and when that begins."""
        for id, found in self.returns.items():
            back = found.back_at(self._recovery)
            if back is not None and found.factor(self._now, self._recovery) < 1:
                yield id, back

    def _returning(self) -> Iterable[tuple[float, str]]:
        """When the way back of each endpoint is to be looked at next."""
        step = max(0.5, self._recovery.slow_start / _STEPS)
        for id, back in self._ways_back():
            yield (back if self._now < back else self._now + step), id

    def _well(self, id: str) -> bool:
        """By its own verdict and those above it."""
        planned = self.plan.endpoints[id]
        return (
            self.endpoints[id][0].state not in self._out
            and self.availability_zones[planned.availability_zone].group.in_service
            and self.regions[planned.region].group.in_service
        )

    def due(self) -> float | None:
        """When a hold time is over next, on the scale of ``now``."""
        times = [*(when for when, _ in self._holds()), *(when for when, _ in self._returning())]
        kept = self.keeping.due()
        return min(times if kept is None else [*times, kept], default=None)

    def held(self, now: float) -> list[str]:
        """Endpoints: one of each group whose hold time is over, and those that come back."""
        groups = [group.endpoints[0] for when, group in self._holds() if when <= now]
        back = [id for when, id in self._returning() if when <= now]
        due = self.keeping.due()
        return groups + back + (self.keeping.waiting() if due is not None and due <= now else [])

    def _holds(self) -> Iterable[tuple[float, PlannedGroup]]:
        for standings, groups in (
            (self.availability_zones, self.plan.availability_zones),
            (self.regions, self.plan.regions),
        ):
            for name, planned in groups.items():
                if name in standings and planned.endpoints:
                    when = restore_due(standings[name].group, planned.thresholds)
                    if when is not None:
                        yield when, planned

    def _review_endpoint(self, id: str, wall: float) -> None:
        targets = self.plan.endpoints[id].targets
        states = [None if key is None else self._look(key)[0] for key in targets]
        before = self.endpoints.get(id)
        alone = judge_endpoint(states, withhold=self._withhold)
        verdict = alone.without(self._lacking(id, "down"), "down")
        # Who is in service already doesn't leave for the sake of a need that has just been added.
        if self._withhold and (before is None or before[0].state in self._out):
            verdict = verdict.without(self._lacking(id, "unknown"), "unknown")
        turned = before is None or before[0].state != verdict.state
        self.endpoints[id] = (verdict, wall if turned or before is None else before[1])
        self._foresight.see(id, self._binding(id))
        was_down = before is not None and before[0].state == "down"
        if was_down != (verdict.state == "down"):
            reason = self._own_reason(id, verdict)
            state = State.UP if was_down else State.DOWN
            former = self.returns.get(id, Return())
            if was_down and (id in self._pardoned or self.keeping.keeps(id)):
                long_ago = self._now - self._recovery.hold - self._recovery.slow_start
                stood = self._before_fall.get(id, Return())
                self.returns[id] = stood if stood.failed else stood._replace(up_since=long_ago)
            else:
                self.returns[id] = former.turn(state, self._now, self._recovery)
            self._before_fall[id] = former
            self._turns.append(Turn(id, "up" if was_down else "down", reason, (id,)))
            if (before[0] if was_down and before is not None else verdict).lacks:
                _log_dependent(id, verdict, reason)

    def _binding(self, id: str) -> Iterable[str]:
        """Those that it needs and that could take it down."""
        endpoints = self.plan.endpoints
        return (need for need in endpoints[id].needs if not self._heed(endpoints[need]).forced)

    def _lacking(self, id: str, state: EndpointState) -> str | None:
        """The first endpoint that it needs which is in this state; None: none is."""
        return next(
            (need for need in self._binding(id) if self.endpoints[need][0].state == state), None
        )

    def _review_group(
        self, standings: dict[str, Standing], planned: PlannedGroup, now: float, wall: float
    ) -> bool:
        """Judge a group anew; whether it turned."""
        before = standings.get(planned.name)
        states = [self.endpoints[id][0].state for id in planned.checked]
        group = judge_group(
            before.group if before and planned.name not in self._pardoned else None,
            len(states) - states.count("down"),
            len(states),
            planned.thresholds,
            now,
            unknown=states.count("unknown") if self._withhold else 0,
        )
        in_service_before = before.group.in_service if before else True
        turned = group.in_service != in_service_before
        since = before.since if before and not turned else wall
        reason = describe(group, planned.thresholds)
        standings[planned.name] = Standing(group, since, reason)
        if turned:
            became = "restored" if group.in_service else "withdrawn"
            self._turns.append(Turn(planned.name, became, reason, planned.endpoints))
            logger.log(
                logging.INFO if group.in_service else logging.WARNING,
                f"{planned.kind} is {became}",
                extra={planned.kind.replace(" ", "_"): planned.name, "reason": reason},
            )
        return turned

    def _availability(self, id: str) -> EndpointAvailability:
        planned = self.plan.endpoints[id]
        verdict, _ = self.endpoints[id]
        zone = self.availability_zones[planned.availability_zone]
        region = self.regions[planned.region]
        if not region.group.in_service:
            reason = f"region {planned.region} is withdrawn: {region.reason}"
        elif not zone.group.in_service:
            reason = f"availability zone {planned.availability_zone} is withdrawn: {zone.reason}"
        else:
            reason = self._own_reason(id, verdict)
        ordered, felt = self._heed(planned), self._feel(id)
        addresses = verdict.addresses
        kept = self.keeping.keeps(id)
        # Nothing is left to judge by: all of its addresses are answered.
        if ordered.forced or (kept and verdict.state == "down"):
            addresses = (True,) * len(addresses)
        failing = frozenset(
            address.packed
            for address, ok in zip(planned.endpoint.addresses, addresses, strict=True)
            if not ok
        )
        returned = 1.0 if ordered.forced else self._returned(id)
        serving = self.in_service(id)
        self.keeping.serves(id, serving)
        available = felt.availability * ordered.factor * returned if serving else 0.0
        if returned < 1 and self._well(id):
            reason = "coming back slowly" if returned else self._held_out(id)
        if kept:
            reason = _joined(reason, self.keeping.why(id))
        if available:
            reason = _joined(_joined(reason, self._doubt(planned)), felt.reason)
        return EndpointAvailability(
            available,
            addresses,
            _joined(reason, ordered.reason),
            failing,
            felt.factor,
            self._steady(planned, ordered),
        )

    def _steady(self, planned: PlannedEndpoint, ordered: Ordered) -> float:
        id = planned.id
        if id not in self.plan.timed:
            return inf
        if ordered.moving or self.keeping.keeps(id):
            return 0.0
        if ordered.forced or not ordered.factor:
            return inf  # checks have no say
        zone = self.plan.availability_zones[planned.availability_zone]
        region = self.plan.regions[planned.region]
        sees = self._foresight
        out = self.endpoints[id][0].state in self._out
        verdicts = (
            (out, sees.leaves(id, out=out)),
            (not self.availability_zones[zone.name].group.in_service, sees.turns(zone)),
            (not self.regions[region.name].group.in_service, sees.turns(region)),
        )
        return of_availability(verdicts, wholly_back=self._returned(id) >= 1)

    def _held_out(self, id: str) -> str:
        flaps = self.returns[id].suppressed
        return "flapped: held out for a while" if flaps else "up again: in its hold time"

    def _own_reason(self, id: str, verdict: EndpointVerdict) -> str:
        if verdict.lacks is not None:
            needed, _ = self.endpoints[verdict.lacks]
            because = self._own_reason(verdict.lacks, needed)
            return f"needs {verdict.lacks}, which is {needed.state}: {because}"
        if verdict.state == "unchecked":
            return "not checked"
        planned = self.plan.endpoints[id]
        seen = [
            (address, *self._look(key))
            for address, key in zip(planned.endpoint.addresses, planned.targets, strict=True)
            if key is not None
        ]
        down = [f"{address}: {detail}" for address, state, detail in seen if state is State.DOWN]
        if down:
            return f"{len(down)} of {len(seen)} addresses down: {'; '.join(down[:_MOST_NAMED])}"
        return "waiting for the first result" if verdict.state == "unknown" else "up"


def _log_dependent(id: str, verdict: EndpointVerdict, reason: str) -> None:
    """What its own checks find is told by its targets."""
    down = verdict.state == "down"
    logger.log(
        logging.WARNING if down else logging.INFO,
        f"endpoint is {'down' if down else 'up again'}",
        extra={"endpoints": id, "reason": reason},
    )


def _emptied(
    standings: Mapping[str, Standing], groups: Mapping[str, PlannedGroup]
) -> Iterable[str]:
    """Withdrawn groups that have lost their last endpoint, so that none leads to them."""
    return (
        name
        for name, standing in standings.items()
        if not standing.group.in_service and not groups[name].endpoints
    )


def _joined(reason: str, other: str) -> str:
    """Both reasons; one that says nothing gives way."""
    if not other:
        return reason
    return other if reason in _PLAIN else f"{other}; {reason}"


def _kept(before: Mapping[str, T], names: Iterable[str]) -> dict[str, T]:
    return {name: before[name] for name in names if name in before}
