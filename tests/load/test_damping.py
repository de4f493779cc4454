"""Smoothing of irregular samples, limited speed, and steps that have a dead band."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from geodns.load.damping import STEPS, limited, smoothed, stepped

shares = st.floats(0, 1)


def test_a_step_is_in_by_63_percent_after_the_time_constant_however_it_was_sampled() -> None:
    at_once = smoothed(0.0, 1.0, 20.0, 20.0)
    slowly: float | None = 0.0
    for seconds in (1.0, 3.0, 0.5, 10.0, 5.5):
        slowly = smoothed(slowly, 1.0, seconds, 20.0)
    assert at_once == pytest.approx(1 - math.exp(-1)) == slowly


def test_the_first_sample_is_the_average_and_no_time_constant_means_no_smoothing() -> None:
    assert smoothed(None, 0.4, 5.0, 20.0) == 0.4
    assert smoothed(0.1, 0.4, 5.0, 0.0) == 0.4


@given(shares, shares, st.floats(0, 1e6))
def test_an_average_lies_between_what_it_is_of(before: float, value: float, seconds: float) -> None:
    low, high = sorted((before, value))
    assert low - 1e-9 <= smoothed(before, value, seconds, 30.0) <= high + 1e-9


def test_speed_is_limited_each_way_by_its_own_limit() -> None:
    assert limited(1.0, 0.0, 3.0, fall=30.0, rise=300.0) == pytest.approx(0.9)
    assert limited(0.0, 1.0, 3.0, fall=30.0, rise=300.0) == pytest.approx(0.01)
    assert limited(0.5, 0.52, 60.0, fall=30.0, rise=300.0) == 0.52
    assert limited(0.5, 0.9, 1.0, fall=30.0, rise=0.0) == 0.9


def near_an_end(value: float) -> bool:
    return min(value, 1 - value) <= 0.5 / STEPS


@given(st.integers(0, STEPS), shares.filter(lambda value: not near_an_end(value)))
def test_what_goes_out_changes_only_beyond_the_dead_band(step: int, value: float) -> None:
    published = step / STEPS
    out = stepped(published, value)
    if abs(value - published) <= 2 / STEPS:
        assert out == published
    else:
        assert abs(out - value) <= 0.5 / STEPS
        assert out * STEPS == int(out * STEPS)
        assert 0 < out < 1


@given(st.integers(0, STEPS), shares.filter(near_an_end))
def test_the_ends_are_reached_wherever_it_stood(step: int, value: float) -> None:
    assert stepped(step / STEPS, value) == round(value)
