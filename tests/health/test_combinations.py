"""A combination is known once no part that isn't known yet could change it."""

from itertools import product

import pytest

from geodns.health.kits.combination import combine
from geodns.health.machine import State


def slowly(needed: int, states: tuple[State, ...]) -> State:
    """Every way in which the unknown ones could turn out, one after the other."""
    ways = [(State.UP, State.DOWN) if state is State.UNKNOWN else (state,) for state in states]
    outcomes = {sum(one is State.UP for one in way) >= needed for way in product(*ways)}
    if len(outcomes) == 2:
        return State.UNKNOWN
    return State.UP if outcomes.pop() else State.DOWN


@pytest.mark.parametrize("size", [1, 2, 3, 4])
def test_the_state_is_that_of_trying_every_outcome(size: int) -> None:
    for states in product((State.UP, State.DOWN, State.UNKNOWN), repeat=size):
        parts = [(f"c{at}", state, "") for at, state in enumerate(states)]
        for needed in range(1, size + 1):
            assert combine(needed, parts)[0] is slowly(needed, states), (needed, states)


def test_the_words_name_the_parts_that_are_down() -> None:
    parts = [("web", State.UP, "HTTP 200"), ("db", State.DOWN, "connection refused")]
    assert combine(2, parts) == (
        State.DOWN,
        "1 of 2 checks up, 2 needed; db: connection refused",
    )
