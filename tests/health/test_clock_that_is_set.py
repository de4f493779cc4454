"""A clock that is set back or forth changes no verdict: only time that passes counts."""

from __future__ import annotations

import asyncio
from random import Random
from typing import Any

from health_fakes import FakeClock, FakeNetwork, configuration

from geodns.health.availability import Availability
from geodns.health.monitor import Monitor

_CHECK: dict[str, Any] = {"type": "tcp", "port": 80, "interval": 10, "rise": 1, "fall": 1}
_HOLD = {"availability_zone": {"withdraw_below": "50%", "restore_above": "80%", "hold": 60}}


class _ClockThatIsSet(FakeClock):
    """Somebody sets the time of day; ``now`` goes on as it must."""

    def __init__(self) -> None:
        super().__init__()
        self.set_by = 0.0

    def wall(self) -> float:
        return super().wall() + self.set_by


def _course(jumps: tuple[float, ...]) -> list[tuple[float, dict[str, float]]]:
    """When the availability changed, and to what, while the clock is set by these seconds."""
    clock = _ClockThatIsSet()
    network = FakeNetwork(clock)
    said: list[tuple[float, dict[str, float]]] = []

    def changed(availability: Availability) -> None:
        numbers = {id: each.availability for id, each in availability.endpoints.items()}
        said.append((round(clock.now(), 3), numbers))

    async def scene() -> None:
        monitor = Monitor(changed, clock=clock, random=Random(3), make_prober=network.make_prober)
        monitor.apply(
            configuration(
                {"eu": {"eu-a": {"web": ["10.0.0.1"]}}, "us": {"us-a": {"web": ["10.0.0.2"]}}},
                {"web": {"check": "c"}},
                {"c": _CHECK},
                _HOLD,
            )
        )
        running = asyncio.create_task(monitor.run())
        for jump in jumps:
            network.down ^= {"10.0.0.1"}
            for _ in range(10):
                await clock.advance(10)
                clock.set_by += jump
        await monitor.close()
        await running

    asyncio.run(scene())
    return said


def test_setting_the_clock_changes_no_verdict_and_no_interval() -> None:
    steady = _course((0.0, 0.0, 0.0, 0.0))
    assert len(steady) >= 4, "an AZ goes and comes back, twice"
    assert _course((-86_400.0, 0.0, 3_600.0, -1e8)) == steady
    assert _course((1e9, -1e9, 86_400.0, 60.0)) == steady
