"""The guard's place in the monitor: whom it watches, what it makes of results, what it tells."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from geodns.config.guard_settings import GuardSettings, MassFailure
from geodns.health import probes
from geodns.health.clock import Clock
from geodns.health.guard import Guard, Rules
from geodns.health.machine import Machine, State
from geodns.health.plan import Plan, PlannedEndpoint, TargetKey
from geodns.health.probe import Result
from geodns.health.status import GuardStatus
from geodns.health.target import Target
from geodns.health.turn import Turn

logger = logging.getLogger(__name__)

FROZEN = "frozen"


class Guarding:
    """One guard over all targets that are probed.

    Told targets and combinations are not its own: what others tell says nothing of the prober, and
    a combination follows from what is believed of its parts.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._guard: Guard[TargetKey] = Guard()
        self._plan = Plan()
        self._relied: dict[str, list[TargetKey]] = {}

    def put(
        self, asked: Plan, settings: GuardSettings, targets: Mapping[TargetKey, Target]
    ) -> list[TargetKey]:
        """Watch the targets of this plan from now on.

        Returns those of which something else is to be said under these settings.
        """
        self._plan = asked
        probed = {key: one for key, one in asked.targets.items() if probes.is_probed(key.check)}
        self._relied = {}
        for key, planned in probed.items():
            for id in planned.endpoints:
                self._relied.setdefault(id, []).append(key)
        zones = {id: endpoint.availability_zone for id, endpoint in asked.endpoints.items()}
        return self._guard.put(
            _rules(settings),
            {key: targets[key].machine.state for key in probed},
            {
                key: {zones[id] for id in one.endpoints}
                for key, one in probed.items()
                if one.endpoints
            },
            [key for key, planned in probed.items() if planned.reference],
            self._clock.now(),
        )

    def believed(self, target: Target) -> State:
        """What is believed of a target."""
        return self._guard.believed(target.key, target.machine.state)

    def keeps(self, key: TargetKey) -> bool:
        """Whether a target is believed to be better than its probes say."""
        return self._guard.keeps(key)

    def lasting(self, target: Target) -> Machine:
        """The machine to go on from under another check: a kept target is what it is believed."""
        machine = target.machine
        if not self._guard.keeps(target.key):
            return machine
        return Machine(machine.since, self.believed(target))

    def take(self, target: Target, before: State, result: Result) -> list[TargetKey]:
        """Hear of a result that the target has taken, whose machine was in the state ``before``.

        Returns the targets of which something else is to be said now.
        """
        if target.prober is None or not result.conclusive:
            return []
        now = self._clock.now()
        return self._guard.take(
            target.key,
            ok=result.ok,
            before=before,
            after=target.machine.state,
            began=now - result.duration,
            now=now,
        )

    @property
    def has_news(self) -> bool:
        """Whether ``turns`` has anything."""
        return self._guard.has_news

    @property
    def window(self) -> float:
        """Seconds for which a freeze reaches back."""
        return self._guard.rules.within

    def trust(self, trusted: bool) -> list[TargetKey]:
        """Whether a person wants the probes to be believed, whatever fails."""
        if trusted == self._guard.trusted:
            return []
        return self._guard.trust(trusted, self._clock.now())

    def due(self) -> float | None:
        """When to ``look`` again, on the scale of the clock's ``now``; None: needn't be."""
        return self._guard.due()

    def look(self) -> list[TargetKey]:
        """Time has passed: the targets that are believed something else now."""
        return self._guard.look(self._clock.now())

    def turns(self) -> list[Turn]:
        """Freezes and thaws since this was asked last, with the endpoints that they moved."""
        turns = []
        for news in self._guard.news():
            became = FROZEN if news.became == "frozen" else "free again"
            logger.log(
                logging.ERROR if news.became == "frozen" else logging.WARNING,
                f"verdicts are {became}",
                extra={"reason": news.reason},
            )
            ids = {
                id
                for key in news.keys
                if key in self._plan.targets
                for id in self._plan.targets[key].endpoints
            }
            turns.append(Turn("verdicts", became, news.reason, tuple(sorted(ids)), "guard"))
        return turns

    def doubt(self, planned: PlannedEndpoint) -> str:
        """Why an endpoint is kept in service; empty: it isn't."""
        if not any(self._guard.keeps(key) for key in self._relied.get(planned.id, ())):
            return ""
        frozen = self._guard.frozen
        return (
            f"kept: {frozen.reason}"
            if frozen
            else "kept until it is probed again: the prober was cut off"
        )

    def status(self) -> GuardStatus:
        """How it stands."""
        guard, now, wall = self._guard, self._clock.now(), self._clock.wall()
        frozen = guard.frozen
        failing, of = guard.failing()
        answering, references = guard.references()
        return GuardStatus(
            frozen is not None,
            wall - (now - frozen.since) if frozen else None,
            frozen.reason if frozen else "",
            guard.trusted,
            failing,
            of,
            guard.kept(),
            answering,
            references,
        )


def _rules(settings: GuardSettings) -> Rules:
    mass = settings.mass_failure
    on = isinstance(mass, MassFailure)
    mass = mass if isinstance(mass, MassFailure) else MassFailure()
    return Rules(
        mass.share if on else None,
        mass.within,
        mass.least,
        settings.references_needed,
        settings.longest,
    )
