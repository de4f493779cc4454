"""For how long verdicts are sure to stand, whatever probes find: what TTLs go by. Pure.

Every bound is the time that it takes until a verdict turns if each result from now on speaks
against it. It is the number of results that are still needed, times the interval, as in gdnsd; the
interval is the shorter one, ``fast_interval``, where results already disagree with the state.
Where several must turn for a verdict to turn, the one that is needed last counts. A bound is as of
the last result: it is renewed when results change it, and does not run down between two of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import inf
from typing import NamedTuple

from geodns.config.probing import Check
from geodns.config.settings import Thresholds
from geodns.health.machine import Machine, State
from geodns.health.verdict import Group


class Evidence(NamedTuple):
    """What is known of a target. ``fresh``: nothing of late, since its first probe is under way."""

    machine: Machine
    fresh: bool = False

    def differs(self, other: Evidence) -> bool:
        """Whether it may be nearer to another state, or farther from it, than the other."""
        before = other.machine.disagreeing, other.fresh
        return (self.machine.disagreeing, self.fresh) != before


NONE_YET = Evidence(Machine(0.0), fresh=True)


class Soonest(NamedTuple):
    """In how many seconds something can be down, and up, at the earliest; 0: it is."""

    down: float
    up: float

    def leaves(self, state: State) -> float:
        """When it can have another state than this one."""
        if state is State.UNKNOWN:
            return min(self)
        return self.down if state is State.UP else self.up


UNWATCHED = Soonest(inf, 0.0)


def of_target(evidence: Evidence, check: Check) -> Soonest:
    """A target that is probed, or told its state."""
    machine = evidence.machine
    fast = check.fast_interval or check.interval
    first = 0.0 if evidence.fresh else fast if machine.disagreeing else check.interval

    def time(results: int) -> float:
        """Until so many more are in, each against the state."""
        return first + (results - 1) * fast

    if machine.state is State.DOWN:
        return Soonest(0.0, time(check.rise - machine.successes))
    # One success ends not knowing.
    up = 0.0 if machine.state is State.UP else time(1)
    return Soonest(time(check.fall - machine.failures), up)


def of_combination(needed: int, parts: Sequence[Soonest]) -> Soonest:
    """A target that is up while ``needed`` of its parts are, and down once they can't be."""
    downs, ups = sorted(part.down for part in parts), sorted(part.up for part in parts)
    return Soonest(downs[len(parts) - needed], ups[needed - 1])


def of_endpoint(targets: Sequence[tuple[State, Soonest]], *, withhold: bool) -> Soonest:
    """An endpoint by its probed addresses: down when all of them are, up when it is in service.

    ``withhold``: it isn't while nothing is known of it.
    """
    if not targets:
        return UNWATCHED
    wanted = {State.UP} if withhold else {State.UP, State.UNKNOWN}
    in_service = any(state in wanted for state, _ in targets)
    up = 0.0 if in_service else min(soonest.up for _, soonest in targets)
    return Soonest(max(soonest.down for _, soonest in targets), up)


def with_needs(own: Soonest, needed: Sequence[Soonest]) -> Soonest:
    """An endpoint that is down for as long as one of those that it needs is."""
    return Soonest(
        min((own.down, *(each.down for each in needed))),
        # One of which nothing is known takes nobody down.
        max((own.up, *(each.up for each in needed if not each.down))),
    )


def any_leaves(targets: Iterable[tuple[State, Soonest]]) -> float:
    """When the first of an endpoint's addresses can have another state."""
    return min((soonest.leaves(state) for state, soonest in targets), default=inf)


def of_group(group: Group, checked: Sequence[Soonest], thresholds: Thresholds) -> float:
    """When an AZ or region can be withdrawn, or be restored; ``checked`` are its endpoints."""
    count = len(checked)
    if not count:
        return inf
    if group.in_service:
        downs = sorted(each.down for each in checked)
        return next(
            (
                down
                for number, down in enumerate(downs, 1)
                if (count - number) / count < thresholds.withdraw_below
            ),
            inf,
        )
    # It comes back for certain, by nothing but waiting.
    if group.enough_since is not None:
        return 0.0
    least = max(thresholds.restore_above, thresholds.withdraw_below)
    ups = sorted(each.up for each in checked)
    up = next((up for number, up in enumerate(ups, 1) if number / count >= least), inf)
    return up + thresholds.hold


def of_availability(withdrawing: Sequence[tuple[bool, float]], *, wholly_back: bool) -> float:
    """For how long an endpoint's availability and addresses stay as they are.

    ``withdrawing`` are the verdicts on it, its AZ and its region: whether each is against it, and
    when it can turn.
    """
    against = [seconds for withdrawn, seconds in withdrawing if withdrawn]
    if against:  # it comes back when the last of them has turned
        return max(against)
    return min(seconds for _, seconds in withdrawing) if wholly_back else 0.0
