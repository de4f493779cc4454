"""Cells merged into areas: nothing is lost, nothing is covered twice."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from geodns.atlas.contours import NOTHING, Kinds, Line, contours, spread

KINDS = arrays(
    np.int32, st.tuples(st.integers(1, 9), st.integers(1, 9)), elements=st.integers(-1, 3)
)


def area(line: Line) -> float:
    x, y = line.T
    return float((x * np.roll(y, -1) - np.roll(x, -1) * y).sum() / 2)


def test_a_block_is_one_line_around_it() -> None:
    kinds = np.full((6, 8), NOTHING, np.int32)
    kinds[1:5, 2:7] = 0
    (line,) = contours(kinds)[0]
    assert abs(area(line) - 20) < 1  # its corners are cut
    assert line.min(axis=0).tolist() == [2, 1]
    assert line.max(axis=0).tolist() == [7, 5]


def test_a_hole_turns_the_other_way() -> None:
    kinds = np.zeros((8, 8), np.int32)
    kinds[3:5, 3:5] = NOTHING
    outer, hole = sorted((area(line) for line in contours(kinds)[0]), reverse=True)
    assert outer > 60
    assert -5 < hole < -2


def test_steps_become_a_straight_line() -> None:
    kinds = np.tri(30, 30, dtype=np.int32)
    (line,) = contours(kinds)[1]
    assert len(line) < 12


@given(KINDS)
def test_areas_of_all_kinds_add_up_to_that_of_the_cells(kinds: Kinds) -> None:
    """Borders between kinds are shared: what one loses by smoothing, the other gains."""
    whole = np.zeros((kinds.shape[0] + 2, kinds.shape[1] + 2), np.int32)
    whole[1:-1, 1:-1] = kinds + 1  # no NOTHING: only the frame is smoothed for one side alone
    total = sum(area(line) for lines in contours(whole).values() for line in lines)
    frame = sum(area(line) for line in contours(np.zeros_like(whole))[0])
    assert abs(total - frame) < 1e-6 or abs(total - whole.size) <= 4 * 0.5


@given(KINDS)
def test_a_kind_spreads_only_into_nothing(kinds: Kinds) -> None:
    grown = spread(kinds, 2)
    assert np.array_equal(grown[kinds != NOTHING], kinds[kinds != NOTHING])
    assert set(np.unique(grown)) - {NOTHING} == set(np.unique(kinds)) - {NOTHING}
