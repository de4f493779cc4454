"""A clock whose time is made up and a network whose answers are, with the real interfaces."""

from __future__ import annotations

import asyncio
import heapq
import itertools
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from geodns.config.settings import (
    Address,
    Check,
    Configuration,
    Server,
    Services,
    Topology,
)
from geodns.health.monitor import Monitor
from geodns.health.probe import Prober, Result, SeenLoad


class FakeTimer:
    def __init__(self, callback: Callable[[], None]) -> None:
        self.callback: Callable[[], None] | None = callback

    def cancel(self) -> None:
        self.callback = None


class FakeClock:
    """Time passes only in ``advance``."""

    def __init__(self) -> None:
        self._now = 1000.0
        self._numbers = itertools.count()
        self._timers: list[tuple[float, int, FakeTimer]] = []

    def now(self) -> float:
        return self._now

    def wall(self) -> float:
        return 1_700_000_000.0 + self._now

    def call_at(self, when: float, callback: Callable[[], None]) -> FakeTimer:
        timer = FakeTimer(callback)
        heapq.heappush(self._timers, (max(when, self._now), next(self._numbers), timer))
        return timer

    async def sleep(self, seconds: float) -> None:
        woken = asyncio.get_running_loop().create_future()

        def wake() -> None:
            if not woken.done():
                woken.set_result(None)

        timer = self.call_at(self._now + seconds, wake)
        try:
            await woken
        finally:
            timer.cancel()

    def stand_still(self, seconds: float) -> None:
        """Let time pass in which nothing runs, as on a machine that was suspended."""
        self._now += seconds

    async def advance(self, seconds: float) -> None:
        """Let time pass; everything that becomes due on the way happens at its moment."""
        end = self._now + seconds
        await _settle()
        while self._timers and self._timers[0][0] <= end:
            when, _, timer = heapq.heappop(self._timers)
            self._now = max(self._now, when)
            if timer.callback is not None:
                timer.callback()
                await _settle()
        self._now = end


@asynccontextmanager
async def running(monitor: Monitor, clock: FakeClock, seconds: float = 0) -> AsyncIterator[None]:
    """Runs a monitor, for so long before anything else happens; nothing of it is left behind."""
    task = asyncio.create_task(monitor.run())
    await clock.advance(seconds)
    try:
        yield
    finally:
        await monitor.close()
        await task


async def _settle() -> None:
    for _ in range(4):  # a task's first step, its end, its callbacks, and one to spare
        await asyncio.sleep(0)


@dataclass
class FakeNetwork:
    """Addresses that answer as told. ``starts`` are (time, address) of every probe."""

    clock: FakeClock
    down: set[str] = field(default_factory=set)
    inconclusive: set[str] = field(default_factory=set)
    faulty: set[str] = field(default_factory=set)
    takes: dict[str, float] = field(default_factory=dict)
    loads: dict[str, SeenLoad] = field(default_factory=dict)
    starts: list[tuple[float, str]] = field(default_factory=list)
    running: dict[str, int] = field(default_factory=dict)
    overlaps: int = 0
    at_once: int = 0
    most_at_once: int = 0
    made: int = 0

    def make_prober(self, check: Check) -> Prober:
        self.made += 1
        return FakeProber(self)

    def times(self, address: str) -> list[float]:
        return [time for time, probed in self.starts if probed == address]


class FakeProber:
    def __init__(self, network: FakeNetwork) -> None:
        self._network = network

    async def __call__(self, address: Address) -> Result:
        network, name = self._network, str(address)
        network.starts.append((network.clock.now(), name))
        network.overlaps += bool(network.running.get(name))
        network.running[name] = network.running.get(name, 0) + 1
        network.at_once += 1
        network.most_at_once = max(network.most_at_once, network.at_once)
        try:
            duration = network.takes.get(name, 0.01)
            await network.clock.sleep(duration)
            if name in network.faulty:
                raise RuntimeError("a fault of the prober")
            ok = name not in network.down
            detail = "HTTP 200" if ok else "connection refused"
            load = network.loads.get(name) if ok else None
            return Result(ok, duration, detail, name not in network.inconclusive, load)
        finally:
            network.running[name] -= 1
            network.at_once -= 1


def configuration(
    topology: dict[str, dict[str, dict[str, Any]]],
    services: dict[str, Any],
    checks: dict[str, Any],
    health: dict[str, Any] | None = None,
) -> Configuration:
    """A configuration from region -> AZ -> service -> endpoint, as it stands in YAML.

    What is unknown is served, unless ``health`` says otherwise: the first successes are no news.
    """
    regions = {
        region: {
            "location": (0, 0),
            "availability_zones": {
                az: {
                    "endpoints": {
                        service: {"addresses": endpoint} if isinstance(endpoint, list) else endpoint
                        for service, endpoint in endpoints.items()
                    }
                }
                for az, endpoints in zones.items()
            },
        }
        for region, zones in topology.items()
    }
    return Configuration(
        server=Server(),
        topology=Topology.model_validate({"regions": regions}),
        services=Services.model_validate(
            {
                "checks": checks,
                "services": services,
                "health": {"unknown": "serve", **(health or {})},
            }
        ),
        latency=(),
        zones=(),
        files=(Path("geodns.yaml"),),
    )


def addresses(count: int) -> list[str]:
    """That many distinct addresses."""
    first = int(ip_address("10.0.0.0"))
    return [str(ip_address(first + number)) for number in range(count)]
