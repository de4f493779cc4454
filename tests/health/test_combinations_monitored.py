"""Combinations through the monitor, in made-up time: parts are probed once, and decide together."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from random import Random
from typing import Any

import pytest
from health_fakes import FakeClock, configuration, running

from geodns.config.settings import Address, Check, Configuration
from geodns.health.availability import Availability
from geodns.health.monitor import Monitor
from geodns.health.probe import Prober, Result
from geodns.health.told import HealthReport
from geodns.health.turn import Turn

NO_GROUPS = {"availability_zone": {"withdraw_below": 0}, "region": {"withdraw_below": 0}}
IPV4, IPV6 = "10.0.0.1", "2001:db8::1"
TIMES = {"interval": 10, "rise": 1, "fall": 1}
Place = tuple[int, str]


class Ports:
    """Ports of addresses that answer as told. ``probes`` counts, by port and address."""

    def __init__(self, clock: FakeClock) -> None:
        self.clock = clock
        self.down: set[Place] = set()
        self.out_of_reach: set[Place] = set()
        self.probes: Counter[Place] = Counter()

    def make_prober(self, check: Check) -> Prober:
        port: int = getattr(check, "port", 0)

        async def prober(address: Address) -> Result:
            place = port, str(address)
            self.probes[place] += 1
            await self.clock.sleep(0.01)
            ok = place not in self.down
            detail = "connected" if ok else "connection refused"
            return Result(ok, 0.01, detail, place not in self.out_of_reach)

        return prober


class Stage:
    def __init__(self, settings: Configuration) -> None:
        self.clock = FakeClock()
        self.ports = Ports(self.clock)
        self.said: list[Availability] = []
        self.turns: list[Turn] = []
        self.monitor = Monitor(
            self.said.append,
            clock=self.clock,
            random=Random(3),
            make_prober=self.ports.make_prober,
            record=lambda turn, _: self.turns.append(turn),
        )
        self.monitor.apply(settings)

    async def after(self, *down: Place, seconds: float = 15) -> None:
        """Let time pass in which these, and no others, are down."""
        self.ports.down = set(down)
        await self.clock.advance(seconds)

    def state(self, check: str, address: str = IPV4) -> str:
        [found] = [
            target.state
            for target in self.monitor.status().targets
            if (target.check, target.address) == (check, address)
        ]
        return found

    def web(self) -> tuple[float, str]:
        found = self.monitor.availability.endpoints["web@eu-a"]
        return found.availability, found.reason


def tcp(port: int, **more: Any) -> dict[str, Any]:
    return {"type": "tcp", "port": port, **TIMES, **more}


def settings(
    checks: dict[str, Any], services: dict[str, Any] | None = None, addresses: tuple[str, ...] = ()
) -> Configuration:
    services = services or {"web": {"check": "whole"}}
    endpoints = {name: list(addresses or (IPV4,)) for name in services}
    return configuration({"eu": {"eu-a": endpoints}}, services, checks, NO_GROUPS)


def play(
    made: Configuration,
    scene: Callable[[Stage], Awaitable[None]],
    out_of_reach: set[Place] | None = None,
) -> None:
    """``out_of_reach`` are places of which the first probes say nothing."""

    async def whole() -> None:
        stage = Stage(made)
        stage.ports.out_of_reach = out_of_reach or set()
        async with running(stage.monitor, stage.clock, 15):
            await scene(stage)

    asyncio.run(whole())


THREE = {"a": tcp(1), "b": tcp(2), "d": tcp(3)}


@pytest.mark.parametrize(
    ("kind", "needed"),
    [({"type": "all"}, 3), ({"type": "any"}, 1), ({"type": "at_least", "count": 2}, 2)],
)
def test_an_endpoint_is_up_with_as_many_checks_as_its_combination_needs(
    kind: dict[str, Any], needed: int
) -> None:
    rounds: list[tuple[int, ...]] = [(), (1,), (1, 2), (1, 2, 3), (3,), ()]

    async def scene(stage: Stage) -> None:
        for failing in rounds:
            await stage.after(*((port, IPV4) for port in failing))
            availability, reason = stage.web()
            assert availability == (3 - len(failing) >= needed)
            if not availability:
                assert f"{3 - len(failing)} of 3 checks up, {needed} needed" in reason
                assert f"{'abd'[failing[0] - 1]}: connection refused" in reason

    play(settings({**THREE, "whole": {**kind, "checks": ["a", "b", "d"]}}), scene)


def test_the_event_names_the_part_that_decided() -> None:
    async def scene(stage: Stage) -> None:
        await stage.after((2, IPV4))
        [turn] = stage.turns
        assert (turn.id, turn.became) == ("web@eu-a", "down")
        assert turn.reason == (
            "1 of 1 addresses down: 10.0.0.1: 2 of 3 checks up, 3 needed; b: connection refused"
        )

    play(settings({**THREE, "whole": {"type": "all", "checks": ["a", "b", "d"]}}), scene)


def test_a_part_of_many_combinations_is_probed_once() -> None:
    checks = {
        **THREE,
        "whole": {"type": "all", "checks": ["a", "b"]},
        "other": {"type": "any", "checks": ["a", "d"]},
        "both": {"type": "all", "checks": ["whole", "other", "a"]},
    }
    services = {
        "web": {"check": "whole"},
        "api": {"check": "other"},
        "img": {"check": "both"},
        "alone": {"check": "a"},
    }

    async def scene(stage: Stage) -> None:
        stage.ports.probes.clear()
        await stage.clock.advance(100)
        assert all(9 <= stage.ports.probes[port, IPV4] <= 12 for port in (1, 2, 3))
        await stage.after((1, IPV4))
        numbers = {
            id.partition("@")[0]: found.availability
            for id, found in stage.monitor.availability.endpoints.items()
        }
        assert numbers == {"web": 0, "api": 1, "img": 0, "alone": 0}
        assert len(stage.said) == 1, "all in one turn of the loop"

    play(settings(checks, services), scene)


def test_the_status_tells_a_part_from_what_decides() -> None:
    async def scene(stage: Stage) -> None:
        targets = {target.check: target for target in stage.monitor.status().targets}
        assert targets["a"].endpoints == ("web@eu-a", "alone@eu-a")
        assert targets["a"].part_for == ("web@eu-a",)
        assert targets["whole"].part_for == ()

    checks = {**THREE, "whole": {"type": "any", "checks": ["a", "b"]}}
    play(settings(checks, {"web": {"check": "whole"}, "alone": {"check": "a"}}), scene)


def test_each_address_is_judged_by_its_own_checks() -> None:
    async def scene(stage: Stage) -> None:
        await stage.after((1, IPV6))
        found = stage.monitor.availability.endpoints["web@eu-a"]
        assert (found.availability, found.addresses) == (1, (True, False))
        assert found.reason == (
            f"1 of 2 addresses down: {IPV6}: 1 of 2 checks up, 2 needed; a: connection refused"
        )
        await stage.after((1, IPV6), (2, IPV4))
        assert stage.web()[0] == 0

    whole = {"type": "all", "checks": ["a", "b"]}
    play(settings({**THREE, "whole": whole}, addresses=(IPV4, IPV6)), scene)


def test_only_addresses_of_the_families_asked_for_are_probed() -> None:
    async def scene(stage: Stage) -> None:
        assert set(stage.ports.probes) == {(1, IPV6)}
        await stage.after((1, IPV4))
        assert stage.web()[0] == 1
        await stage.after((1, IPV6))
        assert stage.web()[0] == 0

    six = {"families": ["ipv6"]}
    checks = {"a": tcp(1, **six), "whole": {"type": "all", "checks": ["a"], **six}}
    play(settings(checks, addresses=(IPV4, IPV6)), scene)


def test_nothing_is_known_while_a_part_that_is_not_known_could_decide() -> None:
    async def scene(stage: Stage) -> None:
        assert stage.state("whole") == "unknown"
        assert stage.state("any") == "up"
        stage.ports.out_of_reach.clear()
        await stage.after()
        assert stage.state("whole") == "up"

    checks = {
        **THREE,
        "whole": {"type": "all", "checks": ["a", "b"]},
        "any": {"type": "any", "checks": ["a", "b"]},
    }
    services = {"web": {"check": "whole"}, "api": {"check": "any"}}
    play(settings(checks, services), scene, out_of_reach={(2, IPV4)})


def test_what_is_told_is_a_part_like_any_other() -> None:
    async def scene(stage: Stage) -> None:
        def tell(up: bool) -> None:
            stage.monitor.push_health("web@eu-a", HealthReport(up, "" if up else "disk full"))

        tell(True)
        await stage.clock.advance(1)
        assert stage.web()[0] == 1
        tell(False)
        await stage.clock.advance(1)
        assert stage.web()[0] == 0
        assert "agent: reported down: disk full" in stage.web()[1]
        tell(True)
        await stage.after((1, IPV4), seconds=15)
        assert stage.web()[0] == 0
        tell(True)
        await stage.after(seconds=15)
        assert stage.web()[0] == 1
        await stage.after(seconds=60)
        assert "agent: nothing reported for 60 s" in stage.web()[1]

    checks = {**THREE, "agent": {"type": "push"}, "whole": {"type": "all",
              "checks": ["a", "agent"]}}  # fmt: skip
    play(settings(checks), scene)


def test_a_reload_keeps_what_is_known_of_the_parts() -> None:
    async def scene(stage: Stage) -> None:
        await stage.after((1, IPV4))
        assert stage.web()[0] == 0
        again = {**THREE, "whole": {"type": "any", "checks": ["a", "b"]}}
        stage.monitor.apply(settings(again))
        assert stage.state("whole") == "up"
        assert stage.web()[0] == 1
        stage.monitor.apply(settings(first))
        assert stage.web()[0] == 0

    first = {**THREE, "whole": {"type": "all", "checks": ["a", "b"]}}
    play(settings(first), scene)


def slowly(name: str, checks: dict[str, Any], down: set[Place]) -> bool:
    """Whether a check is up, found by going down to all that it is made of."""
    check = checks[name]
    if "port" in check:
        return (check["port"], IPV4) not in down
    up = sum(slowly(part, checks, down) for part in check["checks"])
    needed = {"all": len(check["checks"]), "any": 1}.get(check["type"], check.get("count", 0))
    return bool(up >= needed)


@pytest.mark.parametrize("seed", range(40))
def test_nested_combinations_agree_with_a_slow_reference(seed: int) -> None:
    random = Random(seed)
    checks: dict[str, Any] = {f"p{port}": tcp(port) for port in range(1, 7)}
    for number in range(6):
        parts = random.sample(sorted(checks), random.randint(1, 4))
        kind = random.choice(["all", "any", "at_least"])
        count = {"count": random.randint(1, len(parts))} if kind == "at_least" else {}
        checks[f"c{number}"] = {"type": kind, "checks": parts, **count}
    services = {name: {"check": name} for name in checks}

    async def scene(stage: Stage) -> None:
        for _ in range(25):
            down = {(port, IPV4) for port in range(1, 7) if random.random() < 0.4}
            await stage.after(*down, seconds=11)
            found = {
                id.partition("@")[0]: bool(now.availability)
                for id, now in stage.monitor.availability.endpoints.items()
            }
            assert found == {name: slowly(name, checks, down) for name in checks}

    play(settings(checks, services), scene)
