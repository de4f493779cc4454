"""The monitor with a made-up network in made-up time: from probe results to availability."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable
from ipaddress import ip_address
from random import Random
from typing import Any

import pytest
from health_fakes import FakeClock, FakeNetwork, addresses, configuration, running

from geodns.config.settings import Check, Configuration
from geodns.errors import GeodnsError
from geodns.health.availability import Availability, EndpointAvailability
from geodns.health.monitor import Monitor
from geodns.health.probe import Observation, Prober

TCP: dict[str, Any] = {"type": "tcp", "port": 80, "interval": 10, "rise": 2, "fall": 3}
WEB = {"web": {"check": "c"}}
THREE_IN_ONE = {"eu": {"eu-a": {"web": ["10.0.0.1"], "api": ["10.0.0.2"], "img": ["10.0.0.3"]}}}
ALL_CHECKED = {"web": {"check": "c"}, "api": {"check": "c"}, "img": {"check": "c"}}
NONE: frozenset[bytes] = frozenset()
UNGUARDED = {"guard": {"mass_failure": "off"}}


class Stage:
    """A running monitor and everything that it said."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.network = FakeNetwork(self.clock)
        self.said: list[tuple[float, Availability]] = []
        self.observed: list[Observation] = []
        self.monitor = Monitor(
            lambda availability: self.said.append((self.clock.now(), availability)),
            clock=self.clock,
            random=Random(3),
            make_prober=self.network.make_prober,
            observe=self.observed.append,
        )

    def numbers(self) -> dict[str, float]:
        endpoints = self.monitor.availability.endpoints
        return {id: endpoint.availability for id, endpoint in endpoints.items()}

    def reason(self, id: str) -> str:
        return self.monitor.availability.endpoints[id].reason


def play(first: Configuration, scene: Callable[[Stage], Awaitable[None]]) -> None:
    async def whole() -> None:
        stage = Stage()
        stage.monitor.apply(first)
        async with running(stage.monitor, stage.clock):
            await scene(stage)
        assert not any(stage.network.running.values())

    asyncio.run(whole())


def test_nothing_is_judged_before_its_first_result() -> None:
    monitor = Stage().monitor
    availability = monitor.apply(configuration(THREE_IN_ONE, ALL_CHECKED, {"c": TCP}))
    assert {endpoint.availability for endpoint in availability.endpoints.values()} == {1.0}
    assert availability.endpoints["web@eu-a"] == EndpointAvailability(
        1.0,
        (True,),
        "waiting for the first result",
        NONE,
    )


def test_an_endpoint_is_withdrawn_in_the_moment_of_its_last_failure_and_comes_back() -> None:
    settings = configuration(
        {"eu": {"eu-a": {"web": ["10.0.0.1"], "api": ["10.0.0.2"]}}},
        {"web": {"check": "c"}, "api": {"check": "c"}},
        {"c": TCP},
    )

    async def scene(stage: Stage) -> None:
        await stage.clock.advance(15)
        assert stage.said == []  # all well is no news
        stage.network.down.add("10.0.0.1")
        stage.network.starts.clear()
        await stage.clock.advance(40)
        [(when, availability)] = stage.said
        third = stage.network.times("10.0.0.1")[2]
        assert when == pytest.approx(third + 0.01)
        assert availability.endpoints["web@eu-a"] == EndpointAvailability(
            0.0,
            (False,),
            "1 of 1 addresses down: 10.0.0.1: connection refused",
            frozenset((ip_address("10.0.0.1").packed,)),
        )
        assert availability.endpoints["api@eu-a"].availability == 1.0
        stage.network.down.clear()
        await stage.clock.advance(25)
        assert stage.said[-1][1].endpoints["web@eu-a"] == EndpointAvailability(
            1.0, (True,), "up", NONE
        )
        assert [said.generation for _, said in stage.said] == [2, 3]

    play(settings, scene)


