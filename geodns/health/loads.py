"""Keeps what is known of every endpoint's load and speed, and what follows for the answers."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import NamedTuple

from geodns.errors import GeodnsError
from geodns.health.load_plan import PlannedLoad
from geodns.health.load_reports import Report, Reports
from geodns.health.plan import Plan, PlannedEndpoint
from geodns.health.probe import SeenLoad
from geodns.health.status import LoadStatus
from geodns.load import factors, shedding
from geodns.load.damping import smoothed
from geodns.load.factors import Dial
from geodns.load.shedding import Valve
from geodns.load.words import in_words

logger = logging.getLogger(__name__)

_NO_PLAN: Mapping[str, PlannedLoad] = {}


class UnknownEndpointError(GeodnsError):
    """A load was pushed for something that takes none."""


class Felt(NamedTuple):
    """What load makes of an endpoint: a factor of its availability, one of its share, and why."""

    availability: float = 1.0
    factor: float = 1.0
    reason: str = ""


@dataclass(slots=True)
class _Endpoint:
    """``speed`` is the smoothed time of its checks in seconds, ``timed`` when it was measured."""

    planned: PlannedEndpoint
    load: PlannedLoad
    reports: Reports = field(default_factory=Reports)
    valve: Valve = field(default_factory=Valve)
    dial: Dial = field(default_factory=Dial)
    speed: float | None = None
    timed: float = 0.0

    @property
    def report(self) -> Report | None:
        return self.reports.current(self.load.addresses)

    @property
    def utilisation(self) -> float | None:
        capacity, report = self.planned.endpoint.capacity, self.report
        return report.load / capacity if report is not None and capacity is not None else None


class Loads:
    """The endpoints of one plan; those that were there ``before`` go on from where they stood.

    All times are on the scale of ``now``, in seconds. ``counts`` counts reports by (service,
    result), for metrics: ``ok``, ``bad`` and ``pushed``.
    """

    def __init__(
        self,
        plan: Plan,
        loads: Mapping[str, PlannedLoad] = _NO_PLAN,
        before: Loads | None = None,
        now: float = 0.0,
    ) -> None:
        self.counts: Counter[tuple[str, str]] = before.counts if before else Counter()
        self._moved: float = before._moved if before else now
        self._endpoints: dict[str, _Endpoint] = {}
        for id, planned in plan.endpoints.items():
            load = loads.get(planned.service)
            if load is not None:
                former = before._endpoints.get(id) if before else None
                self._endpoints[id] = _continued(former, planned, load)
        self._moving = [id for id, e in self._endpoints.items() if e.load.moves]
        shed = [e for e in self._endpoints.values() if e.load.rules is not None]
        self._sheds = _grouped(shed, lambda e: e.load.together)
        self._shares = _grouped(
            (e for e in self._endpoints.values() if e.load.basis in {"load", "response_time"}),
            lambda e: f"{e.load.service}@{e.planned.region}",
        )
        self._together = _grouped(self._endpoints.values(), lambda e: e.load.together)

    def step(self) -> float | None:
        """How often to ``advance``; None: nothing ever moves."""
        steps = (e.load.step for e in self._endpoints.values() if e.load.moves)
        return min(steps, default=None)

    def seen(self, ids: Iterable[str], address: str, seen: SeenLoad, now: float) -> None:
        """A check's answer, for all endpoints that rely on it."""
        for id in ids:
            endpoint = self._endpoints.get(id)
            if endpoint is None:
                continue
            told = endpoint.reports.see(address, seen, now, endpoint.load.keep)
            self.counts[endpoint.load.service, "ok" if told else "bad"] += 1
            if told and endpoint.reports.pushed is None:
                self._sample(endpoint)

    def timed(self, ids: Iterable[str], duration: float, now: float) -> None:
        """How long a successful check took, for all endpoints that rely on it."""
        for id in ids:
            endpoint = self._endpoints.get(id)
            if endpoint is None:
                continue
            smoothing = endpoint.load.smoothing
            passed = now - endpoint.timed
            endpoint.speed = smoothed(endpoint.speed, duration, passed, smoothing)
            endpoint.timed = now
            if endpoint.load.basis == "response_time":
                endpoint.dial = endpoint.dial.time(duration, smoothing)

    def push(self, id: str, load: float, seconds: float, now: float) -> None:
        """A load from outside, which holds for ``seconds``. Raises UnknownEndpointError."""
        endpoint = self._endpoints.get(id)
        if endpoint is None:
            raise UnknownEndpointError(f"there is no endpoint {id!r}; write service@az")
        if endpoint.planned.endpoint.capacity is None:
            raise UnknownEndpointError(
                f"{id} has no capacity in the topology, without which a load says nothing"
            )
        if endpoint.reports.pushed is None:  # another measure than the one before: begin anew
            endpoint.valve, endpoint.dial = endpoint.valve.forget(), endpoint.dial.forget()
        endpoint.reports.push(load, now, seconds)
        self.counts[endpoint.load.service, "pushed"] += 1
        self._sample(endpoint)

    def advance(self, now: float, in_service: Callable[[str], bool]) -> set[str]:
        """Let time pass; the endpoints for which something else goes out, or that shed.

        ``in_service`` tells whether an endpoint is available but for its load.
        """
        seconds, self._moved = max(0.0, now - self._moved), now
        before = {id: _published(self._endpoints[id]) for id in self._moving}
        for endpoint in self._endpoints.values():
            _expire(endpoint, now)
        for together in self._sheds:
            self._shed(together, in_service, seconds)
        for ids in self._shares.values():
            self._share(ids, seconds)
        after = {id: _published(self._endpoints[id]) for id in self._moving}
        for id in self._moving:
            self._tell(id, before[id][0])
        return {id for id in self._moving if after[id] != before[id] or after[id][0] < 1}

    def felt(self, id: str) -> Felt:
        """What goes out for an endpoint now."""
        endpoint = self._endpoints.get(id)
        if endpoint is None:
            return Felt()
        available, factor = _published(endpoint)
        return Felt(available, factor, self._reason(endpoint) if available < 1 else "")

    def status(self, id: str, now: float, wall: float) -> LoadStatus:
        """All that is known, for people; times become seconds since 1970."""
        endpoint = self._endpoints.get(id)
        if endpoint is None:
            return LoadStatus()
        _expire(endpoint, now)
        report = endpoint.report
        return LoadStatus(
            load=None if report is None else report.load,
            capacity=endpoint.planned.endpoint.capacity,
            utilisation=endpoint.utilisation,
            pushed=endpoint.reports.pushed is not None,
            at=None if report is None else report.at - now + wall,
            until=None if report is None else report.until - now + wall,
            fault=endpoint.reports.fault,
            response_time=endpoint.speed,
            availability=endpoint.valve.published,
            factor=endpoint.dial.published,
            share_by=endpoint.load.basis,
        )

    def _sample(self, endpoint: _Endpoint) -> None:
        used = endpoint.utilisation
        if used is None:
            return
        if endpoint.load.rules is not None:
            endpoint.valve = endpoint.valve.sample(used, endpoint.load.rules)
        if endpoint.load.basis == "load":
            endpoint.dial = endpoint.dial.load(used, endpoint.load.smoothing)

    def _shed(self, together: str, in_service: Callable[[str], bool], seconds: float) -> None:
        ids = self._sheds[together]
        serving = {id for id in self._together[together] if in_service(id)}
        valves = shedding.advance(
            {id: self._endpoints[id].valve for id in ids},
            serving.intersection(ids),
            seconds,
            {id: rules for id in ids if (rules := self._endpoints[id].load.rules) is not None},
            room_beside=not serving <= set(ids),
        )
        for id, valve in valves.items():
            self._endpoints[id].valve = valve

    def _share(self, ids: Collection[str], seconds: float) -> None:
        endpoints = [self._endpoints[id] for id in ids]
        load = endpoints[0].load
        wanted: factors.Wanted = factors.by_response_time
        if load.basis == "load":
            capacities = [endpoint.planned.endpoint.capacity for endpoint in endpoints]
            wanted = partial(factors.by_load, capacities)
        dials = {id: self._endpoints[id].dial for id in ids}
        for id, dial in factors.advance(dials, wanted, seconds, load.lag).items():
            self._endpoints[id].dial = dial

    def _reason(self, endpoint: _Endpoint) -> str:
        assert endpoint.load.rules is not None
        report = endpoint.report
        return in_words(
            endpoint.valve.published,
            None if report is None else report.load,
            endpoint.planned.endpoint.capacity,
            endpoint.load.rules.marks,
        )

    def _tell(self, id: str, former: float) -> None:
        """The beginning and the end of shedding; what is between stands in the status."""
        endpoint = self._endpoints[id]
        available = endpoint.valve.published
        if former == 1 and available < 1:
            reason = self._reason(endpoint)
            logger.warning("endpoint sheds load", extra={"endpoint": id, "reason": reason})
        elif available == 1 and former < 1:
            logger.info("endpoint takes its whole share again", extra={"endpoint": id})


