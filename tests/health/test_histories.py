"""The real monitor through thousands of random histories, in made-up time, against simple books.

Whatever happens to a network, a configuration and orders, what the monitor says must follow from
what its probes saw (health_books.py), and nothing may be lost: neither a failure nor a recovery. A
failure names the seed of its history: ``live(SEED)`` plays it again. GEODNS_HISTORIES is how many.
"""

from __future__ import annotations

import asyncio
import logging
import os
from math import inf
from random import Random

import pytest
from health_books import Books
from health_fakes import FakeClock, FakeNetwork
from health_worlds import Watched, random_world

from geodns.config.probing import TcpCheck
from geodns.config.settings import Check
from geodns.config.values import Address
from geodns.health.availability import Availability
from geodns.health.monitor import Monitor, Moved
from geodns.health.orders import Order, Orders
from geodns.health.probe import Prober, Result
from geodns.health.turn import Turn

HISTORIES, AT_ONCE = int(os.environ.get("GEODNS_HISTORIES", "1000")), 100
SLOW = (0.5, 3.0, 12.0)  # seconds for which a slow probe takes
STEP = 0.6  # seconds: more than a step of a ramp
SLACK = 2.0  # seconds: the spread of first probes, and a step of a slow start


class Witness:
    """A prober of the fake network that tells the books what it saw."""

    def __init__(self, life: Life, check: Check) -> None:
        assert isinstance(check, TcpCheck)
        self._life, self._name = life, f"c{check.port - 80}"
        self._prober = life.network.make_prober(check)

    async def __call__(self, address: Address) -> Result:
        target, probing = Watched(self._name, str(address)), self._life.probing
        assert target not in probing, f"two probes of {target} at once"
        probing.add(target)
        try:
            result = await self._prober(address)
        finally:
            probing.remove(target)
        if result.conclusive:
            self._life.books.saw(target, result.ok, self._life.clock.now())
        return result


