"""Weighted medians of many groups, by hand and against a slow reference."""

from __future__ import annotations

import math
from collections import defaultdict

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geodns.latency.statistics import Summary, confidence, summarise


def of(*rows: tuple[int, float, float], least: int = 1) -> Summary:
    """Each row: group, value, weight."""
    group, value, weight = (list(column) for column in zip(*rows, strict=True))
    return summarise(
        np.array(group),
        np.array(value, dtype=np.float32),
        np.array(weight, dtype=np.float64),
        np.arange(len(group)),
        np.full(len(group), 10.0),
        least,
    )


@pytest.mark.parametrize(
    ("rows", "median"),
    [
        ([(0, 7, 1)], 7),
        ([(0, 9, 1), (0, 5, 1), (0, 7, 1)], 7),
        ([(0, 9, 1), (0, 5, 1)], 7),  # the mean of the two in the middle
        ([(0, 5, 1), (0, 9, 3)], 9),
        ([(0, 5, 2), (0, 9, 2)], 7),
        ([(0, 10, 1), (0, 20, 0.5), (0, 40, 0.25)], 10),  # each one half-life older than the next
        ([(0, 40, 1), (0, 20, 0.5), (0, 10, 0.25)], 40),
        ([(0, 40, 1), (0, 20, 0.5), (0, 10, 0.5)], 30),
    ],
)
def test_a_median_counts_weights(rows: list[tuple[int, float, float]], median: float) -> None:
    assert of(*rows).median.tolist() == [median]


def test_groups_are_apart_and_those_below_zero_or_too_small_are_left_out() -> None:
    summary = of((3, 1, 1), (-1, 99, 1), (1, 5, 1), (3, 3, 1), (2, 50, 1), (1, 7, 1), least=2)
    assert summary.group.tolist() == [1, 3]
    assert summary.median.tolist() == [6, 2]
    assert summary.count.tolist() == [2, 2]


def test_what_is_known_of_a_group() -> None:
    summary = of((0, 8, 1), (0, 12, 1), (0, 20, 2))
    assert summary.effective.tolist() == [16 / 6]  # (1 + 1 + 2)^2 / (1 + 1 + 4)
    assert summary.median.tolist() == [16]
    assert summary.spread.tolist() == [10]  # the quartiles lie at (8 + 12) / 2 and at 20
    assert summary.time.tolist() == [(0 + 1 + 2 * 2) / 4]
    assert summary.other.tolist() == [10]
    assert summary.own_error.tolist() == [(8 + 4 + 2 * 4) / 4]
    assert summary.other_error.tolist() == [(2 + 2 + 2 * 10) / 4]


def test_confidence_is_the_chance_that_the_true_median_is_near() -> None:
    # 100 samples of equal weight, half at 18 and half at 22: the range is 4, its prior 20% of 20.
    summary = of(*[(0, 18, 1)] * 50, *[(0, 22, 1)] * 50)
    error = 1.2533 / 1.349 * math.sqrt((100 * 16 + 5 * 16) / 105 / 100)
    assert summary.standard_error().tolist() == pytest.approx([error])
    found = confidence(summary, np.array([0.5]))
    assert found.tolist() == pytest.approx([math.erf(0.5 / error / math.sqrt(2))])


def test_few_samples_that_agree_are_trusted_less_than_many() -> None:
    few, many = of(*[(0, 20, 1)] * 3), of(*[(0, 20, 1)] * 300)
    tolerance = np.array([2.0])
    assert confidence(few, tolerance)[0] < 0.8 < confidence(many, tolerance)[0]


_ROWS = st.lists(
    st.tuples(
        st.integers(-1, 4),
        st.integers(0, 40).map(lambda n: n / 4),
        st.sampled_from([0.25, 0.5, 1.0, 2.0]),
    ),
    min_size=1,
    max_size=60,
)


@given(_ROWS, st.integers(1, 4))
def test_all_groups_are_as_a_slow_reference_says(
    rows: list[tuple[int, float, float]], least: int
) -> None:
    summary = of(*rows, least=least)
    groups: dict[int, list[tuple[float, float]]] = defaultdict(list)
    for group, value, weight in rows:
        groups[group].append((value, weight))
    expected = {
        group: (_quantile(found, 0.5), _quantile(found, 0.75) - _quantile(found, 0.25))
        for group, found in groups.items()
        if group >= 0 and len(found) >= least
    }
    assert dict(
        zip(
            summary.group.tolist(),
            zip(summary.median.tolist(), summary.spread.tolist(), strict=True),
            strict=True,
        )
    ) == dict(sorted(expected.items()))


def _quantile(found: list[tuple[float, float]], share: float) -> float:
    """Weights are multiples of a quarter, so that four of each make whole repeats."""
    values = sorted(value for value, weight in found for _ in range(int(weight * 16)))
    goal = share * len(values)
    at = math.ceil(goal) - 1
    return (values[at] + values[min(at + (goal == at + 1), len(values) - 1)]) / 2