def test_an_az_is_withdrawn_whole_as_one_event_and_restored_after_its_hold_time(
    caplog: pytest.LogCaptureFixture,
) -> None:
    topology: dict[str, Any] = {
        "eu": {
            "eu-a": {
                **THREE_IN_ONE["eu"]["eu-a"],
                "plain": ["10.0.0.9"],
                "static": {"cname": "cdn.example.net."},
            },
            "eu-b": {"web": ["10.0.1.1"]},
        }
    }
    services = {**ALL_CHECKED, "plain": {}, "static": {"check": "c"}}
    caplog.set_level(logging.INFO)

    async def scene(stage: Stage) -> None:
        await stage.clock.advance(15)
        stage.network.down.update({"10.0.0.1", "10.0.0.2"})
        await stage.clock.advance(40)
        down = {id for id, number in stage.numbers().items() if number == 0}
        assert down == {f"{name}@eu-a" for name in ("web", "api", "img", "plain", "static")}
        assert stage.said[-1][1].endpoints["img@eu-a"].addresses == (True,)
        assert stage.reason("static@eu-a") == (
            "availability zone eu-a is withdrawn: 1 of 3 checked endpoints healthy (33%), below 50%"
        )
        news = len(stage.said)
        stage.network.down.clear()
        await stage.clock.advance(65)
        assert stage.numbers()["web@eu-a"] == 0.0
        zone = stage.monitor.status().regions[0].availability_zones[0]
        assert zone.reason == (
            "3 of 3 checked endpoints healthy (100%), held until it has been so for 60 s"
        )
        await stage.clock.advance(25)
        assert set(stage.numbers().values()) == {1.0}
        assert stage.said[-1][1].generation - stage.said[news - 1][1].generation <= 3

    play(configuration(topology, services, {"c": TCP}), scene)
    events = [record.getMessage() for record in caplog.records]
    assert events.count("availability zone is withdrawn") == 1
    assert events.count("availability zone is restored") == 1
    assert events.count("endpoint is down") == 2
    assert events.count("endpoint is up again") == 2
    assert not any("region" in event for event in events)


def test_a_region_is_withdrawn_by_the_share_over_all_of_its_azs() -> None:
    topology: dict[str, Any] = {
        "eu": {"eu-a": {"web": ["10.0.0.1"]}, "eu-b": {"web": ["10.0.0.2"]}, "eu-c": {"x": []}},
        "us": {"us-a": {"web": ["10.0.0.3"]}},
    }
    health = {
        "availability_zone": {"withdraw_below": "1%", "restore_above": "1%", "hold": 0},
        "region": {"withdraw_below": "60%", "restore_above": "60%", "hold": 0},
    }

    async def scene(stage: Stage) -> None:
        stage.network.down.add("10.0.0.1")
        await stage.clock.advance(40)
        assert stage.numbers() == {
            "web@eu-a": 0.0, "web@eu-b": 0.0, "x@eu-c": 0.0, "web@us-a": 1.0,
        }  # fmt: skip
        assert stage.reason("x@eu-c").startswith("region eu is withdrawn: 1 of 2 checked")
        stage.network.down.clear()
        await stage.clock.advance(30)
        assert set(stage.numbers().values()) == {1.0}

    play(configuration(topology, {**WEB, "x": {}}, {"c": TCP}, health), scene)


def test_a_target_is_probed_once_however_many_services_and_checks_name_it() -> None:
    topology = {"eu": {"eu-a": {"web": ["10.0.0.1"], "api": ["10.0.0.1"]}}}
    services = {"web": {"check": "c"}, "api": {"check": "same"}}

    async def scene(stage: Stage) -> None:
        stage.network.down.add("10.0.0.1")
        await stage.clock.advance(45)
        assert len(stage.network.starts) <= 7
        assert stage.numbers() == {"web@eu-a": 0.0, "api@eu-a": 0.0}
        assert len(stage.said) == 1
        [target] = stage.monitor.status().targets
        assert target.endpoints == ("web@eu-a", "api@eu-a")

    play(configuration(topology, services, {"c": TCP, "same": TCP}), scene)


def test_addresses_of_a_family_that_is_not_probed_follow_the_endpoint() -> None:
    topology = {"eu": {"eu-a": {"web": ["10.0.0.1", "10.0.0.2", "2001:db8::1"]}}}
    check = {**TCP, "families": ["ipv4"]}

    async def scene(stage: Stage) -> None:
        stage.network.down.add("10.0.0.2")
        await stage.clock.advance(40)
        endpoint = stage.monitor.availability.endpoints["web@eu-a"]
        assert endpoint[:2] == (1.0, (True, False, True))
        assert endpoint.reason == "1 of 2 addresses down: 10.0.0.2: connection refused"
        assert len(stage.said) == 1  # an address that leaves is news too
        stage.network.down.add("10.0.0.1")
        await stage.clock.advance(40)
        assert stage.monitor.availability.endpoints["web@eu-a"][:2] == (0.0, (False, False, False))
        assert not stage.network.times("2001:db8::1")

    play(configuration(topology, WEB, {"c": check}), scene)