class Life:
    """One history: a world, what happens in it, and what must hold all the time."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.world = self.whole = random_world(self.random)
        self.clock = FakeClock()
        self.network = FakeNetwork(self.clock)
        self.books = Books(self.world, self.clock.now())
        self.told: list[tuple[str, str]] = []
        self.orders: dict[tuple[str, str], Order] = {}
        self.failing: dict[Watched, float] = {}
        self.pace: dict[str, float] = {}
        self.probing: set[Watched] = set()
        self.monitor = Monitor(
            self._notified,
            clock=self.clock,
            random=Random(seed),
            make_prober=self._make_prober,
            record=self._recorded,
        )
        self.current = self.monitor.apply(self.world.configuration())

    def _make_prober(self, check: Check) -> Prober:
        return Witness(self, check)

    def _notified(self, availability: Availability) -> None:
        assert availability.generation == self.current.generation + 1
        assert _essence(availability) != _essence(self.current)
        self.current = availability
        self._look_at_numbers()

    def _recorded(self, turn: Turn, moved: Moved) -> None:
        self.told.append((turn.id, turn.became))
        assert moved.keys() <= set(turn.endpoints)

    async def go_through(self) -> None:
        running = asyncio.create_task(self.monitor.run())
        await self.clock.advance(0)
        try:
            for _ in range(self.random.randint(3, 15)):
                self._happen()
                await self._pass(self.random.choice([0, 0.5, 3, 3, 10, 20]))
                if self.random.random() < 0.05:
                    await self._flap()
            last = self.random.random()
            if last < 0.25:
                await self._all_fail()
            elif last < 0.45:
                await self._flap()
            await self._all_recover()
        finally:
            await self.monitor.close()
            await running
        assert not self.probing

    async def _pass(self, seconds: float) -> None:
        await self.clock.advance(seconds)
        self._look_at_verdicts()
        self._look_at_numbers()

    async def _flap(self) -> None:
        """An AZ fails and comes back again and again, just long enough for its verdicts."""
        flapping = set(self.whole.addresses(self.random.choice(self.whole.azs())))
        checks = self.world.checks.values()
        pause = max(one["interval"] * max(one["rise"], one["fall"]) for one in checks)
        for _ in range(self.random.randint(2, 5)):
            self.network.down |= flapping
            self._watch_failing()
            await self._pass(pause)
            self.network.down -= flapping
            self._watch_failing()
            await self._pass(pause)

    def _happen(self) -> None:
        """Something changes, once in a while nothing."""
        random, network = self.random, self.network
        addresses = self.whole.addresses() or ["192.0.2.1"]
        one = random.choice(addresses)
        what = random.choice(
            ["fail", "fail", "heal", "az", "odd", "slow", "well", "order", "files"]
        )
        if what == "fail":
            network.down.add(one)
        elif what == "heal":
            network.down.discard(one)
        elif what == "az":
            network.down.update(self.whole.addresses(random.choice(self.whole.azs())))
        elif what == "odd":
            random.choice([network.inconclusive, network.faulty]).symmetric_difference_update({one})
        elif what == "slow":
            network.takes[one] = random.choice([0.01, *SLOW])
            self.pace[one] = max(SLOW)
        elif what == "well":
            self._clear_up()
        elif what == "order":
            self._order()
        else:
            self._reload()
        self._watch_failing()

    def _clear_up(self) -> None:
        network = self.network
        for part in (network.down, network.inconclusive, network.faulty, network.takes):
            part.clear()

    def _watch_failing(self) -> None:
        """Since when each target can but fail."""
        network, now = self.network, self.clock.now()
        mute = network.inconclusive | network.faulty
        self.failing = {
            one: self.failing.get(one, now)
            for one in self.books.evidence
            if one.address in network.down and one.address not in mute
        }

    def _order(self) -> None:
        random, wall = self.random, self.clock.wall()
        ids = [*self.whole.topology, *self.whole.azs(), *(one[0] for one in self.whole.endpoints())]
        until = random.choice([None, wall + 5.3, wall + 40.3])  # never at the end of a step
        kind = random.choice(["drain", "force"])
        ramp = {"over": random.choice([0, 10]), "back": random.choice([0, 10])}
        order = Order(random.choice(ids), "drain", wall, "anna", "", until, **ramp)
        if kind == "force":
            order = Order(order.id, "force", wall, "ben", "", until)
        self.orders[order.kind, order.id] = order
        if random.random() < 0.3:
            self.orders.clear()
        self._put_orders()

    def _put_orders(self) -> None:
        ends = {one.id: one.until for one in self.orders.values() if one.kind == "force"}
        behind = self.clock.wall() - self.clock.now() + 1e-3  # the moment is rounded
        forces = {id: inf if end is None else end - behind for id, end in ends.items()}
        self.books.force(forces, self.clock.now())
        before = self.monitor.availability
        moved = self.monitor.order(Orders(self.orders.values()))
        after = self.monitor.availability
        assert moved == {
            id: (end.availability, after.endpoints[id].availability)
            for id, end in before.endpoints.items()
            if end.availability != after.endpoints[id].availability
        }

    def _reload(self) -> None:
        random, now = self.random, self.clock.now()
        what = random.choice(["same", "az", "whole", "check"])
        if what == "az":
            self.world = self.world.without(random.choice(self.world.azs()))
        elif what == "whole":
            self.world = self.whole
        elif what == "check":
            name = random.choice(list(self.whole.checks))
            changed = {"interval": random.choice([5.0, 7.0]), "fall": random.randint(1, 4)}
            self.world = self.world.edited(name, **changed)
            self.whole = self.whole.edited(name, **changed)
            self.failing = {one: at for one, at in self.failing.items() if one.check != name}
        self.current = self.monitor.apply(self.world.configuration())
        self.books.reload(self.world, now)

    def _look_at_verdicts(self) -> None:
        """Each turn is told once and in order; targets are judged by their evidence alone."""
        expected = self.books.turned(self.clock.now())
        ids = {id for id, _ in (*expected, *self.told)}
        for id in ids:
            assert [one for one in self.told if one[0] == id] == [
                one for one in expected if one[0] == id
            ]
        for target in self.monitor.status().targets:
            watched = Watched(target.check, target.address)
            assert target.state == self.books.evidence[watched].state, watched
        for one, since in self.failing.items():
            if self.clock.now() - since > self._time_for(one, self.world.checks[one.check]["fall"]):
                assert self.books.evidence[one].state == "down", f"a failure of {one} is lost"

    def _time_for(self, target: Watched, results: int) -> float:
        """In which so many results surely come, and one that was under way before."""
        interval: float = self.world.checks[target.check]["interval"]
        pace = max(interval + 0.01, self.pace.get(target.address, 0.0))
        return (results + 2) * pace + SLACK

    def _look_at_numbers(self) -> None:
        now, wall = self.clock.now(), self.clock.wall()
        available = self.monitor.availability
        assert available.generation == self.current.generation
        assert _essence(available) == _essence(self.current)
        assert available.endpoints.keys() == self.books.endpoints.keys()
        for id, end in available.endpoints.items():
            assert 0 <= end.availability <= 1
            drained, forced = self._ordered(id, wall)
            well = self.books.well(id, now) and not self.books.withheld(id)
            if not well and not forced:
                assert end.availability == 0, f"{id}: {end.reason}"
            if well and drained is None and id not in self.books.failed:
                assert end.availability == 1, f"{id}: {end.reason}"
            if drained == 0:
                assert end.availability == 0, f"{id}: {end.reason}"

    def _ordered(self, id: str, wall: float) -> tuple[float | None, bool]:
        """What drains leave (None: all; -1: something in between), and whether it is forced."""
        az, region, _ = self.books.endpoints[id]
        orders = [one for one in self.orders.values() if one.id in {id, az, region}]
        drains = [one for one in orders if one.kind == "drain"]
        forced = any(
            one.kind == "force" and (one.until is None or wall < one.until) for one in orders
        )
        wall -= STEP
        if any(one.until is None and wall >= one.since + one.over for one in drains):
            return 0.0, forced
        over = all(one.until is not None and wall >= one.until + one.back for one in drains)
        return (None if over else -1.0), forced

    async def _all_fail(self) -> None:
        self._clear_up()
        self.network.down.update(self.whole.addresses())
        self._watch_failing()
        longest = (
            self._time_for(one, self.world.checks[one.check]["fall"]) for one in self.failing
        )
        await self._pass(max(longest, default=0.0) + 0.1)
        assert all(one.state == "down" for one in self.books.evidence.values())

    async def _all_recover(self) -> None:
        """Everything answers for long enough: all is in service but what is drained."""
        self._clear_up()
        self._watch_failing()
        if self.random.random() < 0.5:
            self.orders.clear()
            self._put_orders()
        health = self.world.health
        recovery = health["recovery"]
        longest = recovery["longest"] if "suppress" in recovery else 0
        own = max(recovery["hold"], longest) + recovery["slow_start"]
        hold = max(health["region"]["hold"], health["availability_zone"]["hold"])
        up = (
            self._time_for(one, self.world.checks[one.check]["rise"]) for one in self.books.evidence
        )
        await self._pass(max(up, default=0.0) + max(own, hold) + SLACK)
        for id, end in self.monitor.availability.endpoints.items():
            drained, _ = self._ordered(id, self.clock.wall())
            if drained is None:
                assert end.availability == 1, f"{id} is not back: {end.reason}"
                assert all(end.addresses)
        for region in self.monitor.status().regions:
            assert region.state == "in service"
            assert all(az.state == "in service" for az in region.availability_zones)


def _essence(availability: Availability) -> dict[str, object]:
    return {id: end._replace(reason="") for id, end in availability.endpoints.items()}


def live(seed: int) -> None:
    try:
        asyncio.run(Life(seed).go_through())
    except AssertionError as error:
        error.add_note(f"in the history of seed {seed}")
        raise


@pytest.mark.parametrize("first", range(0, HISTORIES, AT_ONCE))
def test_verdicts_follow_from_evidence_and_nothing_is_lost(
    first: int, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL)
    for seed in range(first, first + AT_ONCE):
        live(seed)
