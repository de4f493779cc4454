"""How many probes may run at once."""

from __future__ import annotations

import pytest

from geodns.health.slots import Slots, slots_within


@pytest.mark.parametrize(
    ("files", "slots"), [(1, 1), (256, 192), (1024, 768), (4096, 3072), (65_536, 64_512)]
)
def test_a_part_of_the_files_is_left_for_everything_else(files: int, slots: int) -> None:
    assert slots_within(files) == slots


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
