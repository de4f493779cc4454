"""Verdicts over a reload of the configuration, with a made-up network in made-up time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from random import Random
from typing import Any

from health_fakes import FakeClock, FakeNetwork, configuration, running

from geodns.config.settings import Configuration
from geodns.health.monitor import Monitor, Moved
from geodns.health.turn import Turn

CHECK: dict[str, Any] = {"type": "tcp", "port": 80, "interval": 10, "rise": 1, "fall": 1}
ALL_OR_NOTHING = {"withdraw_below": 1, "restore_above": 1, "hold": 60}
ANY = {"withdraw_below": 0, "restore_above": 0, "hold": 0}


def two(first: list[str], az: dict[str, Any]) -> Configuration:
    """Two AZs with one endpoint each; without addresses the first one has none."""
    endpoints = {"web": first} if first else {}
    topology: dict[str, Any] = {
        "eu": {"eu-a": endpoints, "eu-b": {"web": ["10.0.0.2", "10.0.0.3"]}}
    }
    health = {"availability_zone": az, "region": ANY}
    return configuration(topology, {"web": {"check": "c"}}, {"c": CHECK}, health)


class Stage:
    def __init__(self) -> None:
        self.clock = FakeClock()
        self.network = FakeNetwork(self.clock)
        self.turns: list[tuple[Turn, Moved]] = []
        self.monitor = Monitor(
            lambda _: None,
            clock=self.clock,
            random=Random(3),
            make_prober=self.network.make_prober,
            record=lambda turn, moved: self.turns.append((turn, moved)),
        )

    def numbers(self) -> list[float]:
        return [end.availability for end in self.monitor.availability.endpoints.values()]

    def told(self) -> list[tuple[str, str, Moved]]:
        """What was recorded since this was asked last."""
        found = [(turn.id, turn.became, moved) for turn, moved in self.turns]
        self.turns.clear()
        return found


def play(first: Configuration, scene: Callable[[Stage], Awaitable[None]]) -> None:
    async def whole() -> None:
        stage = Stage()
        stage.monitor.apply(first)
        async with running(stage.monitor, stage.clock, 15):
            await scene(stage)

    asyncio.run(whole())


def test_an_az_that_lost_its_last_endpoint_is_restored_and_free_of_its_hold_time() -> None:
    async def scene(stage: Stage) -> None:
        stage.network.down.add("10.0.0.1")
        await stage.clock.advance(15)
        assert stage.numbers() == [0, 1]
        stage.told()
        stage.monitor.apply(two([], ALL_OR_NOTHING))
        assert stage.told() == [("eu-a", "restored", {})]
        assert stage.monitor.status().regions[0].availability_zones[0].state == "in service"
        stage.monitor.apply(two(["10.0.0.9"], ALL_OR_NOTHING))
        await stage.clock.advance(2)
        assert stage.numbers() == [1, 1]

    play(two(["10.0.0.1"], ALL_OR_NOTHING), scene)


def test_a_verdict_that_turns_by_a_reload_is_recorded_in_that_moment_with_what_it_moved() -> None:
    lenient = {"withdraw_below": 0.5, "restore_above": 0.5, "hold": 0}
    strict = {"withdraw_below": 1, "restore_above": 1, "hold": 0}
    shared: dict[str, Any] = {"eu": {"eu-a": {"web": ["10.0.0.1"], "api": ["10.0.0.2"]}}}

    def with_limits(az: dict[str, Any]) -> Configuration:
        services = {"web": {"check": "c"}, "api": {"check": "c"}}
        health = {"availability_zone": az, "region": ANY}
        return configuration(shared, services, {"c": CHECK}, health)

    async def scene(stage: Stage) -> None:
        stage.network.down.add("10.0.0.1")
        await stage.clock.advance(15)
        assert stage.numbers() == [0, 1]
        stage.told()
        stage.monitor.apply(with_limits(strict))
        assert stage.told() == [("eu-a", "withdrawn", {"api@eu-a": (1, 0)})]
        await stage.clock.advance(15)
        assert stage.told() == []

    play(with_limits(lenient), scene)
