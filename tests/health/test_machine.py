"""The state machine of a target, by table and against a slow reading of whole histories."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from geodns.health.machine import TABLE, Event, Machine, State, diagram

U, UP, DOWN = State.UNKNOWN, State.UP, State.DOWN


def test_the_table_has_a_next_state_for_every_state_and_event() -> None:
    assert set(TABLE) == set(product(State, Event))


@pytest.mark.parametrize(
    ("results", "rise", "fall", "expected"),
    [
        ("+", 2, 3, [UP]),
        ("-", 2, 3, [U]),
        ("---", 2, 3, [U, U, DOWN]),
        ("--+", 2, 3, [U, U, UP]),
        ("-", 2, 1, [DOWN]),
        ("+--+--", 2, 3, [UP] * 6),
        ("+---", 2, 3, [UP, UP, UP, DOWN]),
        ("---+-+", 2, 3, [U, U, DOWN, DOWN, DOWN, DOWN]),
        ("---++", 2, 3, [U, U, DOWN, DOWN, UP]),
        ("---+", 1, 3, [U, U, DOWN, UP]),
        ("-+-+", 1, 1, [DOWN, UP, DOWN, UP]),
    ],
)
def test_results_in_a_row_turn_a_target(
    results: str, rise: int, fall: int, expected: list[State]
) -> None:
    machine, states = Machine(0.0), []
    for result in results:
        machine = machine.step(result == "+", 1.0, rise=rise, fall=fall)
        states.append(machine.state)
    assert states == expected


def test_since_is_the_moment_of_the_last_turn() -> None:
    machine = Machine(0.0)
    for now, ok in [(1.0, True), (2.0, True), (3.0, False), (4.0, False), (5.0, False)]:
        machine = machine.step(ok, now, rise=1, fall=2)
    assert machine == Machine(4.0, DOWN, 0, 3)


@pytest.mark.parametrize("rise", [1, 2, 5])
def test_an_inherited_verdict_is_overturned_by_a_first_success_but_not_by_a_failure(
    rise: int,
) -> None:
    inherited = Machine(7.0, DOWN, 0, 9).inherited(rise=rise)
    assert inherited.state is DOWN
    assert inherited.since == 7.0
    assert inherited.step(True, 8.0, rise=rise, fall=3).state is UP
    assert inherited.step(False, 8.0, rise=rise, fall=3).state is DOWN
    still_up = Machine(7.0, UP, 4, 0).inherited(rise=rise)
    assert still_up.step(False, 8.0, rise=rise, fall=2).state is UP


def _by_whole_history(history: list[bool], rise: int, fall: int) -> State:
    state = U
    for end in range(1, len(history) + 1):
        past = history[:end]
        if state is U and past[-1]:
            state = UP
        elif state is not DOWN and len(past) >= fall and not any(past[-fall:]):
            state = DOWN
        elif state is DOWN and len(past) >= rise and all(past[-rise:]):
            state = UP
    return state


@given(st.lists(st.booleans(), max_size=60), st.integers(1, 5), st.integers(1, 5))
def test_counting_agrees_with_reading_the_whole_history(
    history: list[bool], rise: int, fall: int
) -> None:
    machine = Machine(0.0)
    for ok in history:
        machine = machine.step(ok, 0.0, rise=rise, fall=fall)
    assert machine.state is _by_whole_history(history, rise, fall)


def test_the_documented_diagram_is_the_table() -> None:
    page = Path(__file__).parents[2] / "docs" / "health.md"
    assert f"```mermaid\n{diagram()}```" in page.read_text(encoding="utf-8")
