"""When probes start, in made-up time."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from ipaddress import ip_address
from itertools import pairwise
from random import Random

from health_fakes import FakeClock, FakeNetwork, addresses

from geodns.config.settings import TcpCheck
from geodns.health.probe import Result
from geodns.health.schedule import Job, Scheduler

CHECK = TcpCheck(type="tcp", port=80)
Play = Callable[[FakeClock, FakeNetwork, Scheduler[str]], Awaitable[None]]


def play(
    scene: Play,
    *,
    report: Callable[[str, Result], None] = lambda key, result: None,
    slots: int = 400,
    slots_of_failing: int = 100,
) -> None:
    async def whole() -> None:
        clock = FakeClock()
        scheduler: Scheduler[str] = Scheduler(
            clock, Random(7), report, slots=slots, slots_of_failing=slots_of_failing
        )
        try:
            await scene(clock, FakeNetwork(clock), scheduler)
        finally:
            await scheduler.stop()

    asyncio.run(whole())


def jobs(network: FakeNetwork, names: list[str], interval: float = 10.0) -> dict[str, Job]:
    prober = network.make_prober(CHECK)

    def job(name: str) -> Job:
        return Job(lambda: prober(ip_address(name)), interval)

    return {name: job(name) for name in names}


def test_first_probes_are_spread_over_a_second_and_later_ones_keep_the_interval() -> None:
    async def scene(clock: FakeClock, network: FakeNetwork, scheduler: Scheduler[str]) -> None:
        begin = clock.now()
        scheduler.put(jobs(network, addresses(50)))
        await clock.advance(100)
        firsts = [network.times(name)[0] - begin for name in addresses(50)]
        assert all(0 <= first <= 1 for first in firsts)
        assert max(firsts) - min(firsts) > 0.5
        for name in addresses(50):
            times = network.times(name)
            gaps = [after - before for before, after in pairwise(times)]
            assert all(9 - 1e-6 <= gap <= 11 + 1e-6 for gap in gaps)
            assert len(set(gaps)) > 1

    play(scene)


def test_first_probes_of_a_short_interval_start_within_it() -> None:
    async def scene(clock: FakeClock, network: FakeNetwork, scheduler: Scheduler[str]) -> None:
        scheduler.put(jobs(network, addresses(50), interval=0.2))
        await clock.advance(0.2)
        assert {name for _, name in network.starts} == set(addresses(50))

    play(scene)


def test_two_thousand_targets_run_without_bunching() -> None:
    async def scene(clock: FakeClock, network: FakeNetwork, scheduler: Scheduler[str]) -> None:
        begin = clock.now()
        scheduler.put(jobs(network, addresses(2000)))
        await clock.advance(120)
        probes = Counter(name for _, name in network.starts)
        assert len(probes) == 2000
        assert all(11 <= count <= 14 for count in probes.values())
        # 200 a second on average. Starts that began within one second spread out over the
        # interval as the jitter adds up; nothing pushes them together again.
        late = Counter(int(10 * (time - begin)) for time, _ in network.starts if time > begin + 60)
        assert max(late.values()) < 5 * 20
        assert network.overlaps == 0

    play(scene)


def test_a_slow_target_delays_no_other_and_never_overlaps_itself() -> None:
    async def scene(clock: FakeClock, network: FakeNetwork, scheduler: Scheduler[str]) -> None:
        slow, quick = addresses(2)
        network.takes[slow] = 35.0
        scheduler.put(jobs(network, [slow, quick]))
        await clock.advance(100)
        assert network.overlaps == 0
        assert len(network.times(quick)) >= 9
        assert len(network.times(slow)) == 3  # each starts when the one before has ended

    play(scene)


def test_no_more_probes_are_under_way_than_there_are_slots() -> None:
    async def scene(clock: FakeClock, network: FakeNetwork, scheduler: Scheduler[str]) -> None:
        names = addresses(30)
        network.takes = dict.fromkeys(names, 2.0)
        scheduler.put(jobs(network, names))
        await clock.advance(60)
        assert network.most_at_once == 4
        assert set(Counter(name for _, name in network.starts)) == set(names)

    play(scene, slots=4, slots_of_failing=0)


def test_a_crowd_of_hanging_targets_does_not_hold_up_those_that_are_well() -> None:
    async def scene(clock: FakeClock, network: FakeNetwork, scheduler: Scheduler[str]) -> None:
        names = addresses(60)
        well, hanging = names[:10], names[10:]
        scheduler.put(jobs(network, names, interval=1.0))
        await clock.advance(5)
        network.down.update(hanging)
        network.takes.update(dict.fromkeys(hanging, 20.0))
        await clock.advance(150)  # each of them has taken an ordinary slot for one last time
        network.starts.clear()
        await clock.advance(30)
        assert all(len(network.times(name)) >= 26 for name in well)
        assert sum(len(network.times(name)) for name in hanging) > 0

    play(scene, slots=10, slots_of_failing=5)


def test_a_job_that_was_taken_out_reports_nothing_any_more() -> None:
    reports: list[str] = []

    async def scene(clock: FakeClock, network: FakeNetwork, scheduler: Scheduler[str]) -> None:
        one, other = addresses(2)
        network.takes = {one: 5.0, other: 5.0}
        scheduler.put(jobs(network, [one, other]))
        await clock.advance(2)
        assert network.running == {one: 1, other: 1}
        scheduler.put(jobs(network, [other]))
        await clock.advance(5)
        assert reports == [other]
        assert network.running[one] == 0

    play(scene, report=lambda key, result: reports.append(key))


def test_a_job_that_stays_keeps_its_time() -> None:
    async def scene(clock: FakeClock, network: FakeNetwork, scheduler: Scheduler[str]) -> None:
        names = addresses(3)
        for _ in range(40):  # a reload every half second must not keep probes from happening
            scheduler.put(jobs(network, names))
            await clock.advance(0.5)
        assert all(2 <= len(network.times(name)) <= 3 for name in names)

    play(scene)


def test_stopping_ends_the_probes_under_way() -> None:
    async def scene(clock: FakeClock, network: FakeNetwork, scheduler: Scheduler[str]) -> None:
        (name,) = addresses(1)
        network.takes = {name: 1000.0}
        scheduler.put(jobs(network, [name]))
        await clock.advance(2)
        await scheduler.stop()
        assert network.running == {name: 0}
        await clock.advance(100)
        assert len(network.starts) == 1

    play(scene)


def test_a_prober_that_raises_judges_nobody_and_is_run_again() -> None:
    results: list[Result] = []

    async def scene(clock: FakeClock, network: FakeNetwork, scheduler: Scheduler[str]) -> None:
        (name,) = addresses(1)
        network.faulty.add(name)
        scheduler.put(jobs(network, [name], interval=1.0))
        await clock.advance(5)
        assert len(results) >= 4
        assert not any(result.conclusive for result in results)

    play(scene, report=lambda key, result: results.append(result))
