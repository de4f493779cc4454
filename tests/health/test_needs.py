"""An endpoint is down with what it needs: against a slow reference, and through the monitor."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from random import Random
from typing import Any

import pytest
from health_fakes import FakeClock, FakeNetwork, addresses, configuration, running

from geodns.health.availability import Availability
from geodns.health.judge import Judge
from geodns.health.machine import State
from geodns.health.monitor import Monitor, Moved
from geodns.health.needs import Needs
from geodns.health.orders import Order, Ordered, Orders
from geodns.health.plan import Plan, PlannedEndpoint, plan
from geodns.health.turn import Turn

CHECK = {"type": "tcp", "port": 80, "interval": 10, "rise": 1, "fall": 1}
NO_GROUPS = {"availability_zone": {"withdraw_below": 0}, "region": {"withdraw_below": 0}}
WITHHELD = {**NO_GROUPS, "unknown": "withhold"}
CHAIN = {
    "web": {"check": "c", "needs": ["api"]},
    "api": {"check": "c", "needs": ["db"]},
    "db": {"check": "c"},
}
ONE_AZ = {"eu": {"eu-a": {"web": ["10.0.0.1"], "api": ["10.0.0.2"], "db": ["10.0.0.3"]}}}
WEB, API, DB = "web@eu-a", "api@eu-a", "db@eu-a"
DB_DOWN = "1 of 1 addresses down: 10.0.0.3: connection refused"
API_LACKS = f"needs {DB}, which is down: {DB_DOWN}"
WEB_LACKS = f"needs {API}, which is down: {API_LACKS}"


class World:
    """Services that need each other at random, in a few AZs, and states that change."""

    def __init__(self, random: Random) -> None:
        self.random = random
        services = [f"s{number}" for number in range(random.randint(2, 7))]
        random.shuffle(services)
        settings: dict[str, Any] = {
            # Only earlier ones: so there is no loop.
            name: {"needs": [other for other in services[:at] if random.random() < 0.4]}
            | ({"check": "c"} if random.random() < 0.8 else {})
            for at, name in enumerate(services)
        }
        places = iter(addresses(100))
        topology = {
            "r": {
                az: {
                    name: [next(places) for _ in range(random.randint(1, 2))]
                    for name in random.sample(services, len(services))
                    if random.random() < 0.8
                }
                for az in ("a", "b", "c")
            }
        }
        withhold = random.random() < 0.7
        self.services = settings
        self.plan: Plan = plan(configuration(topology, settings, {"c": CHECK}, NO_GROUPS))
        self.states = dict.fromkeys(self.plan.targets, State.UNKNOWN)
        self.forced: set[str] = set()
        self.judge = Judge(
            self.plan,
            lambda key: (self.states[key], str(self.states[key])),
            heed=self.heed,
            withhold=withhold,
        )
        self.withhold = withhold

    def heed(self, planned: PlannedEndpoint) -> Ordered:
        return Ordered(forced=planned.id in self.forced)

    def change(self) -> set[str]:
        """Something happens; the endpoints that the monitor would ask to be reviewed."""
        changed: set[str] = set()
        for key in self.random.sample(sorted(self.states), min(3, len(self.states))):
            self.states[key] = self.random.choice(list(State))
            changed.update(self.plan.targets[key].endpoints)
        for id in self.random.sample(sorted(self.plan.endpoints), self.random.randint(0, 1)):
            self.forced ^= {id}
            changed.add(id)
        return changed

    def state(self, id: str, before: dict[str, str]) -> str:
        """By its own addresses and by all that it needs, down to the ground."""
        own = self._own(id)
        needed = [self.state(other, before) for other in self._needed(id)]
        if own == "down" or "down" in needed:
            return "down"
        waits = self.withhold and before.get(id, "unknown") in {"unknown", "down"}
        return "unknown" if waits and "unknown" in needed else own

    def _own(self, id: str) -> str:
        probed = {self.states[key] for key in self.plan.endpoints[id].targets if key is not None}
        if not probed:
            return "unchecked"
        if probed == {State.DOWN}:
            return "down"
        return "up" if State.UP in probed else "unknown"

    def _needed(self, id: str) -> list[str]:
        """Those that count: no force holds them up."""
        service, _, az = id.partition("@")
        ids = [f"{needed}@{az}" for needed in self.services[service]["needs"]]
        return [id for id in ids if id in self.plan.endpoints and id not in self.forced]


@pytest.mark.parametrize("seed", range(300))
def test_verdicts_are_those_of_looking_at_all_that_is_needed(seed: int) -> None:
    world = World(Random(seed))
    if not world.plan.endpoints:
        return
    out = {"down", "unknown"} if world.withhold else {"down"}
    world.judge.review(world.plan.endpoints, 0.0, 0.0)
    before = {id: world.state(id, {}) for id in world.plan.endpoints}
    for step in range(1, 21):
        world.judge.turns()
        available = world.judge.review(world.change(), float(step), float(step))
        expected = {id: world.state(id, before) for id in world.plan.endpoints}
        assert {id: now.state for id, (now, _) in world.judge.endpoints.items()} == expected
        for id, now in available.items():
            assert (now.availability == 0) is (expected[id] in out and id not in world.forced)
        turned = [turn.id for turn in world.judge.turns()]
        changes = {id: {before[id], now} for id, now in expected.items() if before[id] != now}
        assert sorted(turned) == sorted(id for id, both in changes.items() if "down" in both)
        before = expected


@pytest.mark.parametrize("seed", range(200))
def test_dependents_come_behind_what_they_need(seed: int) -> None:
    random = Random(seed)
    ids = [str(number) for number in range(12)]
    random.shuffle(ids)
    needs = {
        id: random.sample(ids[:at], min(at, random.randint(0, 3))) for at, id in enumerate(ids)
    }
    asked = random.sample(ids, 3)
    found = Needs(needs).with_dependents(asked)
    assert all(found.index(id) > found.index(on) for id in found for on in needs[id] if on in found)

    def reaches(id: str) -> bool:
        return id in asked or any(map(reaches, needs[id]))

    assert sorted(found) == sorted(filter(reaches, ids))


class Stage:
    """A running monitor over made-up time, and everything that it said."""

    def __init__(self, services: dict[str, Any], health: dict[str, Any]) -> None:
        self.clock = FakeClock()
        self.network = FakeNetwork(self.clock)
        self.said: list[tuple[float, Availability]] = []
        self.turns: list[tuple[Turn, Moved]] = []
        self.monitor = Monitor(
            lambda availability: self.said.append((self.clock.now(), availability)),
            clock=self.clock,
            random=Random(3),
            make_prober=self.network.make_prober,
            record=lambda turn, moved: self.turns.append((turn, moved)),
        )
        self.monitor.apply(configuration(ONE_AZ, services, {"c": CHECK}, health))

    def order(self, id: str, kind: Any) -> None:
        self.monitor.order(Orders([Order(id, kind, self.clock.wall(), "anna")]))

    def numbers(self) -> dict[str, float]:
        endpoints = self.monitor.availability.endpoints
        return {id.partition("@")[0]: found.availability for id, found in endpoints.items()}

    def reason(self, id: str) -> str:
        return self.monitor.availability.endpoints[id].reason


def play(
    scene: Callable[[Stage], Awaitable[None]],
    services: dict[str, Any] = CHAIN,
    health: dict[str, Any] = NO_GROUPS,
    inconclusive: set[str] | None = None,
) -> None:
    """``inconclusive`` are addresses of which the first probes say nothing."""

    async def whole() -> None:
        stage = Stage(services, health)
        stage.network.inconclusive = inconclusive or set()
        async with running(stage.monitor, stage.clock, 15):
            await scene(stage)

    asyncio.run(whole())


def test_what_needs_a_failed_endpoint_goes_and_comes_with_it_in_one_turn() -> None:
    async def scene(stage: Stage) -> None:
        stage.network.down = {"10.0.0.3"}
        await stage.clock.advance(15)
        [(_, availability)] = stage.said
        web = availability.endpoints[WEB]
        assert web.availability == 0
        assert web.addresses == (True,)  # its own address answers
        assert stage.numbers() == {"web": 0, "api": 0, "db": 0}
        assert [(turn, *moved) for turn, moved in stage.turns] == [
            (Turn(DB, "down", DB_DOWN, (DB,)), DB),
            (Turn(API, "down", API_LACKS, (API,)), API),
            (Turn(WEB, "down", WEB_LACKS, (WEB,)), WEB),
        ]
        assert stage.reason(WEB) == WEB_LACKS
        stage.turns.clear()
        stage.network.down = set()
        await stage.clock.advance(15)
        assert [(turn.id, turn.became) for turn, _ in stage.turns] == [
            (DB, "up"),
            (API, "up"),
            (WEB, "up"),
        ]
        assert len(stage.said) == 2
        assert stage.numbers() == {"web": 1, "api": 1, "db": 1}

    play(scene)


def test_one_that_is_down_by_itself_says_so_and_stays_when_its_need_is_back() -> None:
    async def scene(stage: Stage) -> None:
        stage.network.down = {"10.0.0.2", "10.0.0.3"}
        await stage.clock.advance(15)
        own = "1 of 1 addresses down: 10.0.0.2: connection refused"
        assert stage.reason(API) == own
        stage.network.down = {"10.0.0.2"}
        await stage.clock.advance(15)
        assert stage.numbers() == {"web": 0, "api": 0, "db": 1}
        assert stage.reason(WEB) == f"needs {API}, which is down: {own}"

    play(scene)


def test_a_drain_of_what_is_needed_drains_nothing_else() -> None:
    async def scene(stage: Stage) -> None:
        stage.order(DB, "drain")
        assert stage.numbers() == {"web": 1, "api": 1, "db": 0}

    play(scene)


def test_what_is_forced_up_counts_as_up_for_those_that_need_it() -> None:
    async def scene(stage: Stage) -> None:
        stage.network.down = {"10.0.0.3"}
        await stage.clock.advance(15)
        stage.order(API, "force")
        assert stage.numbers() == {"web": 1, "api": 1, "db": 0}
        stage.order(DB, "force")
        assert stage.numbers() == {"web": 1, "api": 1, "db": 1}
        stage.monitor.order(Orders())
        assert stage.numbers() == {"web": 0, "api": 0, "db": 0}

    play(scene)


def test_the_end_of_a_force_takes_down_what_needs_it() -> None:
    async def scene(stage: Stage) -> None:
        stage.network.down = {"10.0.0.3"}
        now = stage.clock.wall()
        stage.monitor.order(Orders([Order(DB, "force", now, "anna", until=now + 60)]))
        await stage.clock.advance(59)
        assert stage.numbers() == {"web": 1, "api": 1, "db": 1}
        await stage.clock.advance(2)
        assert stage.numbers() == {"web": 0, "api": 0, "db": 0}

    play(scene)


def test_nothing_is_known_of_what_needs_something_unknown() -> None:
    async def scene(stage: Stage) -> None:
        assert stage.numbers() == {"web": 0, "api": 0, "db": 0}
        assert stage.reason(API) == f"needs {DB}, which is unknown: waiting for the first result"
        stage.network.inconclusive.clear()
        await stage.clock.advance(15)
        assert stage.numbers() == {"web": 1, "api": 1, "db": 1}
        assert stage.turns == []

    play(scene, health=WITHHELD, inconclusive={"10.0.0.3"})


def test_a_need_that_is_added_takes_nothing_out_before_it_is_known() -> None:
    alone = CHAIN | {"web": {"check": "c"}, "api": {"check": "c"}}

    async def scene(stage: Stage) -> None:
        assert stage.numbers() == {"web": 1, "api": 1, "db": 0}
        stage.monitor.apply(configuration(ONE_AZ, CHAIN, {"c": CHECK}, WITHHELD))
        await stage.clock.advance(15)
        assert stage.numbers() == {"web": 1, "api": 1, "db": 0}
        stage.network.inconclusive.clear()
        stage.network.down = {"10.0.0.3"}
        await stage.clock.advance(15)
        assert stage.numbers() == {"web": 0, "api": 0, "db": 0}

    play(scene, alone, WITHHELD, {"10.0.0.3"})


def test_what_nobody_checks_is_never_down() -> None:
    async def scene(stage: Stage) -> None:
        stage.network.down = {"10.0.0.3"}
        await stage.clock.advance(15)
        assert stage.numbers() == {"web": 1, "api": 1, "db": 1}

    play(scene, CHAIN | {"db": {}})


def test_one_without_a_check_of_its_own_is_down_with_what_it_needs() -> None:
    async def scene(stage: Stage) -> None:
        stage.network.down = {"10.0.0.3"}
        await stage.clock.advance(15)
        assert stage.numbers() == {"web": 0, "api": 0, "db": 0}
        assert stage.reason(API) == API_LACKS
        stage.network.down = set()
        await stage.clock.advance(15)
        assert stage.reason(API) == "not checked"

    play(scene, CHAIN | {"api": {"needs": ["db"]}})


def test_dependents_count_as_down_for_their_az() -> None:
    async def scene(stage: Stage) -> None:
        stage.network.down = {"10.0.0.3"}
        await stage.clock.advance(15)
        [az] = stage.monitor.status().regions[0].availability_zones
        assert (az.state, az.share, az.checked) == ("withdrawn", 0.0, 3)
        assert stage.turns[-1][0].id == "eu-a"

    play(scene, health={"availability_zone": {"hold": 5}, "region": {"withdraw_below": 0}})


def test_a_dependent_comes_back_by_the_rules_beside_what_it_needs_not_after_it() -> None:
    recovery = {"hold": 30}

    async def scene(stage: Stage) -> None:
        stage.network.down = {"10.0.0.3"}
        await stage.clock.advance(15)
        stage.network.down = set()
        while stage.turns[-1][0].became == "down":
            await stage.clock.advance(1)
        await stage.clock.advance(25)
        assert stage.numbers() == {"web": 0, "api": 0, "db": 0}
        assert stage.reason(WEB) == "up again: in its hold time"
        await stage.clock.advance(6)
        assert stage.numbers() == {"web": 1, "api": 1, "db": 1}

    play(scene, health={**NO_GROUPS, "recovery": recovery})


def test_a_reload_without_the_need_brings_the_dependents_back() -> None:
    async def scene(stage: Stage) -> None:
        stage.network.down = {"10.0.0.3"}
        await stage.clock.advance(15)
        alone = {name: {"check": "c"} for name in CHAIN}
        stage.monitor.apply(configuration(ONE_AZ, alone, {"c": CHECK}, NO_GROUPS))
        assert stage.numbers() == {"web": 1, "api": 1, "db": 0}
        stage.monitor.apply(configuration(ONE_AZ, CHAIN, {"c": CHECK}, NO_GROUPS))
        assert stage.numbers() == {"web": 0, "api": 0, "db": 0}

    play(scene)


def test_what_is_needed_is_that_of_the_same_az() -> None:
    topology = {"eu": {"a": {"web": ["10.0.0.1"], "db": ["10.0.0.2"]}, "b": {"web": ["10.0.0.3"]}}}
    services = {"web": {"check": "c", "needs": ["db"]}, "db": {"check": "c"}}
    made = plan(configuration(topology, services, {"c": CHECK}))
    assert made.endpoints["web@a"].needs == ("db@a",)
    assert made.endpoints["web@b"].needs == ()
