"""While results disagree with a verdict its target is probed at ``fast_interval``: made-up time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from itertools import pairwise
from random import Random
from typing import Any

import pytest
from health_fakes import FakeClock, FakeNetwork, configuration, running

from geodns.health.monitor import Monitor

ADDRESS = "10.0.0.1"
INTERVAL, FAST = 10.0, 2.0
CHECK = {"type": "tcp", "port": 80, "interval": INTERVAL, "rise": 3, "fall": 4}


class Stage:
    def __init__(self, check: dict[str, Any]) -> None:
        self.clock = FakeClock()
        self.network = FakeNetwork(self.clock)
        self.turns: list[tuple[float, str]] = []
        self.monitor = Monitor(
            lambda _: None,
            clock=self.clock,
            random=Random(3),
            make_prober=self.network.make_prober,
            record=lambda turn, _: self.turns.append((self.clock.now(), turn.became)),
        )
        health = {"availability_zone": {"withdraw_below": 0}, "region": {"withdraw_below": 0}}
        topology = {"eu": {"eu-a": {"web": [ADDRESS]}}}
        services = {"web": {"check": "c"}}
        self.monitor.apply(configuration(topology, services, {"c": check}, health))

    async def gaps(self, seconds: float) -> list[float]:
        """Seconds between the probes that start from now on, the last one before included."""
        self.network.starts = self.network.starts[-1:]
        await self.clock.advance(seconds)
        return [round(b - a, 6) for a, b in pairwise(self.network.times(ADDRESS))]


def plain(gaps: list[float]) -> bool:
    """Whether these are at the interval: half of it is the least on the way back to its beats."""
    return bool(gaps) and all(INTERVAL / 2 <= gap <= INTERVAL for gap in gaps)


def play(check: dict[str, Any], scene: Callable[[Stage], Awaitable[None]]) -> None:
    async def whole() -> None:
        stage = Stage(check)
        async with running(stage.monitor, stage.clock, 35):
            await scene(stage)

    asyncio.run(whole())


def test_from_the_first_result_that_disagrees_until_the_verdict_probes_come_faster() -> None:
    async def scene(stage: Stage) -> None:
        assert plain(await stage.gaps(30))
        for down, results, became in [(True, 4, "down"), (False, 3, "up")]:
            stage.network.down = {ADDRESS} if down else set()
            gaps = await stage.gaps(50)
            assert plain(gaps[:1])
            assert gaps[1:results] == [FAST] * (results - 1)
            assert plain(gaps[results:])
            assert stage.turns.pop()[1] == became
        assert stage.turns == []

    play({**CHECK, "fast_interval": FAST}, scene)


def test_one_result_that_disagrees_costs_one_fast_probe() -> None:
    async def scene(stage: Stage) -> None:
        stage.network.down = {ADDRESS}
        while stage.network.starts[-1][0] < 1035:
            await stage.clock.advance(0.5)
        stage.network.down = set()
        gaps = await stage.gaps(40)
        assert gaps[0] == FAST
        assert plain(gaps[1:])
        assert stage.turns == []

    play({**CHECK, "fast_interval": FAST}, scene)


@pytest.mark.parametrize(("takes", "gap"), [(0.5, FAST), (5.0, 5.0)])
def test_a_probe_that_takes_longer_is_followed_at_once(takes: float, gap: float) -> None:
    async def scene(stage: Stage) -> None:
        stage.network.down = {ADDRESS}
        stage.network.takes[ADDRESS] = takes
        assert (await stage.gaps(40))[1:4] == [gap] * 3

    play({**CHECK, "fast_interval": FAST}, scene)


def test_without_one_the_interval_is_kept() -> None:
    async def scene(stage: Stage) -> None:
        stage.network.down = {ADDRESS}
        assert plain(await stage.gaps(60))
        assert [became for _, became in stage.turns] == ["down"]

    play(CHECK, scene)
