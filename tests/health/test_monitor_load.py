"""From reported loads to availability and factors: the monitor in made-up time."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from random import Random
from typing import Any, Literal

import pytest
from health_fakes import FakeClock, FakeNetwork, configuration

from geodns.config.settings import Configuration
from geodns.health.availability import Availability
from geodns.health.load_plan import ShareBasis
from geodns.health.loads import UnknownEndpointError
from geodns.health.monitor import Monitor
from geodns.health.probe import SeenLoad
from geodns.health.status import LoadStatus

CHECK = {"type": "http", "interval": 10, "rise": 1, "fall": 2, "load": {"header": "X-Load"}}
A, B = "10.0.0.1", "10.0.0.2"
SHED = {"low": 0.7, "high": 1.0}


class Stage:
    """A running monitor over made-up endpoints, and what it said."""

    def __init__(self, basis: ShareBasis) -> None:
        self.clock = FakeClock()
        self.network = FakeNetwork(self.clock)
        self.said: list[Availability] = []
        self.monitor = Monitor(
            self.said.append,
            clock=self.clock,
            random=Random(3),
            make_prober=self.network.make_prober,
            share_basis=lambda _service: basis,
        )

    def availability(self, id: str) -> float:
        return self.monitor.availability.endpoints[id].availability

    def factors(self) -> list[float]:
        return [endpoint.factor for endpoint in self.monitor.availability.endpoints.values()]

    def reason(self, id: str) -> str:
        return self.monitor.availability.endpoints[id].reason

    def load(self, id: str) -> LoadStatus:
        zones = [z for r in self.monitor.status().regions for z in r.availability_zones]
        return next(e.load for z in zones for e in z.endpoints if e.id == id)

    def tell(self, address: str, load: float | None, fault: str = "") -> None:
        self.network.loads[address] = SeenLoad(load, fault)


def pair(
    shed: dict[str, Any] | None = SHED,
    *,
    where: Literal["one region", "two regions"] = "two regions",
    **endpoint: Any,
) -> Configuration:
    settings = {"capacity": 1000, **endpoint}
    a, b = {"web": {"addresses": [A], **settings}}, {"web": {"addresses": [B], **settings}}
    topology = {"eu": {"eu-a": a}, "us": {"us-a": b}}
    if where == "one region":
        topology = {"eu": {"eu-a": a, "us-a": b}}
    return configuration(topology, {"web": {"check": "c", "load": shed}}, {"c": CHECK})


def play(
    first: Configuration,
    scene: Callable[[Stage], Awaitable[None]],
    basis: ShareBasis = "weight",
) -> None:
    async def whole() -> None:
        stage = Stage(basis)
        stage.monitor.apply(first)
        running = asyncio.create_task(stage.monitor.run())
        try:
            await scene(stage)
        finally:
            await stage.monitor.close()
            await running

    asyncio.run(whole())


def test_before_the_first_report_and_up_to_low_nothing_is_shed() -> None:
    async def scene(stage: Stage) -> None:
        await stage.clock.advance(60)
        assert stage.load("web@eu-a").load is None
        stage.tell(A, 700)
        stage.tell(B, 10)
        await stage.clock.advance(300)
        assert stage.said == []
        assert stage.load("web@eu-a").utilisation == 0.7

    play(pair(), scene)


def test_between_the_watermarks_a_report_that_stays_comes_to_rest_on_the_curve() -> None:
    async def scene(stage: Stage) -> None:
        stage.tell(A, 850)
        stage.tell(B, 10)
        await stage.clock.advance(3600)
        assert stage.availability("web@eu-a") == pytest.approx(0.5, abs=0.05)
        assert stage.availability("web@us-a") == 1.0
        left = stage.availability("web@eu-a")
        assert stage.reason("web@eu-a") == (
            f"sheds {1 - left:.0%}: load 850 of 1000 (85%), between 70% and 100%"
        )
        before = len(stage.said)
        await stage.clock.advance(600)
        assert len(stage.said) == before  # at rest, nothing goes out

    play(pair(), scene)


def test_load_that_is_gone_brings_the_share_back(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)

    async def scene(stage: Stage) -> None:
        stage.tell(A, 2000)
        stage.tell(B, 10)
        await stage.clock.advance(300)
        low = stage.availability("web@eu-a")
        assert low < 0.3
        stage.tell(A, 100)
        await stage.clock.advance(100)
        assert low < stage.availability("web@eu-a") < 0.8
        await stage.clock.advance(600)
        assert stage.availability("web@eu-a") == 1.0

    play(pair(), scene)
    said = [
        record.message
        for record in caplog.records
        if "share" in record.message or "shed" in record.message
    ]
    assert said == ["endpoint sheds load", "endpoint takes its whole share again"]


def test_an_endpoint_whose_reports_stop_keeps_the_last_for_a_while_and_then_all_clients() -> None:
    async def scene(stage: Stage) -> None:
        stage.tell(A, 2000)
        await stage.clock.advance(300)
        shed = stage.availability("web@eu-a")
        stage.tell(A, None, "the body is not JSON")
        await stage.clock.advance(40)  # five intervals it holds
        assert stage.availability("web@eu-a") <= shed
        assert stage.load("web@eu-a").fault == "the body is not JSON"
        await stage.clock.advance(40)
        assert stage.load("web@eu-a").load is None
        assert "not known any more" in stage.reason("web@eu-a")
        await stage.clock.advance(400)
        assert stage.availability("web@eu-a") == 1.0

    play(pair(), scene)


def test_bad_reports_are_counted_and_judge_nobody() -> None:
    async def scene(stage: Stage) -> None:
        stage.tell(A, None, "the answer has no header X-Load")
        stage.tell(B, 5)
        await stage.clock.advance(100)
        counts = stage.monitor.load_reports()
        assert counts["web", "bad"] > 5
        assert counts["web", "ok"] > 5
        assert stage.said == []

    play(pair(), scene)


def test_where_all_are_overloaded_nobody_is_turned_away() -> None:
    async def scene(stage: Stage) -> None:
        stage.tell(A, 3000)
        stage.tell(B, 3000)
        await stage.clock.advance(1200)
        assert {stage.availability("web@eu-a"), stage.availability("web@us-a")} == {1.0}

    play(pair(), scene)


def test_when_the_one_that_took_the_load_fails_the_other_takes_all_in_the_same_moment() -> None:
    async def scene(stage: Stage) -> None:
        stage.tell(A, 2000)
        stage.tell(B, 10)
        await stage.clock.advance(300)
        assert stage.availability("web@eu-a") < 0.3
        stage.network.down.add(B)
        await stage.clock.advance(60)
        gone = next(s for s in stage.said if s.endpoints["web@us-a"].availability == 0)
        assert gone.endpoints["web@eu-a"].availability == 1.0

    play(pair(), scene)


def test_a_pushed_load_stands_above_reports_until_its_time_is_over() -> None:
    async def scene(stage: Stage) -> None:
        stage.tell(A, 100)
        await stage.clock.advance(60)
        status = stage.monitor.push_load("web@eu-a", 2000, 60)
        assert (status.load, status.pushed, status.utilisation) == (2000, True, 2.0)
        await stage.clock.advance(55)
        assert stage.load("web@eu-a").load == 2000
        assert stage.availability("web@eu-a") == pytest.approx(1 / 2.3, abs=0.04)
        await stage.clock.advance(20)
        assert (stage.load("web@eu-a").load, stage.load("web@eu-a").pushed) == (100, False)
        await stage.clock.advance(600)
        assert stage.availability("web@eu-a") == 1.0

    play(pair(), scene)


def test_a_push_needs_an_endpoint_that_has_a_capacity() -> None:
    async def scene(stage: Stage) -> None:
        with pytest.raises(UnknownEndpointError, match="no endpoint 'web@eu'; write service@az"):
            stage.monitor.push_load("web@eu", 5, 60)
        with pytest.raises(UnknownEndpointError, match="web@eu-a has no capacity"):
            stage.monitor.push_load("web@eu-a", 5, 60)

    play(pair(capacity=None), scene)


@pytest.mark.parametrize(("combine", "load"), [("max", 500.0), ("sum", 700.0)])
def test_addresses_that_report_each_count_by_their_highest_or_together(
    combine: str, load: float
) -> None:
    async def scene(stage: Stage) -> None:
        stage.tell(A, 500)
        stage.tell("10.0.0.9", 200)
        await stage.clock.advance(60)
        assert stage.load("web@eu-a").load == load

    both = {"web": {"addresses": [A, "10.0.0.9"], "capacity": 1000}}
    services = {"web": {"check": "c", "load": {"addresses": combine}}}
    play(configuration({"eu": {"eu-a": both}}, services, {"c": CHECK}), scene)


def test_a_reload_keeps_what_is_known() -> None:
    async def scene(stage: Stage) -> None:
        stage.tell(A, 2000)
        stage.tell(B, 10)
        await stage.clock.advance(300)
        shed = stage.availability("web@eu-a")
        after = stage.monitor.apply(pair({"low": 0.69, "high": 1.0}))
        assert after.endpoints["web@eu-a"].availability == shed
        assert stage.monitor.apply(pair(None)).endpoints["web@eu-a"].availability == 1.0

    play(pair(), scene)


def test_a_service_without_watermarks_only_shows_its_load() -> None:
    async def scene(stage: Stage) -> None:
        stage.tell(A, 5000)
        await stage.clock.advance(300)
        assert stage.said == []
        assert stage.load("web@eu-a").utilisation == 5.0

    play(pair(None), scene)


def test_a_region_shares_by_the_free_capacity_that_is_reported() -> None:
    async def scene(stage: Stage) -> None:
        stage.tell(A, 200)
        stage.tell(B, 800)
        await stage.clock.advance(1800)
        assert stage.factors() == pytest.approx([1.6, 0.4], rel=0.08)
        assert {stage.availability("web@eu-a"), stage.availability("web@us-a")} == {1.0}

    play(pair(None, where="one region"), scene, "load")


def test_a_region_shares_by_the_response_times_of_its_checks() -> None:
    async def scene(stage: Stage) -> None:
        stage.network.takes.update({A: 0.010, B: 0.030})
        await stage.clock.advance(1800)
        assert stage.factors() == pytest.approx([1.5, 0.5], rel=0.08)
        assert stage.load("web@eu-a").response_time == pytest.approx(0.010)

    play(pair(None, where="one region"), scene, "response_time")


def test_factors_are_within_a_region_not_between_regions() -> None:
    async def scene(stage: Stage) -> None:
        stage.tell(A, 200)
        stage.tell(B, 800)
        await stage.clock.advance(1800)
        assert stage.factors() == [1.0, 1.0]

    play(pair(None), scene, "load")


def test_services_that_are_branches_of_one_shed_to_each_other() -> None:
    async def scene(stage: Stage) -> None:
        stage.tell(A, 2000)
        stage.tell(B, 10)
        await stage.clock.advance(300)
        assert stage.availability("near@eu-a") < 0.4  # alone in its service, it would keep all
        assert stage.availability("far@us-a") == 1.0

    near = {"near": {"addresses": [A], "capacity": 1000}}
    far = {"far": {"addresses": [B], "capacity": 1000}}
    services = {
        "near": {"check": "c", "load": SHED},
        "far": {"check": "c", "load": SHED},
        "web": {"branches": ["near", "far"]},
    }
    play(configuration({"eu": {"eu-a": near}, "us": {"us-a": far}}, services, {"c": CHECK}), scene)


def test_what_never_sheds_is_room_for_what_does() -> None:
    async def scene(stage: Stage) -> None:
        stage.tell(A, 2000)
        await stage.clock.advance(300)
        assert stage.availability("near@eu-a") < 0.4

    near = {"near": {"addresses": [A], "capacity": 1000}}
    services = {
        "near": {"check": "c", "load": SHED},
        "far": {},
        "web": {"branches": ["near", "far"]},
    }
    topology: dict[str, Any] = {"eu": {"eu-a": near}, "us": {"us-a": {"far": [B]}}}
    play(configuration(topology, services, {"c": CHECK}), scene)
