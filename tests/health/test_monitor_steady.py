"""For how long the monitor says that endpoints stay as they are, in made-up time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from math import inf
from random import Random
from typing import Any

import pytest
from health_fakes import FakeClock, FakeNetwork, configuration, running

from geodns.config.settings import Configuration
from geodns.health.availability import Availability
from geodns.health.monitor import Monitor
from geodns.health.orders import Order, Orders
from geodns.health.told import HealthReport

TCP: dict[str, Any] = {"type": "tcp", "port": 80, "interval": 10, "rise": 2, "fall": 3}
FAST = {**TCP, "fast_interval": 2}
PUSH = {"type": "push", "keep": 40}
RANGE = {"ttl": {"min": 1, "max": 60}}
WEB = {"web": {"check": "c", **RANGE}}
TWO = {"eu": {"eu-a": {"web": ["10.0.0.1"]}, "eu-b": {"web": ["10.0.0.2"]}}}
NO_GROUPS = {"availability_zone": {"withdraw_below": 0}, "region": {"withdraw_below": 0}}


class Stage:
    def __init__(self) -> None:
        self.clock = FakeClock()
        self.network = FakeNetwork(self.clock)
        self.said: list[tuple[float, Availability]] = []
        self.monitor = Monitor(
            lambda availability: self.said.append((self.clock.now(), availability)),
            clock=self.clock,
            random=Random(3),
            make_prober=self.network.make_prober,
        )

    def steady(self, id: str = "web@eu-a") -> float:
        return self.monitor.availability.endpoints[id].steady

    def told(self, id: str = "web@eu-a") -> float:
        """What was told last, to those who answer."""
        return self.said[-1][1].endpoints[id].steady

    async def until_withdrawn(self, id: str = "web@eu-a") -> None:
        for _ in range(400):
            if not self.monitor.availability.endpoints[id].availability:
                return
            await self.clock.advance(0.25)
        raise AssertionError(f"{id} is never withdrawn")

    async def until(self, steady: float, id: str = "web@eu-a") -> None:
        """Let time pass until it is so."""
        for _ in range(400):
            if self.steady(id) == steady:
                return
            await self.clock.advance(0.25)
        raise AssertionError(f"{id} is steady for {self.steady(id)} s, never for {steady}")


def play(first: Configuration, scene: Callable[[Stage], Awaitable[None]]) -> None:
    async def whole() -> None:
        stage = Stage()
        stage.monitor.apply(first)
        async with running(stage.monitor, stage.clock):
            await scene(stage)

    asyncio.run(whole())


@pytest.mark.parametrize(("check", "steps"), [(TCP, (30, 20, 10)), (FAST, (14, 4, 2))])
def test_an_endpoint_is_steady_for_the_results_that_it_still_takes(
    check: dict[str, Any], steps: tuple[float, ...]
) -> None:
    async def scene(stage: Stage) -> None:
        assert stage.steady() == 0  # its first result may come at any moment
        await stage.until(steps[0])
        stage.network.down.add("10.0.0.1")
        await stage.until(steps[1])
        await stage.until(steps[2])
        stage.network.down.clear()
        await stage.until(steps[0])  # one that agrees starts the count again
        stage.network.down.add("10.0.0.1")
        pause = check.get("fast_interval", check["interval"])
        await stage.until_withdrawn()
        assert stage.steady() == check["interval"] + pause  # two successes bring it back
        stage.network.down.clear()
        await stage.until(pause)
        await stage.until(steps[0])

    play(configuration(TWO, WEB, {"c": check}, NO_GROUPS), scene)


def test_every_step_is_told_soon_and_all_of_a_moment_at_once() -> None:
    async def scene(stage: Stage) -> None:
        await stage.clock.advance(5)
        assert stage.told() == 30
        assert len(stage.said) <= 4  # first results come within a second
        stage.network.down.update(("10.0.0.1", "10.0.0.2"))
        before = len(stage.said)
        await stage.until(20, "web@eu-a")
        await stage.until(20, "web@eu-b")
        await stage.clock.advance(0.5)
        assert stage.told("web@eu-a") == stage.told("web@eu-b") == 20
        assert len(stage.said) - before <= 2
        generations = [said.generation for _, said in stage.said]
        assert generations == sorted(set(generations))

    play(configuration(TWO, WEB, {"c": TCP}, NO_GROUPS), scene)


def test_where_no_ttl_follows_health_nothing_more_is_told() -> None:
    async def scene(stage: Stage) -> None:
        await stage.clock.advance(5)
        stage.network.down.add("10.0.0.1")
        await stage.clock.advance(18)
        assert stage.said == []
        assert stage.steady() == inf
        await stage.until_withdrawn()
        assert len(stage.said) == 1

    play(configuration(TWO, {"web": {"check": "c", "ttl": 60}}, {"c": TCP}, NO_GROUPS), scene)


def test_the_endpoints_of_branches_are_followed_too() -> None:
    services = {"web": {"check": "c"}, "all": {"branches": {"web": 1}, **RANGE}}

    async def scene(stage: Stage) -> None:
        await stage.until(30)

    play(configuration(TWO, services, {"c": TCP}), scene)


def test_an_az_can_go_before_the_endpoint_itself_does() -> None:
    topology = {
        "eu": {
            "eu-a": {"web": ["10.0.0.1"], "api": ["10.0.0.2"], "img": ["10.0.0.3"]},
            "eu-b": {"web": ["10.0.0.4"]},
        }
    }
    services = {**WEB, "api": {"check": "c"}, "img": {"check": "c"}}

    async def scene(stage: Stage) -> None:
        await stage.until(30)
        stage.network.down.update(("10.0.0.2", "10.0.0.3"))
        # Two of three take it below half: it goes with the second.
        await stage.until(20)
        await stage.until(10)
        assert stage.steady("web@eu-b") == 30
        await stage.until_withdrawn()
        # Both must rise, and then comes the hold time.
        await stage.until(20 + 60)
        stage.network.down.clear()
        await stage.until(10 + 60)
        await stage.until(0)  # held: it comes back by waiting
        await stage.until(30)

    play(configuration(topology, services, {"c": TCP}), scene)


def test_what_is_needed_counts() -> None:
    topology = {"eu": {"eu-a": {"web": ["10.0.0.1"], "db": ["10.0.0.2"]}}}
    services = {"web": {"check": "c", "needs": ["db"], **RANGE}, "db": {"check": "d"}}

    async def scene(stage: Stage) -> None:
        await stage.until(12)
        stage.network.down.add("10.0.0.2")
        await stage.until(8)
        await stage.until(4)
        await stage.until_withdrawn()
        assert stage.steady() == 8

    checks = {"c": TCP, "d": {**TCP, "interval": 4}}
    play(configuration(topology, services, checks, NO_GROUPS), scene)


def test_a_drain_under_way_moves_all_the_time_and_after_it_checks_have_no_say() -> None:
    async def scene(stage: Stage) -> None:
        await stage.until(30)
        wall = stage.clock.wall()
        stage.monitor.order(Orders([Order("eu-a", "drain", wall, "anna", over=20)]))
        assert stage.steady() == 0
        await stage.until(inf)
        await stage.until_withdrawn()
        stage.monitor.order(Orders([Order("eu-a", "force", wall, "anna")]))
        assert stage.steady() == inf
        stage.monitor.order(Orders())
        assert stage.steady() == 30

    play(configuration(TWO, WEB, {"c": TCP}, NO_GROUPS), scene)


def test_a_slow_start_moves_all_the_time() -> None:
    recovery = {"recovery": {"hold": 5, "slow_start": 20}}

    async def scene(stage: Stage) -> None:
        stage.network.down.add("10.0.0.1")
        await stage.until(20)
        await stage.clock.advance(30)
        stage.network.down.clear()
        await stage.until(10)
        await stage.until(0)
        await stage.until(30)
        assert stage.monitor.availability.endpoints["web@eu-a"].availability == 1

    play(configuration(TWO, WEB, {"c": TCP}, {**NO_GROUPS, **recovery}), scene)


def test_who_reports_is_steady_for_as_long_as_a_report_holds() -> None:
    async def scene(stage: Stage) -> None:
        assert stage.steady() == 0
        stage.monitor.push_health("web@eu-a", HealthReport(True))
        await stage.until(40)

    play(configuration(TWO, WEB, {"c": PUSH}, NO_GROUPS), scene)


def test_a_combination_is_as_steady_as_the_parts_that_it_takes() -> None:
    parts = {"a": TCP, "b": {**TCP, "interval": 4, "port": 81}}
    first = {**parts, "c": {"type": "any", "checks": ["a", "b"]}}
    every = {**parts, "c": {"type": "all", "checks": ["a", "b"]}}

    async def one_left(stage: Stage) -> None:
        await stage.until(30)

    async def none_spare(stage: Stage) -> None:
        await stage.until(12)
        stage.network.down.add("10.0.0.1")
        await stage.until(8)

    play(configuration(TWO, WEB, first, NO_GROUPS), one_left)
    play(configuration(TWO, WEB, every, NO_GROUPS), none_spare)


def test_what_does_not_run_by_checks_is_steady_for_ever() -> None:
    topology: dict[str, dict[str, dict[str, Any]]] = {
        "eu": {"eu-a": {"web": {"cname": "x.example."}}, "eu-b": {"web": ["10.0.0.1"]}}
    }
    stage = Stage()
    stage.monitor.apply(configuration(topology, {"web": RANGE}, {}))
    assert stage.steady("web@eu-a") == stage.steady("web@eu-b") == inf
