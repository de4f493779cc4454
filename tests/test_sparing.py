"""One of a kind per interval, however many come and of however many kinds."""

from __future__ import annotations

from geodns.sparing import Sparing


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_one_of_a_kind_passes_in_an_interval_and_says_how_many_did_not() -> None:
    clock = Clock()
    sparing = Sparing(clock, interval=60)
    assert [sparing.passes("a") for _ in range(4)] == [0, None, None, None]
    assert sparing.passes("b") == 0
    clock.now = 59.9
    assert sparing.passes("a") is None
    clock.now = 60
    assert sparing.passes("a") == 4
    assert sparing.passes("a") is None


def test_a_flood_of_kinds_is_bounded_and_ends() -> None:
    clock = Clock()
    sparing = Sparing(clock, interval=60, most=10)
    passed = 0
    for number in range(100_000):
        clock.now = number / 1000  # 100 s
        passed += sparing.passes(number) is not None
    assert passed == 20
    clock.now = 1000
    assert sparing.passes("later") == 0
