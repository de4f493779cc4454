"""Bounds on when verdicts can turn, beside a search through all that probes could find."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from itertools import count
from math import inf
from random import Random
from typing import NamedTuple

import pytest

from geodns.config.probing import TcpCheck
from geodns.config.settings import Thresholds
from geodns.health.kits.combination import combine
from geodns.health.machine import Machine, State
from geodns.health.steadiness import (
    Evidence,
    Soonest,
    any_leaves,
    of_availability,
    of_combination,
    of_endpoint,
    of_group,
    of_target,
    with_needs,
)
from geodns.health.verdict import EndpointVerdict, Group, judge_endpoint, judge_group, restore_due

HORIZON = 200.0


class Probed(NamedTuple):
    machine: Machine
    check: TcpCheck
    fresh: bool = True

    @property
    def pause(self) -> float:
        """From one result to the next, as the scheduler has it."""
        if self.machine.uncertain() and self.check.fast_interval is not None:
            return self.check.fast_interval
        return self.check.interval

    def take(self, ok: bool) -> Probed:
        rise, fall = self.check.rise, self.check.fall
        machine = self.machine.step(ok, 0.0, rise=rise, fall=fall)
        return self._replace(
            fresh=False,
            machine=machine._replace(
                since=0.0,
                successes=min(machine.successes, rise),
                failures=min(machine.failures, fall),
            ),
        )


class World(NamedTuple):
    """Targets with when each has its next result, and the group that their endpoints are in."""

    targets: tuple[Probed, ...]
    due: tuple[float, ...]
    group: Group


class Setting(NamedTuple):
    """``endpoints`` are the targets of each, by number."""

    endpoints: tuple[tuple[int, ...], ...]
    thresholds: Thresholds
    withhold: bool

    def states(self, world: World, endpoint: int) -> list[State]:
        return [world.targets[at].machine.state for at in self.endpoints[endpoint]]

    def judged(self, world: World, now: float) -> World:
        states = [self.verdict(world, at).state for at in range(len(self.endpoints))]
        group = judge_group(
            world.group,
            len(states) - states.count("down"),
            len(states),
            self.thresholds,
            now,
            unknown=states.count("unknown") if self.withhold else 0,
        )
        return world._replace(group=group)

    def verdict(self, world: World, endpoint: int) -> EndpointVerdict:
        return judge_endpoint(self.states(world, endpoint), withhold=self.withhold)

    def is_out(self, world: World, endpoint: int) -> bool:
        state = self.verdict(world, endpoint).state
        return state == "down" or (self.withhold and state == "unknown")

    def shown(self, world: World) -> object:
        """What answers have of the first endpoint."""
        if not world.group.in_service or self.is_out(world, 0):
            return None
        return self.verdict(world, 0).addresses


def random_world(random: Random) -> tuple[Setting, World]:
    targets: list[Probed] = []
    endpoints = []
    for _ in range(random.randint(1, 3)):
        own = []
        for _ in range(random.choice((1, 1, 2))):
            if len(targets) < 4:
                own.append(len(targets))
                targets.append(random_target(random))
        if own:
            endpoints.append(tuple(own))
    low = random.choice((0.3, 0.5, 0.7, 1.0))
    thresholds = Thresholds(
        withdraw_below=low, restore_above=max(low, 0.8), hold=random.choice((0, 7))
    )
    due = tuple(0.0 if each.fresh else each.pause for each in targets)
    setting = Setting(tuple(endpoints), thresholds, random.random() < 0.5)
    before = World(tuple(targets), due, Group(random.random() < 0.6, 0, 0))
    # A group in its hold time has been so for a while.
    return setting, setting.judged(before, -3.0)


def random_target(random: Random) -> Probed:
    check = TcpCheck(
        type="tcp",
        port=1,
        interval=random.choice((4, 5, 10)),
        fast_interval=random.choice((None, 1, 3)),
        rise=random.randint(1, 3),
        fall=random.randint(1, 3),
    )
    target = Probed(Machine(0.0), check)
    ok = random.random() < 0.5
    for _ in range(random.randint(0, 6)):
        target = target.take(ok)
        ok = ok if random.random() < 0.7 else not ok
    # What another process knew of it, or the check before an edit.
    return target._replace(fresh=target.fresh or random.random() < 0.2)


def first_turn(setting: Setting, start: World, *, shown: bool) -> float:
    """When the group's verdict can turn, or what is shown of the first endpoint: by search."""
    numbers = count()
    ahead = [(min(start.due), next(numbers), start)]
    seen: set[World] = set()

    def turned(world: World) -> bool:
        if shown:
            return setting.shown(world) != setting.shown(start)
        return world.group.in_service != start.group.in_service

    best = HORIZON
    while ahead:
        now, _, world = heapq.heappop(ahead)
        if now >= best:
            break
        restored = restore_due(world.group, setting.thresholds)
        if restored is not None and restored <= now:
            after = setting.judged(world, restored)
            if turned(after):
                best = min(best, max(restored, 0.0))
                continue
            world = after
        at = world.due.index(now)
        for ok in (True, False):
            target = world.targets[at].take(ok)
            targets = (*world.targets[:at], target, *world.targets[at + 1 :])
            due = (*world.due[:at], now + target.pause, *world.due[at + 1 :])
            after = setting.judged(World(targets, due, world.group), now)
            if turned(after):
                best = min(best, now)
            elif after not in seen:
                seen.add(after)
                heapq.heappush(ahead, (min(due), next(numbers), after))
    return best


