"""When health could change an endpoint's place in answers, kept current while targets change."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from math import inf

from geodns.config.probing import CombinedCheck
from geodns.health.machine import State
from geodns.health.plan import Plan, PlannedGroup, TargetKey
from geodns.health.steadiness import (
    UNWATCHED,
    Evidence,
    Soonest,
    any_leaves,
    of_combination,
    of_endpoint,
    of_group,
    of_target,
    with_needs,
)
from geodns.health.verdict import Group


class Foresight:
    """Bounds on the endpoints of one plan, their AZs and regions, in seconds.

    Only where the TTL of some service follows health; elsewhere nothing is reckoned.
    """

    def __init__(
        self,
        plan: Plan,
        look: Callable[[TargetKey], tuple[State, str]],
        evidence: Callable[[TargetKey], Evidence],
        *,
        withhold: bool,
    ) -> None:
        """``look`` is what targets are judged by, ``evidence`` what is known of them.

        ``withhold``: what isn't known yet is not in service.
        """
        self._plan = plan
        self._look = look
        self._evidence = evidence
        self._withhold = withhold
        self._endpoints: dict[str, tuple[Soonest, float]] = {}
        self._groups: dict[tuple[str, str], float] = {}
        groups = [*plan.availability_zones.values(), *plan.regions.values()] if plan.timed else []
        self._timed = {
            (group.kind, group.name): tuple(id for id in group.endpoints if id in plan.timed)
            for group in groups
        }

    def see(self, id: str, needs: Iterable[str]) -> None:
        """Reckons an endpoint anew, behind those that it ``needs``, as far as they take it down."""
        if self._plan.timed:
            keys = [key for key in self._plan.endpoints[id].targets if key is not None]
            targets = [(self._look(key)[0], self._soonest(key)) for key in keys]
            needed = [self._endpoints[each][0] for each in needs]
            leaves = min((any_leaves(targets), *(each.down for each in needed)))
            own = of_endpoint(targets, withhold=self._withhold)
            self._endpoints[id] = with_needs(own, needed), leaves

    def see_group(self, planned: PlannedGroup, group: Group) -> tuple[str, ...]:
        """Reckons a group anew: the endpoints for which it has another bound than before."""
        key = planned.kind, planned.name
        timed = self._timed.get(key, ())
        if not timed:
            return ()
        before = self._groups.get(key)
        checked = [self._endpoints.get(id, (UNWATCHED, inf))[0] for id in planned.checked]
        now = self._groups[key] = of_group(group, checked, planned.thresholds)
        return timed if now != before else ()

    def leaves(self, id: str, *, out: bool) -> float:
        """When an endpoint that is ``out`` of service can be in it; when another can lose or regain
        an address.
        """
        soonest, leaves = self._endpoints[id]
        return soonest.up if out else leaves

    def turns(self, planned: PlannedGroup) -> float:
        """When an AZ or a region can be withdrawn, or be restored."""
        return self._groups[planned.kind, planned.name]

    def _soonest(self, key: TargetKey) -> Soonest:
        evidence, check = self._evidence(key), key.check
        if evidence.machine.state is not self._look(key)[0]:
            return Soonest(0.0, 0.0)  # what is known is not what is judged by yet
        if isinstance(check, CombinedCheck):
            parts = [self._soonest(part) for _, part in self._plan.targets[key].parts]
            return of_combination(check.needed, parts)
        return of_target(evidence, check)