def test_a_new_configuration_keeps_the_state_of_what_it_still_checks() -> None:
    def with_zones(*zones: str) -> Configuration:
        topology = {
            "eu": {name: {"web": [f"10.0.0.{number}"]} for number, name in enumerate(zones, 1)}
        }
        return configuration(topology, WEB, {"c": TCP})

    async def scene(stage: Stage) -> None:
        stage.network.down.add("10.0.0.1")
        await stage.clock.advance(40)
        said = len(stage.said)
        since = stage.monitor.status().targets[0].since
        availability = stage.monitor.apply(with_zones("eu-a", "eu-b", "eu-c"))
        assert list(availability.endpoints) == ["web@eu-a", "web@eu-b", "web@eu-c"]
        assert stage.numbers() == {"web@eu-a": 0.0, "web@eu-b": 1.0, "web@eu-c": 1.0}
        assert stage.monitor.status().targets[0].since == since
        await stage.clock.advance(2)
        assert stage.network.times("10.0.0.3")
        availability = stage.monitor.apply(with_zones("eu-a"))
        assert list(availability.endpoints) == ["web@eu-a"]
        stage.network.starts.clear()
        await stage.clock.advance(30)
        assert {name for _, name in stage.network.starts} == {"10.0.0.1"}
        assert len(stage.said) == said

    play(with_zones("eu-a", "eu-b"), scene)


def test_an_edited_check_does_not_put_a_dead_endpoint_back_into_the_answers() -> None:
    topology = {"eu": {"eu-a": {"web": ["10.0.0.1"]}, "eu-b": {"web": ["10.0.0.2"]}}}
    health = {"availability_zone": {"withdraw_below": 0, "restore_above": 0, "hold": 0}}

    async def scene(stage: Stage) -> None:
        stage.network.down.add("10.0.0.1")
        await stage.clock.advance(40)
        stage.monitor.apply(configuration(topology, WEB, {"c": {**TCP, "interval": 20}}, health))
        assert stage.numbers() == {"web@eu-a": 0.0, "web@eu-b": 1.0}
        stage.network.down.clear()
        await stage.clock.advance(2)  # its first success is enough
        assert stage.numbers() == {"web@eu-a": 1.0, "web@eu-b": 1.0}

    play(configuration(topology, WEB, {"c": TCP}, health), scene)


def test_a_check_that_is_removed_frees_what_it_had_withdrawn() -> None:
    topology = {"eu": {"eu-a": {"web": ["10.0.0.1"]}}}

    async def scene(stage: Stage) -> None:
        stage.network.down.add("10.0.0.1")
        await stage.clock.advance(40)
        assert stage.numbers() == {"web@eu-a": 0.0}
        stage.monitor.apply(configuration(topology, {"web": {}}, {}))
        assert stage.monitor.availability.endpoints["web@eu-a"] == EndpointAvailability(
            1.0,
            (True,),
            "not checked",
            NONE,
        )

    play(configuration(topology, WEB, {"c": TCP}), scene)


def test_a_fault_of_our_own_judges_nobody() -> None:
    topology = {"eu": {"eu-a": {"web": ["10.0.0.1"]}}}

    async def scene(stage: Stage) -> None:
        await stage.clock.advance(5)
        stage.network.down.add("10.0.0.1")
        stage.network.inconclusive.add("10.0.0.1")
        await stage.clock.advance(100)
        assert stage.numbers() == {"web@eu-a": 1.0}

    play(configuration(topology, WEB, {"c": TCP}), scene)


def test_a_check_that_can_not_be_set_up_changes_nothing() -> None:
    class Refuses(FakeNetwork):
        def make_prober(self, check: Check) -> Prober:
            if check.timeout == 9:
                raise GeodnsError("ca.pem: can't be read")
            return super().make_prober(check)

    clock = FakeClock()
    monitor = Monitor(lambda _: None, clock=clock, make_prober=Refuses(clock).make_prober)
    before = monitor.apply(configuration(THREE_IN_ONE, ALL_CHECKED, {"c": TCP}))
    with pytest.raises(GeodnsError, match=r"ca\.pem"):
        monitor.apply(configuration(THREE_IN_ONE, ALL_CHECKED, {"c": {**TCP, "timeout": 9}}))
    assert monitor.availability is before
    assert len(monitor.status().targets) == 3