def reckoned(setting: Setting, world: World) -> tuple[list[Soonest], float, float]:
    """The bounds on endpoints, on the group, and on what is shown of the first endpoint."""
    pairs = [
        [
            (each.machine.state, of_target(Evidence(each.machine, each.fresh), each.check))
            for each in found
        ]
        for found in ([world.targets[at] for at in own] for own in setting.endpoints)
    ]
    endpoints = [of_endpoint(each, withhold=setting.withhold) for each in pairs]
    group = of_group(world.group, endpoints, setting.thresholds)
    out = setting.is_out(world, 0)
    verdicts = (
        (out, endpoints[0].up if out else any_leaves(pairs[0])),
        (not world.group.in_service, group),
    )
    return endpoints, group, of_availability(verdicts, wholly_back=True)


def test_a_group_turns_no_sooner_than_reckoned_and_can_turn_then() -> None:
    random = Random(11)
    held = 0
    for _ in range(150):
        setting, world = random_world(random)
        _, bound, _ = reckoned(setting, world)
        found = first_turn(setting, world, shown=False)
        if world.group.enough_since is not None:
            held += 1
            assert bound == 0 <= found
        elif found < HORIZON:
            assert bound == found, (setting, world)
        else:
            assert bound == inf
    assert held


def test_what_answers_have_of_an_endpoint_stays_for_as_long_as_reckoned() -> None:
    random = Random(12)
    exact = 0
    for _ in range(150):
        setting, world = random_world(random)
        _, _, bound = reckoned(setting, world)
        found = first_turn(setting, world, shown=True)
        assert bound <= found or found == HORIZON, (setting, world)
        exact += bound == found
    assert exact > 75


CHECK = TcpCheck(type="tcp", port=1, interval=10, fast_interval=2, rise=2, fall=3)


@pytest.mark.parametrize(
    ("evidence", "expected"),
    [
        (Evidence(Machine(0, State.UP, successes=9)), Soonest(10 + 2 + 2, 0)),
        (Evidence(Machine(0, State.UP, failures=1)), Soonest(2 + 2, 0)),
        (Evidence(Machine(0, State.UP, failures=2)), Soonest(2, 0)),
        (Evidence(Machine(0, State.UP), fresh=True), Soonest(2 + 2, 0)),
        (Evidence(Machine(0, State.DOWN, failures=9)), Soonest(0, 10 + 2)),
        (Evidence(Machine(0, State.DOWN, successes=1)), Soonest(0, 2)),
        (Evidence(Machine(0), fresh=True), Soonest(2 + 2, 0)),
        (Evidence(Machine(0, State.UNKNOWN, failures=1)), Soonest(2 + 2, 2)),
    ],
)
def test_a_target_needs_so_many_results_and_no_fewer(evidence: Evidence, expected: Soonest) -> None:
    assert of_target(evidence, CHECK) == expected


def test_without_a_fast_interval_the_interval_counts() -> None:
    check = CHECK.model_copy(update={"fast_interval": None})
    assert of_target(Evidence(Machine(0, State.UP, failures=1)), check) == Soonest(20, 0)


def test_a_combination_turns_when_as_many_parts_have_as_needed() -> None:
    random = Random(13)
    for _ in range(2000):
        parts = [
            random.choice((Soonest(0, random.randint(1, 9)), Soonest(random.randint(1, 9), 0)))
            for _ in range(random.randint(1, 5))
        ]
        needed = random.randint(1, len(parts))

        up = [state_of(needed, [each.up <= now for each in parts]) for now in range(10)]
        down = [state_of(needed, [each.down > now for each in parts]) for now in range(10)]
        assert of_combination(needed, parts) == (down.index(State.DOWN), up.index(State.UP))


def state_of(needed: int, ups: Sequence[bool]) -> State:
    parts = [("", State.UP if up else State.DOWN, "") for up in ups]
    return combine(needed, parts)[0]


def test_who_needs_others_is_down_with_the_first_of_them_and_up_with_the_last() -> None:
    assert with_needs(Soonest(30, 0), [Soonest(10, 0), Soonest(0, 20)]) == Soonest(0, 20)
    assert with_needs(Soonest(30, 0), [Soonest(10, 0)]) == Soonest(10, 0)
    assert with_needs(Soonest(0, 5), []) == Soonest(0, 5)
    # One of which nothing is known takes nobody down.
    assert with_needs(Soonest(30, 0), [Soonest(10, 2)]) == Soonest(10, 0)


def test_what_is_coming_back_moves_all_the_time() -> None:
    assert of_availability([(False, 30.0), (False, inf)], wholly_back=False) == 0
    assert of_availability([(True, 30.0), (True, 50.0), (False, 5.0)], wholly_back=False) == 50
