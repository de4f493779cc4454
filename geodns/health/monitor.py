"""Runs all health checks of a configuration and tells when an endpoint's availability changes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterable, Mapping
from random import Random

from geodns.config.health_settings import Health
from geodns.config.probing import CombinedCheck, PushCheck
from geodns.config.settings import Check, Configuration, Service
from geodns.health import probes
from geodns.health.availability import Availability, EndpointAvailability
from geodns.health.clock import Clock, LoopClock
from geodns.health.first_results import FirstResults
from geodns.health.flapping import Rules
from geodns.health.guarding import FROZEN, Guarding
from geodns.health.judge import Judge
from geodns.health.keeping import Keeping
from geodns.health.kits.combination import combine
from geodns.health.known import Known
from geodns.health.load_plan import ShareBasis, plan_loads
from geodns.health.loads import Loads
from geodns.health.machine import Machine, State
from geodns.health.memory import Memory, Rows, rows_of
from geodns.health.orders import Ordered, Orders, endpoints_of
from geodns.health.plan import Plan, PlannedEndpoint, TargetKey, plan, wholes
from geodns.health.probe import Observation, Prober, Result
from geodns.health.report import report
from geodns.health.schedule import USUAL_SLOTS, Scheduler
from geodns.health.silence import Silence
from geodns.health.status import LoadStatus, Status
from geodns.health.steadiness import Evidence
from geodns.health.target import Target
from geodns.health.timers import Timers
from geodns.health.told import HealthReport, told_targets
from geodns.health.turn import Turn

ProberFactory = Callable[[Check], Prober]
Moved = dict[str, tuple[float, float]]
"""By endpoint, its availability before and after."""


_LOOK_AT_ORDERS = 60.0  # seconds
# Seconds for which results are collected, for each endpoint: a review makes a new vector of all.
_COLLECT_EACH = 1e-6
# Seconds in which news of TTLs alone are collected, and for each endpoint: all go to all workers.
_TELL_STEADY, _TELL_STEADY_EACH = 0.25, 1e-4


class Monitor:
    """Probes every distinct target of the configuration and judges endpoints, AZs and regions.

    ``notify`` is called in the event loop, very soon after a verdict changes; never from
    ``apply``. ``observe`` is called for every finished probe; ``share_basis`` says of a service by
    what the AZs of a region share; ``slots`` probes may run at once. ``record`` gets every verdict
    that turns, ``remember`` the rows for a later process (see ``recall``). Order of use::

        monitor = Monitor(notify)
        monitor.recall(rows)                         # where there are any
        availability = monitor.apply(configuration)  # before or during run, any number of times
        await monitor.run()                          # until close() or cancellation
    """

    def __init__(
        self,
        notify: Callable[[Availability], None],
        *,
        clock: Clock | None = None,
        random: Random | None = None,
        make_prober: ProberFactory = probes.make_prober,
        observe: Callable[[Observation], None] | None = None,
        share_basis: Callable[[Service], ShareBasis] = lambda _service: "weight",
        record: Callable[[Turn, Moved], None] | None = None,
        slots: int = USUAL_SLOTS,
        remember: Callable[[Rows], None] = lambda _rows: None,
    ) -> None:
        self._notify = notify
        self._clock = clock or LoopClock()
        self._make_prober = make_prober
        self._observe = observe
        self._record = record
        self._remember = remember
        self._memory = Memory()
        self._turned: set[TargetKey] = set()
        self._first_results = FirstResults(self._clock)
        self._orders = Orders()
        self._availability = Availability(0, {})
        self._share_basis = share_basis
        self._loads = Loads(Plan())
        self._guarding = Guarding(self._clock)
        self._judge = Judge(Plan(), self._look)
        self._targets: dict[TargetKey, Target] = {}
        self._scheduler: Scheduler[TargetKey] = Scheduler(
            self._clock, random or Random(), self._finished, slots=slots
        )
        self._silence: Silence[TargetKey] = Silence(self._clock, self._fell_silent)
        self._wholes: dict[TargetKey, list[TargetKey]] = {}
        self._running = False
        self._closed = asyncio.Event()
        self._ended = asyncio.Event()
        self._changed: set[str] = set()
        self._timers = Timers(self._clock)

    @property
    def availability(self) -> Availability:
        """What holds now."""
        return self._availability

    def recall(self, rows: Rows) -> None:
        """Go on from what an earlier process remembered. Before the first ``apply``."""
        self._memory = Memory(rows, now=self._clock.now(), wall=self._clock.wall())

    def apply(self, configuration: Configuration) -> Availability:
        """Check what this configuration asks for; what was checked before keeps its state.

        The result fits the configuration: it names exactly its endpoints. Raises GeodnsError, and
        changes nothing, when a check can't be set up (a file of authorities that can't be read).
        """
        asked = plan(configuration)
        probers: dict[Check, Prober] = {}
        for check, _ in asked.targets:
            if check not in probers and probes.is_probed(check):
                probers[check] = self._make_prober(check)
        self._targets = self._continue(asked, probers)
        self._wholes = wholes(asked)
        guard = configuration.services.health.guard
        self._turned.update(self._guarding.put(asked, guard, self._targets))
        for key in asked.targets:
            self._combine(key, asked)
        now, wall = self._clock.now(), self._clock.wall()
        planned = plan_loads(configuration, self._share_basis)
        self._loads = Loads(asked, planned, self._loads, now)
        self._judge = self._judge_of(asked, configuration.services.health)
        self._changed.clear()
        self._first_results.put(self._targets)
        guarded = self._hear_of_guard(wall)
        endpoints = self._judge.review(asked.endpoints, now, wall)
        moved = self._loads.advance(now, self._judge.in_service)
        endpoints |= self._judge.review(moved, now, wall)
        in_order = {id: endpoints[id] for id in asked.endpoints}
        before = self._availability.endpoints
        self._availability = Availability(self._availability.generation + 1, in_order)
        self._tell_turns(before, guarded)
        if self._running:
            self._schedule()
        return self._availability

    async def first_results(self, limit: float) -> int:
        """Wait until every target has been probed once, for at most ``limit`` seconds.

        How many have not been. Only while it runs; what is told by others is not waited for.
        """
        return await self._first_results.wait(limit)

    async def run(self) -> None:
        """Probe until ``close()`` or cancellation; all probes have ended when this returns."""
        self._running = True
        self._ended.clear()
        self._schedule()
        try:
            await self._closed.wait()
        finally:
            self._running = False
            self._timers.cancel_all()
            self._silence.put({})
            await self._scheduler.stop()
            self._ended.set()

    async def close(self) -> None:
        """Stop probing and wait until every probe has ended."""
        self._closed.set()
        if self._running:
            await self._ended.wait()

    def status(self) -> Status:
        """The state of everything, with reasons."""
        now, wall = self._clock.now(), self._clock.wall()
        return report(
            self._judge,
            self._targets,
            self._availability,
            wall,
            lambda id: self._loads.status(id, now, wall),
            self._guarding,
        )

    def push_load(self, endpoint: str, load: float, seconds: float) -> LoadStatus:
        """Take a load from outside, in the endpoint's unit, which holds for ``seconds``.

        Raises GeodnsError where there is no such endpoint, or it has no capacity.
        """
        now = self._clock.now()
        self._loads.push(endpoint, load, seconds, now)
        self._touch(())
        return self._loads.status(endpoint, now, self._clock.wall())

    def push_health(self, endpoint: str, report: HealthReport) -> int:
        """Take from outside whether an endpoint serves: of how many of its addresses.

        Raises GeodnsError where there is no such endpoint or address, or no ``push`` check.
        """
        told = told_targets(self._judge.plan, endpoint, report)
        if report.load is not None:
            seconds = max(key.check.interval for key in told)
            self._loads.push(endpoint, report.load, seconds, self._clock.now())
            self._touch(())
        for key in told:
            self._silence.heard(key)
            self._finished(key, Result(report.up, 0.0, report.words))
        return len(told)

    @property
    def plan(self) -> Plan:
        """What is asked for now."""
        return self._judge.plan

    def order(self, orders: Orders) -> Moved:
        """Take these orders in place of those so far: what that moves at once.

        ``notify`` is called where something moved, before this returns.
        """
        before = self._availability.endpoints
        self._orders = orders
        self._believe(self._guarding.trust(orders.trusted(self._clock.wall())))
        self._changed.update(self._judge.plan.endpoints)
        self._flush()
        if self._running:
            self._set_order_timer()
        return _moved(before, self._availability.endpoints, before)

    def load_reports(self) -> dict[tuple[str, str], int]:
        """How many reports came, by service and result (``ok``, ``bad``, ``pushed``)."""
        return dict(self._loads.counts)

    def _continue(self, asked: Plan, probers: dict[Check, Prober]) -> dict[TargetKey, Target]:
        known = Known(self._targets, self._guarding.lasting)
        targets: dict[TargetKey, Target] = {}
        for key, wanted in asked.targets.items():
            target = self._targets.get(key)
            if target is None:
                before = known.machine(key, wanted) or self._memory.machine(
                    wanted.check, key.address
                )
                machine = (
                    Machine(self._clock.wall())
                    if before is None
                    else before.inherited(rise=key.check.rise)
                )
                target = Target(key, "", (), None, machine)
            # A new prober even for the same check: the file of authorities may have changed.
            target.prober = probers.get(key.check)
            target.name, target.endpoints = wanted.check, tuple(wanted.endpoints)
            target.decides = wanted.decides
            targets[key] = target
        return targets

    def _judge_of(self, asked: Plan, health: Health) -> Judge:
        """A judge of this plan, who goes on from the one before, or from an earlier process's."""
        memory, self._memory = self._memory, Memory()
        before = self._judge if self._judge.plan.endpoints else memory.judge(asked)
        return Judge(
            asked,
            self._look,
            before,
            self._loads.felt,
            self._heed,
            Rules(**health.recovery.model_dump()),
            withhold=health.unknown == "withhold",
            doubt=self._guarding.doubt,
            evidence=self._evidence,
            keeping=Keeping(asked, health.guard.withdrawal, before.keeping),
        )

    def _schedule(self) -> None:
        jobs = {key: target.job for key, target in self._targets.items()}
        self._scheduler.put({key: job for key, job in jobs.items() if job is not None})
        self._silence.put(
            {key: key.check.keep for key in self._targets if isinstance(key.check, PushCheck)}
        )
        self._set_hold_timer()
        self._set_load_timer()
        self._set_order_timer()

    def _heed(self, planned: PlannedEndpoint) -> Ordered:
        return self._orders.on(planned, self._clock.wall())

    def _look(self, key: TargetKey) -> tuple[State, str]:
        target = self._targets[key]
        return self._guarding.believed(target), target.detail

    def _evidence(self, key: TargetKey) -> Evidence:
        target = self._targets[key]
        return Evidence(target.machine, fresh=target.last is None)

    def _finished(self, key: TargetKey, result: Result) -> None:
        target = self._targets[key]
        before = self._evidence(key)
        turned = target.take(result, self._clock.wall())
        self._believe(self._guarding.take(target, before.machine.state, result))
        if target.prober is not None:
            self._feel(target, result)
        if self._observe is not None and target.prober is not None:
            self._observe(
                Observation(
                    key.check.type, target.name, str(key.address), result.ok, result.duration
                )
            )
        self._first_results.seen(key)
        if turned:
            self._turned.add(key)
        # A verdict of an earlier process gets its reason with the first result.
        nearer = self._judge.plan.timed and self._evidence(key).differs(before)
        if turned or before.fresh or nearer:
            self._touch(target.endpoints)
        for whole in self._wholes.get(key, ()):
            self._combine(whole, self._judge.plan)

    def _believe(self, keys: Collection[TargetKey]) -> None:
        """Something else is to be said of these by the guard."""
        self._turned.update(keys)
        if keys or self._guarding.has_news:
            self._touch({id for key in keys for id in self._targets[key].endpoints})
        for key in keys:
            for whole in self._wholes.get(key, ()):
                self._combine(whole, self._judge.plan)

    def _combine(self, key: TargetKey, asked: Plan) -> None:
        """Judge a combination by its parts; any other target is left as it is."""
        if not isinstance(key.check, CombinedCheck):
            return
        target = self._targets[key]
        parts = [(name, *self._look(part)) for name, part in asked.targets[key].parts]
        state, detail = combine(key.check.needed, parts)
        if state is not State.UNKNOWN:
            turned = target.take(Result(state is State.UP, 0.0, detail), self._clock.wall())
            if turned and asked is self._judge.plan:
                self._turned.add(key)
                self._touch(target.endpoints)
        for whole in self._wholes.get(key, ()):
            self._combine(whole, asked)

    def _fell_silent(self, key: TargetKey) -> None:
        silent = f"nothing reported for {key.check.interval:g} s"
        self._finished(key, Result(False, 0.0, silent))

    def _feel(self, target: Target, result: Result) -> None:
        now = self._clock.now()
        if result.load is not None:
            self._loads.seen(target.endpoints, str(target.key.address), result.load, now)
        if result.ok and result.conclusive:
            self._loads.timed(target.endpoints, result.duration, now)

    def _touch(self, endpoints: Iterable[str]) -> None:
        """Judge these anew very soon: one review for a burst of results."""
        self._changed.update(endpoints)
        if not self._timers.has("flush"):
            pause = _COLLECT_EACH * len(self._availability.endpoints)
            self._timers.put("flush", self._clock.now() + pause, self._flush)

    def _flush(self) -> None:
        changed = self._changed & self._judge.plan.endpoints.keys()
        self._changed.clear()
        now, wall = self._clock.now(), self._clock.wall()
        guarded = self._hear_of_guard(wall)
        reviewed = self._judge.review(changed, now, wall)
        # Who leaves or comes back changes what the others may shed.
        moved = self._loads.advance(now, self._judge.in_service)
        reviewed |= self._judge.review(moved, now, wall)
        self._set_hold_timer()
        before = self._availability
        news = any(not before.endpoints[id].answers_as(now) for id, now in reviewed.items())
        # A reason that reads differently is kept for whoever asks, but is no news by itself.
        self._availability = Availability(
            before.generation + news, {**before.endpoints, **reviewed}
        )
        if news:
            self._tell()
        elif any(before.endpoints[id].steady != now.steady for id, now in reviewed.items()):
            self._tell_soon()
        self._tell_turns(before.endpoints, guarded)

    def _hear_of_guard(self, wall: float) -> list[Turn]:
        """Whether it froze verdicts or let them go, before the next review."""
        turns = self._guarding.turns()
        for turn in turns:
            if turn.became == FROZEN:
                self._judge.pardon(turn.endpoints, wall - self._guarding.window)
        return turns

    def _tell_turns(
        self, before: Mapping[str, EndpointAvailability], guarded: Iterable[Turn]
    ) -> None:
        turns = self._judge.turns()
        for turn in (*guarded, *turns):
            if self._record is not None:
                known = [id for id in turn.endpoints if id in before]
                self._record(turn, _moved(before, self._availability.endpoints, known))
        self._keep_what_turned(turns)

    def _keep_what_turned(self, turns: Iterable[Turn]) -> None:
        targets = [
            (key, self._look(key)[0], self._targets[key].machine.since)
            for key in self._turned
            if key in self._targets
        ]
        self._turned.clear()
        ids = [turn.id for turn in turns]
        if targets or ids:
            behind = self._clock.wall() - self._clock.now()
            self._remember(rows_of(self._judge, ids, targets, behind))

    def _tell(self) -> None:
        self._timers.cancel("steady")
        self._notify(self._availability)

    def _tell_soon(self) -> None:
        if not self._timers.has("steady"):
            pause = max(_TELL_STEADY, _TELL_STEADY_EACH * len(self._availability.endpoints))
            self._timers.put("steady", self._clock.now() + pause, self._tell_steady)

    def _tell_steady(self) -> None:
        current = self._availability
        self._availability = Availability(current.generation + 1, current.endpoints)
        self._tell()

    def _set_hold_timer(self) -> None:
        dues = [due for due in (self._judge.due(), self._guarding.due()) if due is not None]
        self._timers.put("hold", min(dues, default=None), self._held)

    def _set_load_timer(self) -> None:
        step = self._loads.step()
        when = None if step is None else self._clock.now() + step
        self._timers.put("load", when, self._step)

    def _set_order_timer(self) -> None:
        wall = self._clock.wall()
        due = self._orders.next_change(wall)
        # Not much later, for the time of day may be set meanwhile.
        wait = None if due is None else min(due - wall, _LOOK_AT_ORDERS)
        when = None if wait is None else self._clock.now() + wait
        self._timers.put("orders", when, self._orders_moved)

    def _orders_moved(self) -> None:
        ids = [id for _, id in self._orders.all]
        self._orders = self._orders.current(self._clock.wall())
        self._believe(self._guarding.trust(self._orders.trusted(self._clock.wall())))
        for id in ids:
            self._changed.update(endpoints_of(self._judge.plan, id))
        self._flush()
        self._set_order_timer()

    def _step(self) -> None:
        self._set_load_timer()
        self._flush()

    def _held(self) -> None:
        self._believe(self._guarding.look())
        self._changed.update(self._judge.held(self._clock.now()))
        self._flush()


def _moved(
    before: Mapping[str, EndpointAvailability],
    after: Mapping[str, EndpointAvailability],
    ids: Iterable[str],
) -> Moved:
    both = {id: (before[id].availability, after[id].availability) for id in ids}
    return {id: pair for id, pair in both.items() if pair[0] != pair[1]}
