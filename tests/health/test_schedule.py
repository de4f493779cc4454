"""When probes start, in made-up time."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from ipaddress import ip_address
from itertools import pairwise
from random import Random

import pytest
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
    slots: int = 10_000,
) -> None:
    async def whole() -> None:
        clock = FakeClock()
        scheduler: Scheduler[str] = Scheduler(clock, Random(7), report, slots=slots)
        try:
            await scene(clock, FakeNetwork(clock), scheduler)
        finally:
            await scheduler.stop()

    asyncio.run(whole())


def jobs(
    network: FakeNetwork, names: list[str], interval: float = 10.0, busy: float = 1.0
) -> dict[str, Job]:
    prober = network.make_prober(CHECK)

    def job(name: str) -> Job:
        return Job(lambda: prober(ip_address(name)), interval, busy=busy)

    return {name: job(name) for name in names}


def gaps(network: FakeNetwork, name: str) -> list[float]:
    return [after - before for before, after in pairwise(network.times(name))]


def test_first_probes_are_spread_over_a_second_and_later_ones_keep_the_interval() -> None:
    async def scene(clock: FakeClock, network: FakeNetwork, scheduler: Scheduler[str]) -> None:
        begin = clock.now()
        scheduler.put(jobs(network, addresses(50)))
        await clock.advance(100)
        firsts = [network.times(name)[0] - begin for name in addresses(50)]
        assert all(0 <= first <= 1 for first in firsts)
        assert max(firsts) - min(firsts) > 0.9
        for name in addresses(50):
            first, *later = gaps(network, name)
            assert 5 <= first <= 10
            assert all(9.4 < gap < 9.9 for gap in later[1:])
            assert len({round(gap, 6) for gap in later}) > 1

    play(scene)


def test_first_probes_of_a_short_interval_start_within_it() -> None:
    async def scene(clock: FakeClock, network: FakeNetwork, scheduler: Scheduler[str]) -> None:
        scheduler.put(jobs(network, addresses(50), interval=0.2))
        await clock.advance(0.2)
        assert {name for _, name in network.starts} == set(addresses(50))

    play(scene)


def test_ten_thousand_targets_start_as_evenly_as_they_can() -> None:
    async def scene(clock: FakeClock, network: FakeNetwork, scheduler: Scheduler[str]) -> None:
        begin, starts = clock.now(), Counter[int]()

        async def probe() -> Result:
            starts[int(10 * (clock.now() - begin) + 1e-9)] += 1
            return Result(True, 0.0, "connected")

        scheduler.put({name: Job(probe, 10.0) for name in addresses(10_000)})
        await clock.advance(30)
        # Beats are 0.96 of the interval apart: 104 in each tenth of a second, give or take 7.
        assert all(97 <= starts[slice] <= 111 for slice in range(4, 300))
        assert max(starts.values()) <= 111  # from the very first moment

    play(scene)


def test_targets_that_were_thrown_off_their_beats_come_back_to_them() -> None:
    async def scene(clock: FakeClock, network: FakeNetwork, scheduler: Scheduler[str]) -> None:
        names = addresses(500)
        scheduler.put(jobs(network, names))
        await clock.advance(30)
        clock.stand_still(7.0)  # all that was due meanwhile starts at once
        await clock.advance(21)
        network.starts.clear()
        begin = clock.now()
        await clock.advance(60)
        late = Counter(int(time - begin) for time, _ in network.starts)
        assert all(48 <= late[second] <= 56 for second in range(60))

    play(scene)


def test_half_of_all_hanging_leaves_the_others_their_interval() -> None:
    async def scene(clock: FakeClock, network: FakeNetwork, scheduler: Scheduler[str]) -> None:
        names = addresses(400)
        well, hanging = names[::2], names[1::2]
        scheduler.put(jobs(network, names))
        await clock.advance(20)
        network.down.update(hanging)
        network.takes.update(dict.fromkeys(hanging, 2.0))
        await clock.advance(100)
        for name in well:
            assert all(9.4 < gap < 9.9 for gap in gaps(network, name)[2:])
        for name in hanging:  # what takes less than the interval keeps it, too
            assert all(9.4 < gap < 9.9 for gap in gaps(network, name)[2:])
        assert network.most_at_once <= 50  # 200 x 2 s / 9.6 s, and the jitter

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
        network.down = set(names[:20])
        scheduler.put(jobs(network, names))
        await clock.advance(60)
        assert network.most_at_once == 4
        assert set(Counter(name for _, name in network.starts)) == set(names)

    play(scene, slots=4)


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
        assert all(gap <= 1 for name in well for gap in gaps(network, name))
        assert sum(len(network.times(name)) for name in hanging) > 0

    play(scene, slots=16)


def test_a_crowd_of_slow_targets_does_not_keep_failing_ones_from_being_looked_at() -> None:
    async def scene(clock: FakeClock, network: FakeNetwork, scheduler: Scheduler[str]) -> None:
        names = addresses(60)
        slow, failing = names[:50], names[50:]
        network.takes = dict.fromkeys(slow, 20.0)
        network.down.update(failing)
        scheduler.put(jobs(network, names, interval=1.0))
        await clock.advance(150)
        network.starts.clear()
        await clock.advance(30)
        assert all(gap <= 1 for name in failing for gap in gaps(network, name))

    play(scene, slots=16)


def test_too_few_slots_are_told_of_once(caplog: pytest.LogCaptureFixture) -> None:
    async def scene(clock: FakeClock, network: FakeNetwork, scheduler: Scheduler[str]) -> None:
        scheduler.put(jobs(network, addresses(24), busy=0.25))  # 6 at once, if all hang
        assert caplog.records == []
        for count in (25, 26):
            scheduler.put(jobs(network, addresses(count), busy=0.25))
        [record] = caplog.records
        assert record.message == (
            "too few files may be open for all checks: if all hang at once, probes start late"
        )
        assert (record.__dict__["at_once"], record.__dict__["needed"]) == (6, 7)

    play(scene, slots=8)


def test_what_waits_for_a_slot_and_is_taken_out_is_forgotten() -> None:
    async def scene(clock: FakeClock, network: FakeNetwork, scheduler: Scheduler[str]) -> None:
        one, *others = addresses(5)
        network.takes = {one: 50.0}
        scheduler.put(jobs(network, [one]))
        await clock.advance(1)
        scheduler.put(jobs(network, [one, *others]))
        await clock.advance(2)
        scheduler.put(jobs(network, [one, others[0]]))
        await clock.advance(100)
        assert {name for _, name in network.starts} == {one, others[0]}

    play(scene, slots=1)


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
        assert all(2 <= len(network.times(name)) <= 4 for name in names)

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
