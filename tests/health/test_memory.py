"""What outlives a restart: rows of verdicts, and a monitor that goes on from them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from ipaddress import ip_address
from random import Random
from typing import Any

import pytest
from health_fakes import FakeClock, FakeNetwork, configuration, running

from geodns.config.settings import Configuration
from geodns.health.machine import Machine, State
from geodns.health.memory import Memory
from geodns.health.monitor import Monitor, Moved
from geodns.health.turn import Turn

TCP: dict[str, Any] = {"type": "tcp", "port": 80, "interval": 10, "rise": 2, "fall": 2}
TWO = {"eu": {"eu-a": {"web": ["10.0.0.1"]}, "eu-b": {"web": ["10.0.0.2"]}}}
WITHHELD = {"unknown": "withhold", "availability_zone": {"hold": 30}}


class Life:
    """One process after the other, in one network and one time, with the rows between them."""

    def __init__(self, settings: Configuration) -> None:
        self.settings = settings
        self.clock = FakeClock()
        self.network = FakeNetwork(self.clock)
        self.rows: dict[str, str] = {}
        self.turns: list[Turn] = []

    async def live(self, scene: Callable[[Monitor], Awaitable[None]]) -> None:
        """One process, from its start to its end."""

        def record(turn: Turn, _moved: Moved) -> None:
            self.turns.append(turn)

        monitor = Monitor(
            lambda _availability: None,
            clock=self.clock,
            random=Random(3),
            make_prober=self.network.make_prober,
            record=record,
            remember=self.rows.update,
        )
        monitor.recall(dict(self.rows))
        monitor.apply(self.settings)
        async with running(monitor, self.clock):
            await scene(monitor)

    def available(self, monitor: Monitor) -> list[str]:
        endpoints = monitor.availability.endpoints
        return [id for id, endpoint in endpoints.items() if endpoint.availability]


def _pass(life: Life, seconds: float) -> Callable[[Monitor], Awaitable[None]]:
    async def scene(_monitor: Monitor) -> None:
        await life.clock.advance(seconds)

    return scene


def test_what_is_not_known_yet_is_not_in_service() -> None:
    life = Life(configuration(TWO, {"web": {"check": "c"}}, {"c": TCP}, WITHHELD))

    async def scene(monitor: Monitor) -> None:
        assert life.available(monitor) == []
        life.network.down.add("10.0.0.2")
        await life.clock.advance(1.5)
        assert life.available(monitor) == ["web@eu-a"]
        assert monitor.status().regions[0].availability_zones[1].state == "in service"
        await life.clock.advance(10)
        assert monitor.status().regions[0].availability_zones[1].state == "withdrawn"

    asyncio.run(life.live(scene))


def test_a_verdict_of_before_gets_its_reason_with_the_first_result() -> None:
    services = {"web": {"check": "c", "needs": ["db"]}, "db": {"check": "c"}}
    topology = {"eu": {"eu-a": {"web": ["10.0.0.1"], "db": ["10.0.0.2"]}}}
    zero = {"withdraw_below": 0}
    health = {"unknown": "withhold", "availability_zone": zero, "region": zero}
    life = Life(configuration(topology, services, {"c": TCP}, health))
    life.network.down.add("10.0.0.2")
    because = "1 of 1 addresses down: 10.0.0.2: connection refused"

    async def second(monitor: Monitor) -> None:
        await life.clock.advance(1.5)
        assert life.available(monitor) == []
        found = {id: now.reason for id, now in monitor.availability.endpoints.items()}
        assert found == {"web@eu-a": f"needs db@eu-a, which is down: {because}", "db@eu-a": because}

    asyncio.run(life.live(_pass(life, 30)))
    asyncio.run(life.live(second))
    assert [turn.id for turn in life.turns] == ["db@eu-a", "web@eu-a"]


def test_verdicts_of_before_hold_until_fresh_ones_are_in() -> None:
    life = Life(configuration(TWO, {"web": {"check": "c"}}, {"c": TCP}, WITHHELD))
    since = 0.0

    async def second(monitor: Monitor) -> None:
        life.network.down = {"10.0.0.1"}
        assert life.available(monitor) == ["web@eu-a"]
        zone = monitor.status().regions[0].availability_zones[1]
        assert (zone.state, zone.since, zone.endpoints[0].state) == ("withdrawn", since, "down")
        # The first success overturns a verdict of before; the AZ has its hold time all the same.
        await life.clock.advance(1.5)
        assert monitor.status().regions[0].availability_zones[1].endpoints[0].state == "up"
        assert life.available(monitor) == ["web@eu-a"]
        await life.clock.advance(40)
        assert life.available(monitor) == ["web@eu-b"]

    async def first(monitor: Monitor) -> None:
        nonlocal since
        life.network.down.add("10.0.0.2")
        await life.clock.advance(30)
        since = monitor.status().regions[0].availability_zones[1].since
        assert [turn.became for turn in life.turns] == ["down", "withdrawn"]

    asyncio.run(life.live(first))
    life.turns.clear()
    asyncio.run(life.live(second))
    became = [(turn.id, turn.became) for turn in life.turns]
    assert became == [
        ("web@eu-b", "up"),
        ("web@eu-a", "down"),
        ("eu-a", "withdrawn"),
        ("eu-b", "restored"),
    ]


def test_a_flapping_endpoint_stays_held_out_over_a_restart() -> None:
    recovery = {"suppress": 2, "reuse": 1, "half_life": 200, "longest": 1000}
    health = {**WITHHELD, "availability_zone": {"hold": 0}, "recovery": recovery}
    life = Life(configuration(TWO, {"web": {"check": "c"}}, {"c": TCP}, health))

    async def flap(_monitor: Monitor) -> None:
        for _ in range(3):
            life.network.down.add("10.0.0.1")
            await life.clock.advance(25)
            life.network.down.clear()
            await life.clock.advance(25)

    async def second(monitor: Monitor) -> None:
        await life.clock.advance(25)
        assert life.available(monitor) == ["web@eu-b"]
        assert "flapped" in monitor.availability.endpoints["web@eu-a"].reason
        await life.clock.advance(1000)
        assert life.available(monitor) == ["web@eu-a", "web@eu-b"]

    asyncio.run(life.live(flap))
    life.clock._now += 5  # between two processes
    asyncio.run(life.live(second))


def test_a_restart_without_news_writes_nothing() -> None:
    life = Life(configuration(TWO, {"web": {"check": "c"}}, {"c": TCP}, WITHHELD))
    life.network.down.add("10.0.0.2")
    asyncio.run(life.live(_pass(life, 60)))
    before = dict(life.rows)
    assert before["target c 10.0.0.2"] == json.dumps(
        {"state": "down", "since": json.loads(before["target c 10.0.0.2"])["since"]}
    )
    asyncio.run(life.live(_pass(life, 60)))
    assert life.rows == before


def test_first_results_are_waited_for_up_to_a_limit() -> None:
    life = Life(configuration(TWO, {"web": {"check": "c"}}, {"c": TCP}, WITHHELD))
    life.network.takes["10.0.0.2"] = 100.0

    async def scene(monitor: Monitor) -> None:
        waiting = asyncio.create_task(monitor.first_results(5.0))
        await life.clock.advance(4.9)
        assert not waiting.done()
        await life.clock.advance(0.2)
        assert await waiting == 1
        life.network.takes.clear()
        monitor.apply(life.settings)  # the probe of before goes on
        waiting = asyncio.create_task(monitor.first_results(500.0))
        await life.clock.advance(100)
        assert await waiting == 0

    asyncio.run(life.live(scene))


@pytest.mark.parametrize(
    "content", ["", "{", "[]", "null", "{}", '{"state": "gone", "since": 1}', '{"state": []}']
)
def test_a_row_that_makes_no_sense_is_as_if_it_were_not_there(content: str) -> None:
    names = ("target c 10.0.0.1", "endpoint web@eu-a", "availability zone eu-a", "region eu")
    memory = Memory(dict.fromkeys(names, content))
    life = Life(configuration(TWO, {"web": {"check": "c"}}, {"c": TCP}, WITHHELD))
    assert memory.machine("c", ip_address("10.0.0.1")) is None
    life.rows = dict.fromkeys(names, content)
    life.network.down.add("10.0.0.1")

    async def scene(monitor: Monitor) -> None:
        await life.clock.advance(30)
        assert life.available(monitor) == ["web@eu-b"]

    asyncio.run(life.live(scene))


def test_a_machine_is_recalled_by_the_name_of_its_check() -> None:
    memory = Memory({"target c 10.0.0.1": '{"state": "up", "since": 5}'})
    assert memory.machine("c", ip_address("10.0.0.1")) == Machine(5.0, State.UP)
    assert memory.machine("d", ip_address("10.0.0.1")) is None
