"""How many probes may run at once."""

from __future__ import annotations

import pytest

from geodns.health.slots import Slots, slots_for, slots_within


@pytest.mark.parametrize(
    ("files", "slots"), [(1, 1), (256, 192), (1024, 768), (4096, 3072), (65_536, 64_512)]
)
def test_a_part_of_the_files_is_left_for_everything_else(files: int, slots: int) -> None:
    assert slots_within(files) == slots


@pytest.mark.parametrize(("needed", "slots"), [(0, 64), (48, 64), (49, 66), (2000, 2667)])
def test_what_is_needed_fits_into_what_a_kind_may_take(needed: int, slots: int) -> None:
    assert slots_for(needed) == slots
    assert Slots[str](slots, lambda waiter, failing: None).of_a_kind >= needed


def test_fewer_slots_let_what_runs_go_on_and_more_let_others_start() -> None:
    started: list[str] = []
    slots: Slots[str] = Slots(4, lambda waiter, failing: started.append(waiter))
    for name in "abcde":
        slots.enter(name, failing=False)
    slots.resize(2)
    for _ in range(2):
        slots.leave(failing=False)
    assert started == ["a", "b", "c"]
    slots.leave(failing=False)
    assert started == ["a", "b", "c", "d"]
    slots.resize(4)
    assert started == ["a", "b", "c", "d", "e"]


def test_neither_kind_takes_all_slots_and_each_keeps_its_order() -> None:
    started: list[tuple[str, bool]] = []
    slots: Slots[str] = Slots(4, lambda waiter, failing: started.append((waiter, failing)))
    for name in "abcde":
        slots.enter(name, failing=True)
    assert started == [("a", True), ("b", True), ("c", True)]
    for name in "xy":
        slots.enter(name, failing=False)
    assert started[3:] == [("x", False)]
    slots.leave(failing=True)
    assert started[4:] == [("y", False)]
    slots.leave(failing=True)
    assert started[5:] == [("d", True)]
    slots.withdraw("e")
    for _ in range(2):
        slots.leave(failing=False)
    assert len(started) == 6