def _continued(former: _Endpoint | None, planned: PlannedEndpoint, load: PlannedLoad) -> _Endpoint:
    if former is None:
        return _Endpoint(planned, load)
    former.planned = planned
    if load.rules is None:
        former.valve = Valve()
    if load.basis != former.load.basis:
        former.dial = Dial()
    former.load = load
    return former


def _expire(endpoint: _Endpoint, now: float) -> None:
    endpoint.reports.expire(now)
    silent = endpoint.report is None
    if silent and endpoint.valve.demand is not None:
        endpoint.valve = endpoint.valve.forget()
    slow = now - endpoint.timed > endpoint.load.keep
    gone = slow if endpoint.load.basis == "response_time" else silent
    if gone and endpoint.dial.seen is not None:
        endpoint.dial = endpoint.dial.forget()
    if slow:
        endpoint.speed = None


def _published(endpoint: _Endpoint) -> tuple[float, float]:
    return endpoint.valve.published, endpoint.dial.published


def _grouped(
    endpoints: Iterable[_Endpoint], name: Callable[[_Endpoint], str]
) -> dict[str, list[str]]:
    groups: dict[str, list[str]] = {}
    for endpoint in endpoints:
        groups.setdefault(name(endpoint), []).append(endpoint.planned.id)
    return groups