def test_a_burst_of_failures_is_told_at_once() -> None:
    topology = {f"r{n}": {f"r{n}-a": {"web": [name]}} for n, name in enumerate(addresses(200))}

    async def scene(stage: Stage) -> None:
        await stage.clock.advance(5)
        stage.network.down.update(addresses(200))
        await stage.clock.advance(60)
        assert set(stage.numbers().values()) == {0.0}
        # Everyone hears of a failure as soon as its probe has ended: results are collected for a
        # microsecond for each endpoint.
        ends = {time + 0.01 for time, _ in stage.network.starts}
        assert all(any(0 <= when - end < 2.1e-4 for end in ends) for when, _ in stage.said)

    play(configuration(topology, WEB, {"c": TCP}, UNGUARDED), scene)


def test_every_probe_is_observed() -> None:
    async def scene(stage: Stage) -> None:
        stage.network.down.add("10.0.0.1")
        await stage.clock.advance(4)
        assert sorted(stage.observed) == [
            ("tcp", "c", "10.0.0.1", False, 0.01),
            ("tcp", "c", "10.0.0.2", True, 0.01),
            ("tcp", "c", "10.0.0.3", True, 0.01),
        ]

    play(configuration(THREE_IN_ONE, ALL_CHECKED, {"c": TCP}), scene)


def test_the_status_gives_every_state_with_its_reason_ready_for_json() -> None:
    topology: dict[str, Any] = {
        "eu": {
            "eu-a": {"web": ["10.0.0.1"], "static": {"cname": "cdn.example.net."}},
            "eu-b": {"web": ["10.0.0.2", "10.0.0.3"]},
            "empty": {},
        }
    }

    async def scene(stage: Stage) -> None:
        stage.network.down.update({"10.0.0.1", "10.0.0.3"})
        await stage.clock.advance(40)
        status = stage.monitor.status()
        assert json.loads(json.dumps(status.as_dict()))["regions"][0]["name"] == "eu"
        region = status.regions[0]
        assert (region.state, region.reason, region.share, region.checked) == (
            "in service", "1 of 2 checked endpoints healthy (50%)", 0.5, 2,
        )  # fmt: skip
        a, b, empty = region.availability_zones
        assert (a.state, b.state, empty.state) == ("withdrawn", "in service", "in service")
        web, static = a.endpoints
        assert (web.state, static.state, static.availability) == ("down", "unchecked", 0.0)
        assert static.cname == "cdn.example.net."
        assert b.endpoints[0].addresses == (("10.0.0.2", True), ("10.0.0.3", False))
        target = status.targets[0]
        assert (target.check, target.kind, target.address) == ("c", "tcp", "10.0.0.1")
        assert (target.state, target.ok, target.detail) == ("down", False, "connection refused")
        assert target.duration == 0.01
        assert target.checked is not None
        assert web.since == pytest.approx(target.since) == a.since
        assert 1_700_001_000 < target.since < status.at

    play(configuration(topology, {**WEB, "static": {"check": "c"}}, {"c": TCP}), scene)


def test_the_end_of_a_cancelled_run_leaves_no_probe_behind() -> None:
    async def whole() -> None:
        stage = Stage()
        stage.network.takes["10.0.0.1"] = 1000.0
        stage.monitor.apply(configuration(THREE_IN_ONE, ALL_CHECKED, {"c": TCP}))
        running = asyncio.create_task(stage.monitor.run())
        await stage.clock.advance(5)
        assert stage.network.running["10.0.0.1"] == 1
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        assert stage.network.running["10.0.0.1"] == 0
        assert len(asyncio.all_tasks()) == 1
        await stage.monitor.close()

    asyncio.run(whole())


def test_two_thousand_targets_fail_and_recover_together() -> None:
    names = addresses(2000)
    topology = {
        "eu": {f"eu-{n}": {"web": names[20 * n : 20 * n + 20]} for n in range(100)},
    }

    async def scene(stage: Stage) -> None:
        await stage.clock.advance(5)
        stage.network.down.update(names)
        await stage.clock.advance(40)
        assert set(stage.numbers().values()) == {0.0}
        stage.network.down.clear()
        await stage.clock.advance(100)
        assert set(stage.numbers().values()) == {1.0}
        assert {str(ip_address(target.address)) for target in stage.monitor.status().targets} == (
            set(names)
        )

    play(configuration(topology, WEB, {"c": TCP}, UNGUARDED), scene)
