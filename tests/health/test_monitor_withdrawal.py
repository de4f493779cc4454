"""Verdicts withdraw no more of a service at once than they may, in made-up time."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from random import Random
from typing import Any

import pytest
from health_fakes import FakeClock, FakeNetwork, configuration, running

from geodns.config.settings import Configuration
from geodns.health.availability import Availability
from geodns.health.monitor import Monitor
from geodns.health.orders import Order, Orders
from geodns.health.turn import Turn

CHECK = {"type": "tcp", "port": 80, "interval": 10, "rise": 1, "fall": 1}
AZS = 10


def ten(groups: dict[str, Any] | None = None, most: str = "30%", **recovery: Any) -> Configuration:
    """Ten AZs with one address of web each, and no verdict on groups."""
    topology = {"eu": {f"eu-{az}": {"web": [f"10.0.0.{az}"]} for az in range(AZS)}}
    loose = {"withdraw_below": 0}
    health = {
        "availability_zone": loose,
        "region": loose,
        "guard": {"mass_failure": "off", "withdrawal": {"most": most, "per": "10m"}},
        "recovery": recovery,
        **(groups or {}),
    }
    return configuration(topology, {"web": {"check": "c"}}, {"c": CHECK}, health)


class Stage:
    def __init__(self, clock: FakeClock | None = None) -> None:
        self.clock = clock or FakeClock()
        self.network = FakeNetwork(self.clock)
        self.turns: list[Turn] = []
        self.rows: dict[str, str] = {}
        self.monitor = Monitor(
            lambda _: None,
            clock=self.clock,
            random=Random(3),
            make_prober=self.network.make_prober,
            record=lambda turn, _moved: self.turns.append(turn),
            remember=self.rows.update,
        )

    def serving(self) -> int:
        ends = self.monitor.availability.endpoints.values()
        return sum(end.availability > 0 for end in ends)

    def reasons(self) -> str:
        return " / ".join(end.reason for end in self.monitor.availability.endpoints.values())

    def fail(self, *azs: int) -> None:
        self.network.down = {f"10.0.0.{az}" for az in azs}


def play(first: Configuration, scene: Callable[[Stage], Awaitable[None]]) -> None:
    async def whole() -> None:
        stage = Stage()
        stage.monitor.apply(first)
        async with running(stage.monitor, stage.clock, 15):
            await scene(stage)

    asyncio.run(whole())


def test_what_is_beyond_the_budget_is_kept_and_goes_when_the_window_allows() -> None:
    async def scene(stage: Stage) -> None:
        stage.fail(*range(AZS))
        await stage.clock.advance(60)
        assert stage.serving() == 7
        assert "kept: more than 30% of web would go in 600 s" in stage.reasons()
        status = stage.monitor.status()
        assert status.guard.waiting == 7
        ends = [end for zone in status.regions[0].availability_zones for end in zone.endpoints]
        assert sum(end.kept for end in ends) == 7
        assert all(end.addresses[0][1] == end.kept for end in ends)
        await stage.clock.advance(600)
        assert stage.serving() == 4
        await stage.clock.advance(1200)
        assert stage.serving() == 0
        guarded = [turn.became for turn in stage.turns if turn.kind == "guard"]
        assert guarded == ["kept"] * 7 + ["withdrawn"] * 7

    play(ten(), scene)


def test_one_that_is_kept_and_comes_up_never_left_whatever_its_way_back() -> None:
    async def scene(stage: Stage) -> None:
        stage.fail(*range(AZS))
        await stage.clock.advance(60)
        assert stage.serving() == 7
        stage.fail()
        await stage.clock.advance(30)
        assert stage.serving() == 7  # the three are in their hold time
        assert stage.reasons().count("in its hold time") == 3
        await stage.clock.advance(1000)
        assert stage.serving() == AZS

    play(ten(hold=900), scene)


def test_a_region_that_is_withdrawn_goes_endpoint_by_endpoint_in_order() -> None:
    async def scene(stage: Stage) -> None:
        stage.fail(8, 9)
        await stage.clock.advance(60)
        ends = stage.monitor.availability.endpoints
        out = [id for id, end in ends.items() if not end.availability]
        assert len(out) == 3
        assert {"web@eu-8", "web@eu-9"} & set(out)
        assert "region eu is withdrawn" in stage.reasons()

    play(ten({"region": {"withdraw_below": "90%", "restore_above": "90%"}}), scene)


def test_drains_are_not_limited_and_what_is_drained_costs_nothing() -> None:
    async def scene(stage: Stage) -> None:
        wall = stage.clock.wall()
        drains = [Order(f"eu-{az}", "drain", wall, "anna") for az in range(5)]
        stage.monitor.order(Orders(drains))
        assert stage.serving() == 5
        stage.fail(*range(5))
        await stage.clock.advance(30)
        assert stage.monitor.status().guard.waiting == 0
        stage.fail(*range(AZS))
        await stage.clock.advance(30)
        assert stage.serving() == 2

    play(ten(), scene)


def test_a_restart_lets_nobody_go_who_had_to_wait() -> None:
    settings = ten()

    async def scene(stage: Stage) -> None:
        stage.fail(*range(AZS))
        await stage.clock.advance(60)
        again = Stage(stage.clock)
        again.fail(*range(AZS))
        again.monitor.recall(stage.rows)
        again.monitor.apply(settings)
        assert again.serving() == 7
        running = asyncio.create_task(again.monitor.run())
        await again.clock.advance(60)
        assert again.serving() == 7
        await again.clock.advance(600)
        await again.monitor.close()
        await running
        assert again.serving() == 4

    play(settings, scene)


def test_a_reload_goes_on_with_what_was_spent_and_without_the_setting_all_go() -> None:
    async def scene(stage: Stage) -> None:
        stage.fail(*range(AZS))
        await stage.clock.advance(60)
        stage.monitor.apply(ten())
        assert stage.serving() == 7
        stage.monitor.apply(ten(most="50%"))
        assert stage.serving() == 5
        off = {"guard": {"mass_failure": "off"}}
        stage.monitor.apply(ten(off))
        assert stage.serving() == 0

    play(ten(), scene)


class Departures:
    """Who left service by verdicts, and whether that was ever too much."""

    def __init__(self, clock: FakeClock, most: float, per: float) -> None:
        self._clock, self._most, self._per = clock, most, per
        self._before: dict[str, float] = {}
        self._left: list[tuple[float, str]] = []
        self.count = 0

    def look(self, availability: Availability) -> None:
        now = self._clock.now()
        after = {id: end.availability for id, end in availability.endpoints.items()}
        for id, number in after.items():
            if self._before.get(id, number) > 0 and number == 0:
                self._left.append((now, id))
                self.count += 1
        self._before = after
        within = {id for at, id in self._left if now < at + self._per}
        for service in {id.partition("@")[0] for id in within}:
            gone = sum(id.startswith(f"{service}@") for id in within)
            whole = sum(id.startswith(f"{service}@") for id in after)
            assert gone <= max(1, self._most * whole + 1e-6)


def test_in_random_histories_no_more_leaves_than_may_and_all_come_back(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def live(random: Random) -> int:
        clock = FakeClock()
        network = FakeNetwork(clock)
        azs, per = random.randint(2, 8), random.choice((30.0, 200.0))
        most = random.choice((0.2, 0.34, 0.5))
        topology = {
            f"r{region}": {
                f"r{region}-{az}": {s: [f"10.{region}.{az}.{n}"] for n, s in enumerate("ab")}
                for az in range(azs)
            }
            for region in range(2)
        }
        guard = {"mass_failure": "off", "withdrawal": {"most": most, "per": per}}
        recovery = {"hold": random.choice((0, 15)), "slow_start": random.choice((0, 20))}
        check = {**CHECK, "interval": 5}
        health = {
            "guard": guard,
            "recovery": recovery,
            "availability_zone": {"withdraw_below": "60%", "hold": 10},
            "region": {"withdraw_below": random.choice(("1%", "70%")), "hold": 10},
        }
        settings = configuration(topology, {s: {"check": "c"} for s in "ab"}, {"c": check}, health)
        departures = Departures(clock, most, per)
        monitor = Monitor(
            departures.look, clock=clock, random=random, make_prober=network.make_prober
        )
        departures.look(monitor.apply(settings))
        running = asyncio.create_task(monitor.run())
        await clock.advance(10)
        every = list(network.running)
        for _ in range(8):
            network.down = set(random.sample(every, random.randint(0, len(every))))
            await clock.advance(random.uniform(1, 80))
        network.down = set()
        await clock.advance(100)
        assert {end.availability for end in monitor.availability.endpoints.values()} == {1.0}
        assert monitor.status().guard.waiting == 0
        await monitor.close()
        await running
        return departures.count

    caplog.set_level(logging.CRITICAL)
    assert sum(asyncio.run(live(Random(seed))) for seed in range(30)) > 250
