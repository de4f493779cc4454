"""Verdicts on endpoints and groups, by table and over random histories."""

from __future__ import annotations

from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from geodns.config.settings import Thresholds
from geodns.health.machine import State
from geodns.health.verdict import (
    Group,
    describe,
    judge_endpoint,
    judge_group,
    restore_due,
)

U, UP, DOWN = State.UNKNOWN, State.UP, State.DOWN
HALF = Thresholds(withdraw_below=0.5, restore_above=0.8, hold=60)


@pytest.mark.parametrize(
    ("states", "verdict", "flags"),
    [
        ([], "unchecked", ()),
        ([None, None], "unchecked", (True, True)),
        ([U, U], "unknown", (True, True)),
        ([U, DOWN], "unknown", (True, False)),
        ([UP, DOWN], "up", (True, False)),
        ([UP, U], "up", (True, False)),
        ([DOWN, DOWN], "down", (False, False)),
        ([UP, None], "up", (True, True)),
        ([DOWN, None], "down", (False, False)),
        ([DOWN, UP, None], "up", (False, True, True)),
    ],
)
def test_an_endpoint_is_down_when_all_of_its_probed_addresses_are(
    states: list[State | None], verdict: str, flags: tuple[bool, ...]
) -> None:
    assert judge_endpoint(states)[:2] == (verdict, flags)


def test_an_address_of_which_nothing_is_known_is_answered_only_where_that_is_wished() -> None:
    verdict = judge_endpoint([UP, U, DOWN], withhold=False)
    assert (verdict.state, verdict.addresses) == ("up", (True, True, False))


def test_the_unknown_neither_withdraw_a_group_nor_restore_it() -> None:
    assert judge_group(None, 9, 10, HALF, 0.0, unknown=9).in_service
    held = judge_group(Group(False, 0, 10), 10, 10, HALF, 0.0, unknown=3)
    assert held.enough_since is None
    assert judge_group(held, 10, 10, HALF, 5.0, unknown=2).enough_since == 5.0


@pytest.mark.parametrize(
    ("healthy", "checked", "in_service"),
    [(4, 4, True), (2, 4, True), (1, 4, False), (0, 4, False), (0, 0, True), (7, 14, True)],
)
def test_a_group_is_withdrawn_below_its_threshold_and_not_at_it(
    healthy: int, checked: int, in_service: bool
) -> None:
    assert judge_group(None, healthy, checked, HALF, 0.0).in_service is in_service
    before = Group(True, checked, checked)
    assert judge_group(before, healthy, checked, HALF, 0.0).in_service is in_service


def test_a_withdrawn_group_waits_for_the_hold_time_above_the_higher_threshold() -> None:
    group = Group(False, 0, 10)
    group = judge_group(group, 7, 10, HALF, 100.0)  # between the thresholds
    assert (group.in_service, restore_due(group, HALF)) == (False, None)
    group = judge_group(group, 8, 10, HALF, 110.0)
    assert (group.in_service, restore_due(group, HALF)) == (False, 170.0)
    group = judge_group(group, 7, 10, HALF, 160.0)  # a break
    assert restore_due(group, HALF) is None
    group = judge_group(group, 9, 10, HALF, 161.0)
    group = judge_group(group, 10, 10, HALF, 220.9)
    assert not group.in_service
    assert judge_group(group, 10, 10, HALF, 221.0).in_service


def test_the_hold_time_does_not_apply_to_the_first_verdict() -> None:
    assert judge_group(None, 6, 10, HALF, 0.0).in_service


def test_without_a_hold_time_a_group_is_restored_at_once() -> None:
    thresholds = Thresholds(withdraw_below=0.01, restore_above=0.01, hold=0)
    assert judge_group(Group(False, 0, 3), 1, 3, thresholds, 5.0).in_service


def test_a_group_that_lost_its_last_check_is_in_service_at_once() -> None:
    assert judge_group(Group(False, 0, 3), 0, 0, HALF, 5.0).in_service


def test_a_group_is_never_restored_into_a_share_that_would_withdraw_it() -> None:
    crossed = Thresholds(withdraw_below=0.9, restore_above=0.1, hold=0)
    assert not judge_group(Group(False, 0, 10), 5, 10, crossed, 0.0).in_service


def test_a_reason_names_the_count_and_the_share() -> None:
    assert describe(Group(True, 3, 4), HALF) == "3 of 4 checked endpoints healthy (75%)"
    assert describe(Group(False, 1, 3), HALF) == "1 of 3 checked endpoints healthy (33%), below 50%"
    assert (
        describe(Group(False, 3, 4), HALF) == "3 of 4 checked endpoints healthy (75%), not yet 80%"
    )
    assert (
        describe(Group(False, 4, 4, 10.0), HALF)
        == "4 of 4 checked endpoints healthy (100%), held until it has been so for 60 s"
    )
    assert describe(Group(True, 0, 0), HALF) == "no endpoint is checked"


def _by_whole_history(samples: list[tuple[float, int]], of: int, limits: Thresholds) -> bool:
    """In service? Found by looking back over all samples, one turn at a time."""
    in_service, withdrawn_at = True, inf
    for end, (now, healthy) in enumerate(samples, 1):
        if in_service:
            in_service = healthy / of >= limits.withdraw_below
            withdrawn_at = now
            continue
        enough_since = None
        for time, earlier in reversed(samples[:end]):
            if time <= withdrawn_at or earlier / of < limits.restore_above:
                break
            enough_since = time
        in_service = enough_since is not None and enough_since + limits.hold <= now
    return in_service


@given(
    st.lists(st.tuples(st.integers(1, 40), st.integers(0, 5)), max_size=40),
    st.floats(0, 1),
    st.floats(0, 1),
    st.sampled_from([0.0, 1.0, 60.0]),
)
def test_verdicts_agree_with_looking_back_over_the_whole_history(
    steps: list[tuple[int, int]], one: float, other: float, hold: float
) -> None:
    thresholds = Thresholds(
        withdraw_below=min(one, other), restore_above=max(one, other), hold=hold
    )
    samples: list[tuple[float, int]] = []
    group, now = None, 0.0
    for pause, healthy in steps:
        now += pause
        samples.append((now, healthy))
        group = judge_group(group, healthy, 5, thresholds, now)
        assert group.in_service is _by_whole_history(samples, 5, thresholds)
        due = restore_due(group, thresholds)
        if due is not None:
            # Waiting alone restores it at that moment, and not before.
            assert due > now
            assert not judge_group(group, healthy, 5, thresholds, (now + due) / 2).in_service
            assert judge_group(group, healthy, 5, thresholds, due).in_service
