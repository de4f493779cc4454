"""When a target is probed: evenly spread, never more than an interval apart, whatever happens."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from random import Random

import pytest

from geodns.health.rhythm import Rhythm


def starts(rhythm: Rhythm, interval: float, crowd: int, end: float) -> list[float]:
    times = [rhythm.first(interval, crowd)]
    while times[-1] < end:
        times.append(rhythm.after(times[-1], interval))
    return times[:-1]


@pytest.mark.parametrize(("count", "interval"), [(10_000, 10.0), (3_000, 5.0), (700, 1.0)])
def test_as_many_start_in_any_tenth_of_an_interval_as_in_any_other(
    count: int, interval: float
) -> None:
    first = Random(count).randrange(1 << 20)
    slices: Counter[int] = Counter()
    for number in range(first, first + count):
        rhythm = Rhythm(number, 50.0)
        for time in starts(rhythm, interval, count, 50 + 12 * interval):
            slices[int(10 * (time - 50) / interval)] += 1
    expected = count / 9.6
    assert all(abs(slices[n] - expected) < expected * 0.02 + 4 for n in range(20, 120))


def test_what_is_left_when_some_are_taken_out_is_even_too() -> None:
    slices: Counter[int] = Counter()
    for number in range(0, 10_000, 3):
        for time in starts(Rhythm(number, 0.0), 10.0, 10_000, 120.0):
            slices[int(time)] += 1
    assert all(340 <= slices[second] <= 355 for second in range(20, 120))


def test_gaps_are_at_most_an_interval_and_hardly_less() -> None:
    random = Random(1)
    for _ in range(2_000):
        interval = random.choice([0.05, 1.0, 10.0, random.uniform(0.05, 600)])
        rhythm = Rhythm(random.randrange(1 << 21), random.uniform(0, 1e7))
        begin = rhythm.begun
        times = starts(rhythm, interval, random.randrange(1, 20_000), begin + 40 * interval)
        gaps = [(later - earlier) / interval for earlier, later in pairwise(times)]
        assert begin <= times[0] <= begin + interval
        assert 0.499 < min(gaps) <= max(gaps) <= 1 + 1e-6
        assert 0.94 < min(gaps[2:]) <= max(gaps[2:]) < 0.99


def test_whoever_starts_at_a_wrong_moment_is_back_on_the_beat_after_two_probes() -> None:
    random = Random(2)
    for _ in range(2_000):
        rhythm = Rhythm(random.randrange(1 << 20), 0.0)
        usual = starts(rhythm, 10.0, 1, 300.0)
        thrown = random.uniform(20, 100)
        first = rhythm.after(thrown, 10.0)
        second = rhythm.after(first, 10.0)
        third = rhythm.after(second, 10.0)
        for earlier, later in pairwise((thrown, first, second, third)):
            assert 4.999 < later - earlier <= 10
        assert any(abs(third - time) < 1e-6 for time in usual)
