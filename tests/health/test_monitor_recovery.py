"""An endpoint that was down comes back as the settings say, in made-up time."""

from __future__ import annotations

import asyncio
from itertools import groupby
from random import Random
from typing import Any

from health_fakes import FakeClock, FakeNetwork, configuration

from geodns.health.availability import Availability
from geodns.health.monitor import Monitor

CHECK = {"type": "tcp", "port": 80, "interval": 1, "rise": 1, "fall": 1}
ONE = {"eu": {"eu-a": {"web": ["10.0.0.1"]}}}
NO_GROUPS = {"availability_zone": {"withdraw_below": 0}, "region": {"withdraw_below": 0}}


def told(recovery: dict[str, Any], pauses: list[float]) -> tuple[list[float], str]:
    """All availabilities that went out while the target was down, up, down, …; the last reason."""
    said: list[Availability] = []

    async def whole() -> str:
        clock = FakeClock()
        network = FakeNetwork(clock)
        monitor = Monitor(said.append, clock=clock, random=Random(3),
                          make_prober=network.make_prober)  # fmt: skip
        health = {**NO_GROUPS, "recovery": recovery}
        monitor.apply(configuration(ONE, {"web": {"check": "c"}}, {"c": CHECK}, health))
        running = asyncio.create_task(monitor.run())
        await clock.advance(5)
        for number, pause in enumerate(pauses):
            network.down = set() if number % 2 else {"10.0.0.1"}
            await clock.advance(pause)
        await monitor.close()
        await running
        return monitor.availability.endpoints["web@eu-a"].reason

    reason = asyncio.run(whole())
    numbers = [now.endpoints["web@eu-a"].availability for now in said]
    return [number for number, _ in groupby(numbers)], reason


def test_by_default_it_is_back_at_once() -> None:
    assert told({}, [5, 5]) == ([0, 1], "up")


def test_after_its_hold_time_it_starts_slowly() -> None:
    assert told({"hold": 20}, [5, 15]) == ([0], "up again: in its hold time")
    assert told({"hold": 20}, [5, 25]) == ([0, 1], "up")
    numbers, reason = told({"hold": 20, "slow_start": 64}, [5, 50])
    assert numbers == sorted(numbers)
    assert 0.3 < numbers[-1] < 0.5
    assert reason == "coming back slowly"
    assert told({"hold": 20, "slow_start": 64}, [5, 100])[0][-1] == 1


def test_one_that_flaps_is_held_out_and_let_back_when_it_is_calm() -> None:
    damping = {"suppress": 3, "reuse": 1, "half_life": 60}
    flaps = [3.0] * 40
    numbers, reason = told(damping, flaps)
    assert len(numbers) < 10
    assert reason == "flapped: held out for a while"
    assert told(damping, [*flaps[:-1], 400])[0][-1] == 1
    assert len(told({}, flaps)[0]) == 40
