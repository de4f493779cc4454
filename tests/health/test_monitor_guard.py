"""The guard in the monitor: a prober that is cut off withdraws nothing, in made-up time."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable
from random import Random
from typing import Any

import pytest
from health_fakes import FakeClock, FakeNetwork, configuration, running

from geodns.config.settings import Configuration
from geodns.health.availability import Availability
from geodns.health.monitor import Monitor, Moved
from geodns.health.orders import GUARD, Order, Orders
from geodns.health.status import GuardStatus
from geodns.health.told import HealthReport
from geodns.health.turn import Turn

AZS = 10
PER_AZ = 3
EVERY = [f"10.0.{az}.{host}" for az in range(AZS) for host in range(PER_AZ)]
REFERENCES = ["192.0.2.1", "192.0.2.2"]


def of(*azs: int) -> set[str]:
    """The addresses of these AZs."""
    return {f"10.0.{az}.{host}" for az in azs for host in range(PER_AZ)}


def ten(
    check: dict[str, Any] | None = None,
    guard: dict[str, Any] | None = None,
    recovery: dict[str, Any] | None = None,
    **services: Any,
) -> Configuration:
    """Ten AZs with three services each."""
    topology = {
        f"r{az % 3}": {
            f"r{other % 3}-{other}": {
                f"s{host}": [f"10.0.{other}.{host}"] for host in range(PER_AZ)
            }
            for other in range(az % 3, AZS, 3)
        }
        for az in range(3)
    }
    checks = {
        "c": {"type": "tcp", "port": 80, "interval": 10, "rise": 2, "fall": 3, **(check or {})},
        "ref": {"type": "tcp", "port": 53, "interval": 5, "rise": 1, "fall": 3},
    }
    named = {f"s{host}": {"check": "c"} for host in range(PER_AZ)}
    health = {"guard": guard or {}, "recovery": recovery or {}}
    return configuration(topology, {**named, **services}, checks, health)


class Stage:
    """A running monitor and everything that it said."""

    def __init__(self, clock: FakeClock | None = None) -> None:
        self.clock = clock or FakeClock()
        self.rows: dict[str, str] = {}
        self.network = FakeNetwork(self.clock)
        self.said: list[Availability] = []
        self.turns: list[tuple[Turn, Moved]] = []
        self.monitor = Monitor(
            self.said.append,
            clock=self.clock,
            random=Random(3),
            make_prober=self.network.make_prober,
            record=lambda turn, moved: self.turns.append((turn, moved)),
            remember=self.rows.update,
        )

    def out(self) -> set[str]:
        """The AZs of which nothing is in service."""
        ends = self.monitor.availability.endpoints
        serving = {id.partition("@")[2] for id, end in ends.items() if end.availability}
        return {id.partition("@")[2] for id in ends} - serving

    def reasons(self) -> set[str]:
        return {end.reason for end in self.monitor.availability.endpoints.values()}

    @property
    def guard(self) -> GuardStatus:
        return self.monitor.status().guard

    def guarded(self) -> list[str]:
        return [turn.became for turn, _ in self.turns if turn.kind == "guard"]

    def trust(self, seconds: float) -> Moved:
        wall = self.clock.wall()
        return self.monitor.order(
            Orders([Order(GUARD, "trust", wall, "anna", until=wall + seconds)])
        )


def play(first: Configuration, scene: Callable[[Stage], Awaitable[None]]) -> None:
    async def whole() -> None:
        stage = Stage()
        stage.monitor.apply(first)
        async with running(stage.monitor, stage.clock, 45):
            await scene(stage)

    asyncio.run(whole())


@pytest.mark.parametrize("fall", [1, 3])
def test_a_prober_that_is_cut_off_withdraws_nothing(
    fall: int, caplog: pytest.LogCaptureFixture
) -> None:
    async def scene(stage: Stage) -> None:
        stage.network.down.update(EVERY)
        await stage.clock.advance(12)
        assert stage.guard.frozen
        assert stage.out() == set()
        await stage.clock.advance(600)
        assert stage.out() == set()
        assert stage.guard.kept == AZS * PER_AZ
        assert stage.guard.failing == stage.guard.up == AZS * PER_AZ
        assert "kept: 1" in min(stage.reasons())
        assert "the prober may be cut off" in min(stage.reasons())
        stage.network.down.clear()
        await stage.clock.advance(30)
        assert not stage.guard.frozen
        assert stage.guard.kept == 0
        assert stage.out() == set()
        assert stage.reasons() == {"up"}
        assert stage.guarded() == ["frozen", "free again"]

    play(ten({"fall": fall}), scene)
    levels = {r.levelno for r in caplog.records if r.getMessage() == "verdicts are frozen"}
    assert levels == {logging.ERROR}


def test_what_was_withdrawn_while_suspicion_grew_comes_back_at_once_in_spite_of_hold_times() -> (
    None
):
    async def scene(stage: Stage) -> None:
        stage.network.down.update(EVERY)
        await stage.clock.advance(12)
        assert (
            min(min(end.availability for end in said.endpoints.values()) for said in stage.said)
            == 0
        )
        assert stage.out() == set()
        assert {end.availability for end in stage.monitor.availability.endpoints.values()} == {1.0}
        [(turn, moved)] = [(turn, moved) for turn, moved in stage.turns if turn.kind == "guard"]
        assert set(moved.values()) == {(0.0, 1.0)}
        assert turn.reason == "18 of 30 targets failed within 30 s, the prober may be cut off"

    play(ten({"fall": 1}, recovery={"hold": 300, "slow_start": 300, "suppress": 1}), scene)


def test_an_az_that_is_cut_off_is_withdrawn_as_ever() -> None:
    async def scene(stage: Stage) -> None:
        stage.network.down.update(of(4))
        await stage.clock.advance(40)
        assert stage.out() == {"r1-4"}
        assert stage.guarded() == []

    play(ten(), scene)


def test_half_of_all_azs_down_at_once_is_held_back_until_a_person_says_that_it_is_true() -> None:
    async def scene(stage: Stage) -> None:
        stage.network.down.update(of(0, 1, 2, 3, 4))
        await stage.clock.advance(300)
        assert stage.out() == set()
        moved = stage.trust(60)
        assert len(moved) == 15
        assert stage.out() == {"r0-0", "r1-1", "r2-2", "r0-3", "r1-4"}
        await stage.clock.advance(300)
        assert not stage.guard.trusted
        assert len(stage.out()) == 5
        assert stage.guarded() == ["frozen", "free again"]

    play(ten(guard={"mass_failure": {"share": "50%"}}), scene)


def test_true_failures_that_are_left_after_a_thaw_go_down_with_their_next_probe() -> None:
    async def scene(stage: Stage) -> None:
        stage.network.down.update(EVERY)
        await stage.clock.advance(120)
        stage.network.down = of(2)
        while stage.guard.frozen:
            await stage.clock.advance(0.5)
        assert "r2-2" not in stage.out()
        await stage.clock.advance(12)
        assert stage.out() == {"r2-2"}

    play(ten(), scene)


def test_one_that_comes_up_while_verdicts_are_frozen_does_so() -> None:
    async def scene(stage: Stage) -> None:
        stage.network.down.update(of(2))
        await stage.clock.advance(60)
        stage.network.down = set(EVERY) - of(2)
        await stage.clock.advance(100)
        assert stage.guard.frozen
        assert stage.out() == set()

    play(ten(), scene)


def test_nothing_goes_down_while_the_reference_targets_are_silent() -> None:
    guard = {"references": [{"check": "ref", "addresses": REFERENCES}]}

    async def scene(stage: Stage) -> None:
        stage.network.down.add(REFERENCES[0])
        stage.network.down.update(of(1))
        await stage.clock.advance(60)
        assert stage.out() == {"r1-1"}
        assert (stage.guard.answering, stage.guard.references) == (1, 2)
        stage.network.down.add(REFERENCES[1])
        await stage.clock.advance(6)
        stage.network.down.update(of(2))
        await stage.clock.advance(100)
        assert stage.out() == {"r1-1"}
        assert any("0 of 2 reference targets answer" in reason for reason in stage.reasons())
        stage.network.down -= set(REFERENCES)
        await stage.clock.advance(20)
        assert stage.out() == {"r1-1", "r2-2"}

    play(ten(guard=guard), scene)
    play(ten(guard={**guard, "mass_failure": "off"}), scene)


def test_a_freeze_is_given_up_after_its_longest_time_until_the_references_answer_again() -> None:
    guard = {
        "references": [{"check": "ref", "addresses": REFERENCES[:1]}],
        "longest": 120,
        "mass_failure": "off",
    }

    async def scene(stage: Stage) -> None:
        for _ in range(2):
            stage.network.down.update({REFERENCES[0], *EVERY})
            await stage.clock.advance(110)
            assert stage.out() == set()
            await stage.clock.advance(300)
            assert len(stage.out()) == AZS
            stage.network.down.clear()
            await stage.clock.advance(100)
            assert stage.out() == set()

    play(ten(guard=guard), scene)


def test_with_the_guard_off_everything_goes_down() -> None:
    async def scene(stage: Stage) -> None:
        stage.network.down.update(EVERY)
        await stage.clock.advance(40)
        assert len(stage.out()) == AZS

    play(ten(guard={"mass_failure": "off"}), scene)


def test_combinations_are_held_with_their_parts_and_what_is_told_is_believed() -> None:
    both = {"type": "all", "checks": ["c", "agent"]}
    parts = {"agent": {"type": "push", "keep": "1h"}, "both": both}
    topology = {
        "eu": {f"eu-{az}": {"web": [f"10.0.{az}.{n}" for n in range(4)]} for az in range(5)}
    }
    check = {"type": "tcp", "port": 80, "interval": 10, "fall": 1}
    settings = configuration(topology, {"web": {"check": "both"}}, {"c": check, **parts})

    async def scene(stage: Stage) -> None:
        for az in range(5):
            stage.monitor.push_health(f"web@eu-{az}", HealthReport(True))
        await stage.clock.advance(1)
        stage.network.down.update(f"10.0.{az}.{n}" for az in range(5) for n in range(4))
        await stage.clock.advance(60)
        assert stage.guard.frozen
        assert stage.out() == set()
        stage.monitor.push_health("web@eu-3", HealthReport(False))
        await stage.clock.advance(1)
        assert stage.out() == {"eu-3"}

    play(settings, scene)


def test_a_reload_while_verdicts_are_frozen_brings_nothing_down() -> None:
    async def scene(stage: Stage) -> None:
        stage.network.down.update(EVERY)
        await stage.clock.advance(100)
        stage.monitor.apply(ten({"timeout": 3}))
        await stage.clock.advance(100)
        stage.monitor.apply(ten({"timeout": 3}))
        await stage.clock.advance(100)
        assert stage.guard.frozen
        assert stage.out() == set()
        stage.network.down.clear()
        await stage.clock.advance(40)
        assert stage.reasons() == {"up"}

    play(ten(), scene)


@pytest.mark.parametrize("fall", [1, 3])
def test_a_restart_while_verdicts_are_frozen_brings_nothing_down(fall: int) -> None:
    settings = ten({"fall": fall})

    async def scene(stage: Stage) -> None:
        stage.network.down.update(EVERY)
        await stage.clock.advance(100)
        assert stage.guard.frozen
        again = Stage(stage.clock)
        again.network.down.update(EVERY)
        again.monitor.recall(stage.rows)
        again.monitor.apply(settings)
        assert again.out() == set()
        running = asyncio.create_task(again.monitor.run())
        await again.clock.advance(100)
        await again.monitor.close()
        await running
        assert again.guard.frozen
        assert again.out() == set()

    play(settings, scene)


def test_a_reload_may_change_what_is_too_much() -> None:
    half = of(0, 1, 2, 3, 4)

    async def scene(stage: Stage) -> None:
        stage.network.down.update(half)
        await stage.clock.advance(12)
        assert len(stage.out()) == 5
        stage.monitor.apply(ten({"fall": 1}, {"mass_failure": {"share": "40%"}}))
        assert stage.out() == set()
        assert [json.loads(stage.rows[f"target c {a}"])["state"] for a in half] == ["up"] * 15
        await stage.clock.advance(100)
        assert stage.out() == set()
        stage.monitor.apply(ten({"fall": 1}, {"mass_failure": "off"}))
        await stage.clock.advance(12)
        assert len(stage.out()) == 5
        assert stage.guarded() == ["frozen", "free again"]

    play(ten({"fall": 1}), scene)
