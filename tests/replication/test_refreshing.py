"""Zones are followed over real sockets: received, kept, checked, expired and taken up again."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import dns.rcode
import dns.tsig
import pytest
from keeping import Shelf
from primaries import FakePrimary
from random_zones import APEX, Version
from test_received_zones import content

from geodns.config.replication import Peer
from geodns.replication.inbound import (
    Bounds,
    Change,
    DoesNotFitError,
    Limits,
    Notified,
    Primary,
    Sources,
    Steps,
    Whole,
)
from geodns.replication.secondary.refreshing import Refreshing

KEY = dns.tsig.Key("k.test.", b"0123456789abcdef0123456789abcdef", "hmac-sha256.")
SOON = Bounds(refresh=(0.05, 1000), retry=(0.05, 0.05), first=(0.05, 0.05))
LIMITS = Limits(bounds=SOON)
PATIENCE = 60.0  # seconds until a test gives up: a busy machine is slow, not wrong
FIRST = replace(Version(0).edited(random.Random(9)), serial=1)
SECOND = Version(2, {})


async def until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.005)


class Watched:
    """A Refreshing on a shelf, and what it has told."""

    def __init__(self, shelf: Shelf, folder: Path) -> None:
        self.shelf = shelf
        self.told: list[Change] = []
        self.refreshing = Refreshing(
            shelf, lambda apex, change: self.told.append(change), folder=folder
        )

    def follow(self, *primaries: Primary, limits: Limits = LIMITS) -> None:
        self.refreshing.renew({APEX: Sources(primaries)}, limits)

    @property
    def error(self) -> str | None:
        return self.refreshing.status()[0].error


@asynccontextmanager
async def watched(folder: Path, shelf: Shelf | None = None) -> AsyncIterator[Watched]:
    made = Watched(shelf or Shelf(), folder)
    try:
        yield made
    finally:
        await made.refreshing.close()


def asynchronous(test: Callable[[Path], Coroutine[Any, Any, None]]) -> Callable[[Path], None]:
    def run(tmp_path: Path) -> None:
        asyncio.run(test(tmp_path))

    run.__name__ = test.__name__
    return run


@asynchronous
async def test_a_zone_is_received_and_follows_what_a_notify_says(tmp_path: Path) -> None:
    async with FakePrimary([FIRST]) as primary, watched(tmp_path) as it:
        it.follow(primary.primary())
        await until(lambda: it.shelf.log == ["whole 1"])
        assert it.shelf.content[APEX] == content(FIRST)
        primary.versions.append(SECOND)
        assert it.refreshing.notified(APEX, "127.0.0.1", None, 2) is Notified.TAKEN
        await until(lambda: it.told == [Change.NEW, Change.NEW])
        assert it.shelf.log == ["whole 1", "steps 1 to 2"]
        assert it.shelf.content[APEX] == content(SECOND)
        (progress,) = it.refreshing.status()
        assert (progress.standing, progress.now) == ("current", "waiting")
        assert progress.kept is not None
        assert progress.kept.serial == 2
        assert progress.primary == f"127.0.0.1:{primary.port}"
        assert progress.error is None
        assert 800 < progress.due - time.time() < 1001
        # What is known already needs no question.
        asked = list(primary.asked)
        assert it.refreshing.notified(APEX, "127.0.0.1", None, 2) is Notified.TAKEN
        await asyncio.sleep(0)
        assert primary.asked == asked


@asynchronous
async def test_after_a_restart_nothing_is_transferred(tmp_path: Path) -> None:
    shelf = Shelf()
    async with FakePrimary([FIRST]) as primary:
        async with watched(tmp_path, shelf) as it:
            it.follow(primary.primary())
            await until(lambda: it.told)
        async with watched(tmp_path, shelf) as again:
            again.follow(primary.primary())
            await until(lambda: len(shelf.log) > 1)
            assert shelf.log == ["whole 1", "current"]
            assert again.told == []
        assert primary.asked == ["SOA udp", "AXFR tcp", "SOA udp"]


@asynchronous
async def test_a_zone_expires_and_is_taken_up_again_without_a_transfer(tmp_path: Path) -> None:
    version = replace(FIRST, timers="1 1 1 0")
    async with FakePrimary([version]) as primary, watched(tmp_path) as it:
        it.follow(primary.primary())
        await until(lambda: it.told)
        primary.refuses["SOA udp"] = dns.rcode.SERVFAIL
        await until(lambda: it.told == [Change.NEW, Change.EXPIRED])
        assert it.refreshing.is_expired(APEX)
        assert it.error is not None
        assert it.error.endswith("it answers SERVFAIL")
        del primary.refuses["SOA udp"]
        await until(lambda: it.told[2:3] == [Change.REVIVED])
        assert it.shelf.log[0] == "whole 1"
        assert set(it.shelf.log[1:]) == {"current"}


@asynchronous
async def test_what_expired_while_nobody_followed_it_is_told_at_the_start(tmp_path: Path) -> None:
    shelf = Shelf()
    async with watched(tmp_path, shelf) as it, FakePrimary([FIRST]) as primary:
        it.follow(primary.primary())
        await until(lambda: it.told)
    shelf.times[APEX] = (0, time.time() - 1)
    async with FakePrimary([FIRST]) as primary, watched(tmp_path, shelf) as again:
        primary.mishaps["SOA udp"] = primary.mishaps["SOA tcp"] = lambda packets: None
        again.follow(primary.primary())
        assert again.refreshing.is_expired(APEX)
        await until(lambda: again.told == [Change.EXPIRED])


@asynchronous
async def test_an_expired_zone_may_go_back_and_another_may_not(tmp_path: Path) -> None:
    shelf = Shelf()
    async with FakePrimary([replace(SECOND, serial=5)]) as primary, watched(tmp_path, shelf) as it:
        it.follow(primary.primary())
        await until(lambda: it.told)
        primary.versions = [FIRST]
        it.refreshing.refresh(APEX)
        await until(lambda: it.refreshing.status()[0].standing == "retrying")
        assert shelf.log == ["whole 5"]
        # By force it may, too.
        assert it.refreshing.refresh(APEX, whole=True)
        await until(lambda: shelf.log == ["whole 5", "whole 1"])
        primary.versions = [replace(SECOND, serial=5)]
        it.refreshing.refresh(APEX)
        await until(lambda: shelf.log[2:] == ["whole 5"])
    shelf.times[APEX] = (0, time.time() - 1)
    async with FakePrimary([FIRST]) as primary, watched(tmp_path, shelf) as it:
        it.follow(primary.primary())
        await until(lambda: shelf.log[3:] == ["whole 1"])


class Picky(Shelf):
    """Takes no steps."""

    async def apply(self, apex: bytes, steps: Steps, checked: float, expires: float) -> None:
        raise DoesNotFitError("what is removed was not there")


@asynchronous
async def test_steps_that_do_not_fit_are_replaced_by_the_whole_zone(tmp_path: Path) -> None:
    async with FakePrimary([FIRST]) as primary, watched(tmp_path, Picky()) as it:
        it.follow(primary.primary())
        await until(lambda: it.told)
        primary.versions.append(SECOND)
        it.refreshing.notified(APEX, "127.0.0.1", None)
        await until(lambda: it.shelf.log == ["whole 1", "whole 2"])
        assert primary.asked[-3:] == ["SOA udp", "IXFR tcp", "AXFR tcp"]


@asynchronous
async def test_what_cannot_be_kept_is_tried_again(tmp_path: Path) -> None:
    async with FakePrimary([FIRST]) as primary, watched(tmp_path) as it:
        it.shelf.full = True
        it.follow(primary.primary())
        await until(lambda: it.error)
        assert it.error == f"127.0.0.1:{primary.port}: there is no room"
        it.shelf.full = False
        await until(lambda: it.told == [Change.NEW])
        await until(lambda: it.error is None)


class Broken(Shelf):
    """Has a fault of its own, once."""

    async def replace(self, apex: bytes, whole: Whole, checked: float, expires: float) -> None:
        self.log.append("")
        if len(self.log) == 1:
            raise RuntimeError("a fault")
        await super().replace(apex, whole, checked, expires)


@asynchronous
async def test_a_fault_of_our_own_does_not_stop_the_checks(tmp_path: Path) -> None:
    async with FakePrimary([FIRST]) as primary, watched(tmp_path, Broken()) as it:
        it.follow(primary.primary())
        await until(lambda: it.told == [Change.NEW])


@asynchronous
async def test_the_newest_of_several_primaries_counts_and_a_silent_one_holds_up_nothing(
    tmp_path: Path,
) -> None:
    async with (
        FakePrimary([FIRST]) as old,
        FakePrimary([FIRST, SECOND]) as new,
        FakePrimary([SECOND]) as failing,
        FakePrimary([SECOND]) as silent,
        watched(tmp_path) as it,
    ):
        silent.mishaps["SOA udp"] = silent.mishaps["SOA tcp"] = lambda packets: None
        failing.refuses["AXFR tcp"] = dns.rcode.REFUSED
        it.follow(*(each.primary() for each in (old, silent, failing, new)))
        await until(lambda: it.told == [Change.NEW])
        assert it.shelf.log == ["whole 2"]
        assert "AXFR tcp" in failing.asked
        assert old.asked == ["SOA udp"]
        assert it.refreshing.status()[0].primary == f"127.0.0.1:{new.port}"


@asynchronous
async def test_zones_come_and_go_and_change_their_primaries(tmp_path: Path) -> None:
    async with (
        FakePrimary([FIRST], KEY) as one,
        FakePrimary([FIRST, SECOND]) as other,
        watched(tmp_path) as it,
    ):
        it.follow(one.primary())
        await until(lambda: it.told)
        it.follow(one.primary())
        assert it.refreshing.status()[0].primary is not None  # it goes on as it was
        it.follow(other.primary())
        await until(lambda: it.shelf.log[-1] == "steps 1 to 2")
        it.refreshing.renew({}, LIMITS)
        assert it.refreshing.status() == ()
        assert it.refreshing.notified(APEX, "127.0.0.1", None) is Notified.NOT_OURS
        assert not it.refreshing.refresh(APEX)


@asynchronous
async def test_bounds_that_are_changed_count_from_the_next_check_on(tmp_path: Path) -> None:
    wide = replace(LIMITS, bounds=replace(SOON, refresh=(2000, 3000)))
    async with FakePrimary([FIRST]) as primary, watched(tmp_path) as it:
        it.follow(primary.primary())
        await until(lambda: it.told)
        it.follow(primary.primary(), limits=wide)
        it.refreshing.refresh(APEX)
        await until(lambda: it.refreshing.status()[0].due > time.time() + 1500)


@asynchronous
async def test_a_zone_without_a_primary_says_so(tmp_path: Path) -> None:
    async with watched(tmp_path) as it:
        it.follow()
        await until(lambda: it.error == "it has no primary that can be asked")
        assert it.refreshing.status()[0].due > time.time() - 1


class Slow(Shelf):
    """Keeps when it is told to; ``most`` is how many it kept at once."""

    def __init__(self) -> None:
        super().__init__()
        self.go = asyncio.Event()
        self.keeping = self.most = 0

    async def replace(self, apex: bytes, whole: Whole, checked: float, expires: float) -> None:
        self.keeping += 1
        self.most = max(self.most, self.keeping)
        await self.go.wait()
        await super().replace(apex, whole, checked, expires)
        self.keeping -= 1


@asynchronous
async def test_what_is_being_kept_is_kept_to_the_end_before_the_zone_is_taken_up_again(
    tmp_path: Path,
) -> None:
    shelf = Slow()
    async with FakePrimary([FIRST]) as primary, watched(tmp_path, shelf) as it:
        it.follow(primary.primary())
        await until(lambda: shelf.keeping)
        it.refreshing.renew({}, LIMITS)
        it.follow(primary.primary())
        it.refreshing.refresh(APEX)
        await asyncio.sleep(0.05)
        assert primary.asked == ["SOA udp", "AXFR tcp"]
        shelf.go.set()
        await until(lambda: shelf.log == ["whole 1", "current"])
        assert shelf.most == 1


@asynchronous
async def test_so_many_transfers_are_made_at_once_and_no_more(tmp_path: Path) -> None:
    shelf = Slow()
    limits = replace(LIMITS, transfers=3, per_primary=2)
    apexes = [bytes((1, 97 + n)) + APEX for n in range(8)]
    refreshing = Refreshing(shelf, lambda apex, change: None, folder=tmp_path)
    async with FakePrimary([FIRST]) as one, FakePrimary([FIRST], host="127.0.0.2") as two:
        refreshing.renew(
            {apex: Sources(((one if n < 6 else two).primary(),)) for n, apex in enumerate(apexes)},
            limits,
        )
        await until(lambda: shelf.keeping == 3)
        shelf.go.set()
        await until(lambda: len(shelf.content) == 8)
        assert shelf.most == 3
        await refreshing.close()


@pytest.mark.parametrize(
    ("host", "key", "answer"),
    [
        ("192.0.2.1", None, Notified.TAKEN),
        ("::ffff:192.0.2.1", None, Notified.TAKEN),
        ("192.0.2.9", None, Notified.REFUSED),
        ("192.0.2.9", "k.test.", Notified.TAKEN),
        ("192.0.2.9", "other.test.", Notified.REFUSED),
        ("2001:db8::1", None, Notified.TAKEN),
        ("fe80::1%eth0", None, Notified.REFUSED),
        ("198.51.100.7", None, Notified.TAKEN),
        ("203.0.113.1", "n.test.", Notified.TAKEN),
    ],
)
def test_a_notify_is_taken_from_primaries_by_address_or_key_and_from_notifiers(
    tmp_path: Path, host: str, key: str | None, answer: Notified
) -> None:
    sources = Sources(
        (Primary("192.0.2.1", 1, KEY), Primary("2001:db8::1", 1)),
        (Peer(network="198.51.100.0/24"), Peer(key="n.test.")),
    )

    async def go() -> Notified:
        async with watched(tmp_path) as it:
            it.refreshing.renew({APEX: sources}, LIMITS)
            return it.refreshing.notified(APEX, host, key)

    assert asyncio.run(go()) is answer
