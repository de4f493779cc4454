"""The monitor heeds what people order, with a made-up network in made-up time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from random import Random

from health_fakes import FakeClock, FakeNetwork, configuration, running

from geodns.health.availability import Availability
from geodns.health.monitor import Monitor, Moved
from geodns.health.orders import Order, Orders
from geodns.health.turn import Turn

TWO = {"eu": {"eu-a": {"web": ["10.0.0.1"]}, "eu-b": {"web": ["10.0.0.2"]}}}
CHECK = {"type": "tcp", "port": 80, "interval": 10, "rise": 1, "fall": 1}


class Stage:
    def __init__(self) -> None:
        self.clock = FakeClock()
        self.network = FakeNetwork(self.clock)
        self.said: list[Availability] = []
        self.turns: list[tuple[Turn, Moved]] = []
        self.monitor = Monitor(
            self.said.append,
            clock=self.clock,
            random=Random(3),
            make_prober=self.network.make_prober,
            record=lambda turn, moved: self.turns.append((turn, moved)),
        )
        health = {"availability_zone": {"withdraw_below": 0}, "region": {"withdraw_below": 0}}
        self.monitor.apply(configuration(TWO, {"web": {"check": "c"}}, {"c": CHECK}, health))

    def numbers(self) -> list[float]:
        return [end.availability for end in self.monitor.availability.endpoints.values()]

    def drain(self, id: str, **more: float) -> Moved:
        order = Order(id, "drain", self.clock.wall(), "anna", "disks", **more)
        return self.monitor.order(Orders([order]))


def play(scene: Callable[[Stage], Awaitable[None]]) -> None:
    async def whole() -> None:
        stage = Stage()
        async with running(stage.monitor, stage.clock):
            await scene(stage)

    asyncio.run(whole())


def test_a_drain_takes_its_endpoints_out_at_once_and_says_what_moved() -> None:
    async def scene(stage: Stage) -> None:
        await stage.clock.advance(2)
        assert stage.drain("eu-a") == {"web@eu-a": (1.0, 0.0)}
        assert stage.numbers() == [0, 1]
        assert len(stage.said) == 1
        reason = stage.monitor.availability.endpoints["web@eu-a"].reason
        assert reason == "eu-a is drained by anna: disks"
        assert stage.monitor.order(Orders()) == {"web@eu-a": (0.0, 1.0)}

    play(scene)


def test_a_ramp_goes_on_by_itself_in_small_steps_and_expires() -> None:
    async def scene(stage: Stage) -> None:
        stage.drain("eu-a", over=64, until=stage.clock.wall() + 200)
        await stage.clock.advance(32)
        assert abs(stage.numbers()[0] - 0.5) <= 2 / 64
        await stage.clock.advance(40)
        assert stage.numbers() == [0, 1]
        steps = [now.endpoints["web@eu-a"].availability for now in stage.said]
        assert steps == sorted(steps, reverse=True)
        assert max(a - b for a, b in zip([1.0, *steps], steps, strict=False)) <= 2 / 64
        await stage.clock.advance(140)
        assert stage.numbers() == [1, 1]

    play(scene)


def test_a_force_stands_above_checks_and_a_drain_above_a_force() -> None:
    async def scene(stage: Stage) -> None:
        stage.network.down.update({"10.0.0.1", "10.0.0.2"})
        await stage.clock.advance(20)
        assert stage.numbers() == [0, 0]
        force = Order("web@eu-a", "force", stage.clock.wall(), "anna", "the check is wrong")
        stage.monitor.order(Orders([force]))
        assert stage.numbers() == [1, 0]
        found = stage.monitor.availability.endpoints["web@eu-a"]
        assert found.addresses == (True,)
        assert not found.failing
        stage.monitor.order(Orders([force, Order("eu", "drain", stage.clock.wall(), "ben")]))
        assert stage.numbers() == [0, 0]

    play(scene)


def test_orders_stay_over_a_reload() -> None:
    async def scene(stage: Stage) -> None:
        stage.drain("eu-a")
        again = configuration(TWO, {"web": {}}, {})
        assert stage.monitor.apply(again).endpoints["web@eu-a"].availability == 0

    play(scene)


def test_every_verdict_that_changes_is_recorded_with_what_it_moved() -> None:
    async def scene(stage: Stage) -> None:
        await stage.clock.advance(15)
        assert stage.turns == []  # the first success is no news
        stage.network.down.add("10.0.0.1")
        await stage.clock.advance(15)
        stage.network.down.clear()
        await stage.clock.advance(15)
        assert stage.turns == [
            (
                Turn("web@eu-a", "down", "1 of 1 addresses down: 10.0.0.1: connection refused",
                     ("web@eu-a",)),
                {"web@eu-a": (1.0, 0.0)},
            ),
            (Turn("web@eu-a", "up", "up", ("web@eu-a",)), {"web@eu-a": (0.0, 1.0)}),
        ]  # fmt: skip

    play(scene)
