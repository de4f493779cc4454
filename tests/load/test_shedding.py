"""The valves of a service: where they come to rest, how they move, and that they never shut all."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geodns.load.shedding import FLOOR, Rules, Valve, advance
from geodns.load.watermarks import Watermarks, curve

USUAL = Rules(Watermarks(0.7, 1.0), smoothing=20.0, lag=15.0, fall=30.0, rise=300.0)
PAIR = ("a", "b")
ALIKE = dict.fromkeys(PAIR, USUAL)
Load = Callable[[str, Valve], float | None]


def run(
    load: Load,
    *,
    rules: Rules = USUAL,
    seconds: int = 1800,
    valves: Mapping[str, Valve] | None = None,
    in_service: Collection[str] = PAIR,
) -> list[dict[str, Valve]]:
    """The course second by second; every tenth each endpoint reports the ``load`` of its valve."""
    current = dict(valves or {name: Valve() for name in PAIR})
    course = []
    for second in range(seconds):
        if second % 10 == 0:
            for name, valve in current.items():
                reported = load(name, valve)
                if reported is not None:
                    current[name] = valve.sample(reported, rules)
        current = advance(current, in_service, 1.0, dict.fromkeys(PAIR, rules))
        course.append(current)
    return course


def only_a(use: Callable[[Valve], float]) -> Load:
    """``b`` is idle."""
    return lambda name, valve: use(valve) if name == "a" else 0.0


def published(course: list[dict[str, Valve]], name: str = "a") -> list[float]:
    return [valves[name].published for valves in course]


@pytest.mark.parametrize("use", [0.75, 0.85, 0.95])
def test_a_use_that_does_not_follow_comes_to_rest_on_the_curve(use: float) -> None:
    course = run(only_a(lambda _: use), seconds=3600)
    assert course[-1]["a"].position == pytest.approx(curve(use, USUAL.marks), abs=0.01)
    assert published(course)[-1] == pytest.approx(curve(use, USUAL.marks), abs=0.05)


def test_a_use_that_stays_above_high_sheds_all() -> None:
    course = run(only_a(lambda _: 1.3), seconds=3600)
    assert published(course)[-1] == 0.0


@pytest.mark.parametrize("demand", [0.9, 1.5, 3.0, 8.0])
def test_a_demand_that_follows_is_met_at_once_and_without_a_swing(demand: float) -> None:
    course = published(run(only_a(lambda valve: demand * valve.followed)))
    rest = 1 / (0.3 + demand)
    assert course[60] == pytest.approx(rest, abs=0.05)
    assert all(after <= before for before, after in pairwise(course))


@pytest.mark.parametrize("below", [0.3, 0.69, 0.7])
def test_nothing_is_shed_up_to_low(below: float) -> None:
    assert set(published(run(only_a(lambda _: below)))) == {1.0}


def test_small_changes_of_the_load_change_nothing_that_goes_out() -> None:
    settled = run(only_a(lambda valve: 1.5 * valve.followed))[-1]
    uses = iter([1.48, 1.52] * 1000)
    course = run(only_a(lambda valve: next(uses) * valve.followed), valves=settled)
    assert len(set(published(course))) == 1


def test_it_falls_fast_and_rises_slowly() -> None:
    fallen = published(run(only_a(lambda valve: 3.0 * valve.followed), seconds=60))
    assert fallen[9] == pytest.approx(1 - 10 / 30, abs=0.04)
    low = Valve(demand=0.1, followed=0.2, position=0.2, published=0.2)
    risen = published(run(only_a(lambda _: 0.1), valves={"a": low, "b": Valve()}, seconds=400))
    assert risen[149] == pytest.approx(0.7, abs=0.04)
    assert risen[-1] == 1.0


def test_an_endpoint_that_never_reported_keeps_all_of_its_clients() -> None:
    course = run(lambda name, _: None)
    assert set(published(course)) == set(published(course, "b")) == {1.0}


def test_one_that_goes_silent_comes_back_slowly() -> None:
    settled = run(only_a(lambda valve: 3.0 * valve.followed))[-1]
    silent = {**settled, "a": settled["a"].forget()}
    course = published(run(lambda name, _: None, valves=silent, seconds=300))
    assert course[30] < 0.5
    assert course[-1] == 1.0


def test_where_all_are_equally_overloaded_nobody_is_shed() -> None:
    course = run(lambda _, valve: 2.0 * valve.followed)
    assert set(published(course)) == set(published(course, "b")) == {1.0}


def test_where_all_are_overloaded_the_fuller_sheds_to_the_other_until_they_are_alike() -> None:
    def load(name: str, valve: Valve) -> float:
        # a's clients: three times its capacity; what it sheds goes to b beside b's own 0.9.
        return loads[name]

    loads = {"a": 3.0, "b": 0.9}
    valves = {name: Valve() for name in PAIR}
    for second in range(3600):
        if second % 10 == 0:
            kept = valves["a"].followed
            loads = {"a": 3.0 * kept, "b": 0.9 + 3.0 * (1 - kept)}
            valves = {name: valve.sample(loads[name], USUAL) for name, valve in valves.items()}
        valves = advance(valves, PAIR, 1.0, ALIKE)
    assert valves["b"].published == 1.0
    assert loads["a"] == pytest.approx(loads["b"], rel=0.15)


def test_where_others_never_shed_all_may() -> None:
    valves = {name: Valve(demand=2.0) for name in PAIR}
    after = advance(valves, PAIR, 3600.0, ALIKE, room_beside=True)
    assert {valve.published for valve in after.values()} == {28 / 64}  # 1 / 2.3 in steps of 1/64


def test_the_last_endpoint_takes_all_when_the_one_that_it_shed_to_leaves() -> None:
    settled = run(only_a(lambda valve: 3.0 * valve.followed))[-1]
    assert settled["a"].published < 0.4
    after = advance(settled, ("a",), 0.0, ALIKE)
    assert after["a"].published == 1.0


demands = st.floats(0, 20)


@settings(max_examples=60)
@given(
    st.lists(st.tuples(demands, demands), min_size=1, max_size=8),
    st.sets(st.sampled_from(PAIR), min_size=1),
)
def test_whatever_is_reported_someone_in_service_takes_all_that_comes(
    reports: list[tuple[float, float]], in_service: set[str]
) -> None:
    valves = {name: Valve() for name in PAIR}
    for report in reports:
        for name, use in zip(PAIR, report, strict=True):
            valves[name] = valves[name].sample(use, USUAL)
        valves = advance(valves, in_service, 10.0, ALIKE)
        assert max(valves[name].published for name in in_service) == 1.0
        assert all(0 <= valve.published <= 1 for valve in valves.values())


@given(demands, demands)
def test_the_floor_holds_while_all_are_over_their_watermarks(one: float, two: float) -> None:
    valves = {"a": Valve(demand=1 + one), "b": Valve(demand=1 + two)}
    after = advance(valves, PAIR, 3600.0, ALIKE)
    assert min(valve.position for valve in after.values()) >= FLOOR
