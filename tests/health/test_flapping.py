"""How a target comes back, over made-up and over random histories in made-up time."""

from __future__ import annotations

from itertools import chain
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geodns.health.flapping import Return, Rules
from geodns.health.machine import State

UP, DOWN = State.UP, State.DOWN
DAMPED = Rules(suppress=3, reuse=1, half_life=60, longest=300, hold=0, slow_start=0)


def rules() -> st.SearchStrategy[Rules]:
    return st.builds(
        Rules,
        suppress=st.none() | st.floats(1, 6),
        reuse=st.floats(0.25, 1),
        half_life=st.floats(1, 300),
        longest=st.floats(10, 2000),
        hold=st.floats(0, 200),
        slow_start=st.floats(0, 200),
    )


def history() -> st.SearchStrategy[list[float]]:
    """Seconds before each verdict that changes: down, up, …, down, up."""
    pairs = st.tuples(st.floats(0.1, 500), st.floats(0.1, 500))
    return st.lists(pairs, min_size=1, max_size=20).map(lambda found: [*chain(*found)])


def played(pauses: list[float], rules: Rules) -> tuple[Return, float, list[tuple[float, float]]]:
    """The end of a history that ends up, its time, and (time, factor) before each verdict."""
    now, target, seen = 1000.0, Return(), []
    for number, pause in enumerate(pauses):
        now += pause
        seen.append((now, target.factor(now, rules)))
        target = target.turn(DOWN if number % 2 == 0 else UP, now, rules)
    return target, now, seen


def test_without_settings_a_target_is_back_at_once() -> None:
    target = Return().turn(DOWN, 10, Rules())
    assert target.factor(11, Rules()) == 0
    assert target.turn(UP, 12, Rules()).factor(12, Rules()) == 1


def test_the_first_success_after_a_start_is_nothing_to_come_back_from() -> None:
    slow = Rules(hold=60, slow_start=60)
    assert Return().turn(UP, 5, slow).factor(5, slow) == 1


@pytest.mark.parametrize(("now", "factor"), [(100, 0), (129, 0), (130, 0), (150, 0.5), (170, 1)])
def test_after_the_hold_time_it_starts_slowly(now: float, factor: float) -> None:
    slow = Rules(hold=30, slow_start=40)
    assert Return().turn(DOWN, 50, slow).turn(UP, 100, slow).factor(now, slow) == factor


def test_a_target_that_flaps_is_suppressed_until_its_penalty_has_decayed() -> None:
    target, now = Return(), 0.0
    for _ in range(3):
        target = target.turn(DOWN, now, DAMPED).turn(UP, now, DAMPED)
    assert target.suppressed
    # Three failures at once decay to one in log2(3) half-lives.
    assert target.back_at(DAMPED) == pytest.approx(60 * 1.58496, rel=1e-4)
    assert target.factor(95, DAMPED) == 0
    assert target.factor(96, DAMPED) == 1


@given(history(), rules())
@settings(max_examples=1000)
def test_no_recovery_is_lost(pauses: list[float], rules: Rules) -> None:
    """However it flapped, a target that stays up is whole again within bounded time."""
    target, now, _ = played(pauses, rules)
    end = now + max(rules.hold, rules.longest) + rules.slow_start + 1e-3
    assert target.factor(end, rules) == pytest.approx(1)
    back = target.back_at(rules)
    assert back is not None
    assert target.factor(back - 1e-3, rules) == 0


@given(history(), rules())
@settings(max_examples=1000)
def test_a_target_that_is_down_is_never_in_service(pauses: list[float], rules: Rules) -> None:
    target, now, seen = played(pauses, rules)
    assert all(0 <= factor <= 1 for _, factor in seen)
    assert all(factor == 0 for _, factor in seen[1::2])  # before it rose again
    assert target.turn(DOWN, now, rules).factor(now + 1e9, rules) == 0


@given(st.floats(0.5, 20), st.integers(10, 200))
def test_damping_bounds_the_number_of_changes(period: float, flaps: int) -> None:
    """A target that fails every ``period`` is let back but a few times, not once per failure.

    At the longest period the penalty is 1, 1.79, 2.42, 2.92, 3.32: back four times, then no more.
    """
    target, now, returns = Return(), 0.0, 0
    for _ in range(flaps):
        target = target.turn(DOWN, now, DAMPED)
        now += period / 2
        target = target.turn(UP, now, DAMPED)
        now += period / 2
        returns += target.factor(now, DAMPED) > 0
    assert returns <= 4


@given(history(), rules(), st.floats(0, 1000))
@settings(max_examples=300)
def test_looking_in_between_changes_nothing(pauses: list[float], rules: Rules, wait: float) -> None:
    target, now, _ = played(pauses, rules)
    back = target.back_at(rules)
    assert back is not None
    looked = target.look(now + wait, rules)
    if now + wait < back - 1e-6:
        assert looked.back_at(rules) == pytest.approx(back)


def _by_ticks(turns: dict[int, State], rules: Rules, ticks: int) -> list[float]:
    """Its availability at every tick (a second), where the penalty decays tick by tick."""
    penalty, suppressed, failed = 0.0, False, False
    up_for: float | None = None
    back_for: float | None = None
    found = []
    for tick in range(ticks):
        penalty *= 0.5 ** (1 / rules.half_life)
        suppressed = suppressed and penalty > rules.reuse
        if up_for is not None:
            up_for += 1
        if tick in turns:
            up_for = 0.0 if turns[tick] is UP else None
            if turns[tick] is DOWN:
                failed = True
                penalty = min(penalty + 1, max(rules.ceiling, rules.reuse))
                suppressed |= rules.suppress is not None and penalty >= rules.suppress
        if up_for is None or suppressed or up_for < rules.hold:
            back_for = None
        else:
            back_for = 0.0 if back_for is None else back_for + 1
        if not failed:
            found.append(1.0)
        elif back_for is None:
            found.append(0.0)
        else:
            found.append(min(1.0, back_for / rules.slow_start) if rules.slow_start else 1.0)
    return found


def test_the_way_back_is_what_a_tick_by_tick_account_gives() -> None:
    """It comes back between two ticks, so either may be a tick late."""
    for seed in range(1500):
        random, ticks = Random(seed), 300
        rules = Rules(
            suppress=random.choice([None, 1.3, 1.9, 2.7]),
            reuse=random.choice([0.31, 0.77]),
            half_life=random.choice([7, 30, 90]),
            longest=random.choice([40, 100]),
            hold=random.choice([0, 3, 20]),
            slow_start=random.choice([0, 10, 50]),
        )
        moments = sorted(random.sample(range(1, ticks), random.randint(1, 20)))
        turns = {when: (DOWN, UP)[number % 2] for number, when in enumerate(moments)}
        target = Return()
        for tick, expected in enumerate(_by_ticks(turns, rules, ticks)):
            if tick in turns:
                target = target.turn(turns[tick], tick, rules)
            seen, late = target.factor(tick, rules), target.factor(tick - 1, rules)
            assert min(seen, late) - 1e-6 <= expected <= seen + 1e-6, f"seed {seed} at {tick}"
