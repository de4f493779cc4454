"""How the AZs of a region share by free capacity and by response time."""

from __future__ import annotations

from functools import partial
from statistics import fmean

import pytest
from hypothesis import given
from hypothesis import strategies as st

from geodns.load.factors import Dial, advance, by_load, by_response_time

LAG = 15.0
NAMES = ("a", "b", "c")


def settle_loads(
    capacities: list[float], uses: list[float], *, follows: float, seconds: int = 3600
) -> list[float]:
    """The factors where each AZ reports its use, which follows its factor to the power given."""
    names = NAMES[: len(uses)]
    dials = {name: Dial() for name in names}
    for second in range(seconds):
        if second % 10 == 0:
            for name, use in zip(names, uses, strict=True):
                dials[name] = dials[name].load(use * dials[name].followed ** follows, 20.0)
        dials = advance(dials, partial(by_load, capacities), 1.0, LAG)
    return [dial.published for dial in dials.values()]


def test_shares_are_in_proportion_to_the_free_capacity_that_is_reported() -> None:
    # Free: 800 and 200 of 1000 each.
    assert settle_loads([1000, 1000], [0.2, 0.8], follows=0) == pytest.approx([1.6, 0.4], rel=0.08)
    # Free: 500 of 1000 and 1500 of 2000.
    assert settle_loads([1000, 2000], [0.5, 0.25], follows=0) == pytest.approx([0.5, 1.5], rel=0.08)


def test_a_load_that_follows_does_not_swing() -> None:
    assert settle_loads([1000, 1000], [0.9, 0.9], follows=1) == [1.0, 1.0]
    first = settle_loads([1000, 1000], [0.6, 0.9], follows=1)
    assert first == settle_loads([1000, 1000], [0.6, 0.9], follows=1, seconds=3607)
    assert first[0] > 1 > first[1]


def test_a_full_region_shares_so_that_all_are_equally_full() -> None:
    # The load of each at factor 1 is 2 and 3 times its capacity: equal at 1.2 and 0.8.
    dials = [Dial(seen=2.0), Dial(seen=3.0)]
    assert by_load([1000, 1000], dials) == pytest.approx([1.2, 0.8], abs=1e-4)


def test_who_does_not_report_is_taken_as_the_others() -> None:
    shares = by_load([1000, 1000, None], [Dial(seen=0.5), Dial(), Dial(seen=0.5)])
    assert shares == pytest.approx([1, 1, 1], abs=1e-4)
    assert by_load([1000, 3000], [Dial(), Dial()]) == [1.0, 1.0]


def settle_times(times: list[float], power: float, seconds: int = 3600) -> list[list[float]]:
    """Factors over time; each time grows with the factor that clients follow, to a power."""
    names = NAMES[: len(times)]
    dials = {name: Dial() for name in names}
    course = []
    for second in range(seconds):
        if second % 10 == 0:
            for name, time in zip(names, times, strict=True):
                dials[name] = dials[name].time(time * dials[name].followed ** power, 20.0)
        dials = advance(dials, by_response_time, 1.0, LAG)
        course.append([dial.published for dial in dials.values()])
    return course


def test_shares_are_inverse_to_response_times() -> None:
    assert settle_times([0.010, 0.030], 0)[-1] == pytest.approx([1.5, 0.5], rel=0.07)
    assert settle_times([0.020, 0.020, 0.020], 0)[-1] == [1.0, 1.0, 1.0]


def test_an_outlier_is_bounded() -> None:
    last = settle_times([0.001, 0.5, 0.5], 0)[-1]
    assert min(last) >= 0.25
    assert fmean(last) == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize("power", [0.5, 1.0, 2.0])
def test_times_that_grow_with_the_share_do_not_make_it_swing(power: float) -> None:
    course = settle_times([0.010, 0.030], power)
    assert len({tuple(factors) for factors in course[1800:]}) == 1


def test_a_change_within_the_dead_band_changes_nothing() -> None:
    dials = {"a": Dial(seen=0.50), "b": Dial(seen=0.52)}
    after = advance(dials, partial(by_load, [1000, 1000]), 10.0, LAG)
    assert [dial.published for dial in after.values()] == [1.0, 1.0]


uses = st.one_of(st.none(), st.floats(0, 30))
times = st.one_of(st.none(), st.floats(1e-4, 10))


@given(st.lists(st.tuples(st.floats(1, 1e5), uses, times), min_size=1, max_size=6))
def test_the_mean_is_1_and_every_factor_within_its_bounds(
    zones: list[tuple[float, float | None, float | None]],
) -> None:
    loads = by_load([capacity for capacity, _, _ in zones], [Dial(seen=use) for _, use, _ in zones])
    speeds = by_response_time([Dial(seen=time) for _, _, time in zones])
    for factors in (loads, speeds):
        assert fmean(factors) == pytest.approx(1, abs=1e-3)
        assert all(0.25 <= factor <= 4 for factor in factors)


@given(st.floats(0, 5), st.floats(0, 5))
def test_the_emptier_gets_at_least_as_much(one: float, two: float) -> None:
    low, high = sorted((one, two))
    emptier, fuller = by_load([1.0, 1.0], [Dial(seen=low), Dial(seen=high)])
    assert emptier >= fuller - 1e-6
