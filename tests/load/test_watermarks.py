"""The watermark curve against figures worked out by hand, and where a load comes to rest on it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from geodns.load.watermarks import Watermarks, at_rest, curve

USUAL = Watermarks(0.7, 1.0)
marks = st.tuples(st.floats(0, 0.99), st.floats(0.01, 1)).map(
    lambda pair: Watermarks(pair[0], min(2.0, pair[0] + pair[1]))
)
uses = st.floats(0, 50)


@pytest.mark.parametrize(
    ("utilisation", "availability"),
    [(0, 1), (0.69, 1), (0.7, 1), (0.775, 0.75), (0.85, 0.5), (0.93, 0.7 / 3), (1, 0), (7, 0)],
)
def test_availability_falls_from_1_at_low_to_0_at_high(
    utilisation: float, availability: float
) -> None:
    assert curve(utilisation, USUAL) == pytest.approx(availability)


@pytest.mark.parametrize(
    ("demand", "availability"),
    # At demand 0.85: a = (1 - 0.85 a) / 0.3, so that 1.15 a = 1.
    [(0, 1), (0.7, 1), (0.85, 1 / 1.15), (1, 1 / 1.3), (2, 1 / 2.3), (9.7, 0.1)],
)
def test_a_demand_comes_to_rest_where_the_curve_has_it(demand: float, availability: float) -> None:
    assert at_rest(demand, USUAL) == pytest.approx(availability)


@given(uses, marks)
def test_the_point_of_rest_is_on_the_curve(demand: float, marks: Watermarks) -> None:
    rest = at_rest(demand, marks)
    assert 0 < rest <= 1
    assert curve(rest * demand, marks) == pytest.approx(rest, abs=1e-6)
    assert rest * demand <= max(marks.high, marks.low) + 1e-9


@given(uses, uses, marks)
def test_more_load_never_means_more_availability(one: float, two: float, marks: Watermarks) -> None:
    low, high = sorted((one, two))
    assert 1 >= curve(low, marks) >= curve(high, marks) >= 0
    assert at_rest(low, marks) >= at_rest(high, marks)
