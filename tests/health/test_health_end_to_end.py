"""Real servers, real probes, real time: a server that stops leaves the answers, and comes back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from health_fakes import configuration
from health_servers import HOST, http, saying, serving

from geodns.health.availability import Availability
from geodns.health.monitor import Monitor
from geodns.health.probe import Observation

PATIENCE = 60.0  # seconds until a machine that is this slow fails the test
HOLD = 0.5


class News:
    """What the monitor said, to be waited for."""

    def __init__(self) -> None:
        self._said: asyncio.Queue[Availability] = asyncio.Queue()

    def __call__(self, availability: Availability) -> None:
        self._said.put_nowait(availability)

    async def until(self, true: Callable[[Availability], bool]) -> Availability:
        async with asyncio.timeout(PATIENCE):
            while True:
                availability = await self._said.get()
                if true(availability):
                    return availability


def check(port: int, **more: Any) -> dict[str, Any]:
    return {
        "type": "http", "port": port, "interval": 0.05, "timeout": 10, "rise": 1, "fall": 2, **more,
    }  # fmt: skip


def play(scene: Callable[[], Coroutine[None, None, None]]) -> None:
    asyncio.run(asyncio.wait_for(scene(), 2 * PATIENCE))


async def _probed(results: asyncio.Queue[Observation], count: int) -> None:
    for _ in range(count):
        await asyncio.wait_for(results.get(), PATIENCE)


def test_a_stopped_server_withdraws_its_az_and_a_started_one_restores_it_after_the_hold() -> None:
    async def scene() -> None:
        news, results = News(), asyncio.Queue[Observation]()
        monitor = Monitor(news, observe=results.put_nowait)
        loop = asyncio.get_running_loop()
        async with serving(saying(http())) as port:
            monitor.apply(
                configuration(
                    {"eu": {"eu-a": {"web": [HOST], "static": {"cname": "cdn.example.net."}}}},
                    {"web": {"check": "c"}, "static": {}},
                    {"c": check(port)},
                    {"availability_zone": {
                        "withdraw_below": "50%", "restore_above": "80%", "hold": HOLD,
                    }},
                )
            )  # fmt: skip
            running = asyncio.create_task(monitor.run())
            await _probed(results, 3)
            assert monitor.availability.generation == 1
            assert monitor.status().targets[0].state == "up"
        gone = await news.until(lambda said: said.endpoints["web@eu-a"].availability == 0.0)
        assert gone.endpoints["web@eu-a"].addresses == (False,)
        assert gone.endpoints["static@eu-a"].availability == 0.0
        assert monitor.status().regions[0].availability_zones[0].state == "withdrawn"
        started = loop.time()
        async with serving(saying(http()), port=port):
            back = await news.until(lambda said: said.endpoints["web@eu-a"].availability == 1.0)
            assert loop.time() - started >= HOLD
            assert back.endpoints["static@eu-a"].availability == 1.0
            await monitor.close()
        await running

    play(scene)


def test_one_probe_at_a_time_reaches_a_target_that_many_services_share() -> None:
    async def scene() -> None:
        under_way, connections, most = 0, 0, 0

        async def slow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            nonlocal under_way, connections, most
            under_way, connections = under_way + 1, connections + 1
            most = max(most, under_way)
            await reader.readuntil(b"\r\n\r\n")
            await asyncio.sleep(0.02)
            under_way -= 1
            writer.write(http())
            await writer.drain()

        results = asyncio.Queue[Observation]()
        monitor = Monitor(lambda _: None, observe=results.put_nowait)
        async with serving(slow) as port:
            services = {f"service-{number}": {"check": "c"} for number in range(10)}
            monitor.apply(
                configuration(
                    {"eu": {az: {name: [HOST] for name in services} for az in ("eu-a", "eu-b")}},
                    services,
                    {"c": check(port)},
                )
            )
            running = asyncio.create_task(monitor.run())
            await _probed(results, 10)
            # Not more connections than probes, but for the one that is under way.
            assert connections <= 10 + results.qsize() + 1
            assert most == 1
            await monitor.close()
            await running

    play(scene)
