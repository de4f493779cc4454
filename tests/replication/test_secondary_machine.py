"""The timers of zones that are copied, through random histories in made-up time."""

from __future__ import annotations

import math
import os
import random
from pathlib import Path

import pytest

from geodns.replication.inbound import Bounds
from geodns.replication.secondary.machine import GAP, Answer, Copy, Machine
from geodns.replication.secondary.turns import (
    STANDINGS,
    TURNS,
    Doing,
    Event,
    Finding,
    Standing,
    diagrams,
)
from geodns.zone.serial import newer

BOUNDS = Bounds(refresh=(40, 1500), retry=(20, 800), first=(5, 640))
COPY = Copy(serial=7, refresh=100, retry=30, expire=1000)
_HISTORIES = int(os.environ.get("GEODNS_HISTORIES", "1000"))
_EVENTS = 15


def _current(now: float = 0, copy: Copy = COPY) -> Machine:
    return Machine.start(BOUNDS, now, now, copy, now + copy.expire)


def _asking(machine: Machine, now: float = 0) -> Machine:
    return machine.begun(now)


def test_a_zone_that_was_never_had_is_asked_for_at_once_and_then_less_and_less_often() -> None:
    machine, now, waits = Machine.start(BOUNDS, 0, 0, None, math.inf), 0.0, []
    for _ in range(10):
        now = machine.due
        machine = machine.begun(now).answered(now, (), 0)
        waits.append(machine.due - now)
    assert machine.standing is Standing.NEVER_HAD
    assert waits == [5, 10, 20, 40, 80, 160, 320, 640, 640, 640]


def test_the_newest_primary_is_copied_from_first_and_the_next_where_it_fails() -> None:
    answers = [Answer(0, 8), Answer(1, 10), Answer(2, 7), Answer(3, 10), Answer(4, 3)]
    machine = _asking(_current()).answered(1, answers, 0)
    assert machine.doing is Doing.TRANSFERRING
    assert [target.primary for target in machine.targets] == [1, 3, 0]
    machine = machine.broken(2, 0)
    assert [target.primary for target in machine.targets] == [3, 0]
    machine = machine.broken(3, 0)
    received = machine.received(4, COPY._replace(serial=8), 0)
    assert (received.standing, received.doing) == (Standing.CURRENT, Doing.WAITING)
    # Somebody has 10, so it is not a refresh but a retry until the next check.
    assert received.due == 4 + 30
    failed = machine.broken(5, 0)
    assert (failed.standing, failed.doing, failed.due) == (Standing.RETRYING, Doing.WAITING, 35)
    # One had the serial of the copy.
    assert failed.expires == 1 + 1000


@pytest.mark.parametrize("answers", [(), (Answer(0, 6),), (Answer(0, 7 - 2**30),)])
def test_no_answer_and_older_serials_confirm_nothing(answers: tuple[Answer, ...]) -> None:
    machine = _asking(_current(), 50).answered(50, answers, 0)
    assert (machine.standing, machine.due, machine.expires) == (Standing.RETRYING, 80, 1000)


def test_a_zone_that_has_expired_takes_what_there_is_and_is_confirmed_by_what_it_has() -> None:
    expired = _asking(_current().lapsed(), 2000)
    assert expired.standing is Standing.EXPIRED
    older = expired.answered(2000, [Answer(0, 5)], 0)
    assert [target.serial for target in older.targets] == [5]
    confirmed = expired.answered(2000, [Answer(0, 5), Answer(1, 7)], 0)
    assert (confirmed.standing, confirmed.expires) == (Standing.CURRENT, 3000)
    assert confirmed.doing is Doing.WAITING


def test_a_copy_of_a_copy_holds_no_longer_than_that_one() -> None:
    asking = _asking(_current(), 100)
    assert asking.answered(100, [Answer(0, 7, expire=950)], 0).expires == 1050
    # What was known before is not taken back by somebody who knows less.
    assert asking.answered(100, [Answer(0, 7, expire=10)], 0).expires == 1000
    received = asking.answered(100, [Answer(0, 8, expire=10)], 0).received(101, COPY, 0)
    assert received.expires == 111


def test_a_zone_is_checked_before_it_expires_however_long_its_refresh_is() -> None:
    long = Copy(serial=1, refresh=3000, retry=3000, expire=400)
    machine = _asking(_current(0, long)).answered(0, [Answer(0, 1)], 0)
    dues = []
    while machine.due < machine.expires:
        dues.append(machine.due)
        machine = machine.begun(machine.due).answered(machine.due, (), 0)
    assert dues == [200, 300, 350, 375, 395]


def test_a_notify_brings_the_check_forward_and_during_one_leads_to_one_more() -> None:
    waiting = _asking(_current()).answered(1, [Answer(0, 7)], 0)
    assert waiting.due == 101
    assert waiting.notified(50).due == 50
    assert waiting.notified(0.5).due == GAP
    assert waiting.notified(50, serial=7).due == 101  # it is the serial of the copy
    assert waiting.notified(50, serial=8).due == 50
    transferring = _asking(waiting, 50).answered(50, [Answer(0, 8)], 0)
    for _ in range(100):
        transferring = transferring.notified(51, serial=8).notified(51, serial=9)
    received = transferring.received(60, COPY._replace(serial=8), 0)
    assert received.due == 60
    assert _asking(received, 60).answered(61, [Answer(0, 8)], 0).due == 161
    # Where what was heard of is what was received, there is nothing more to do.
    assert transferring.received(60, COPY._replace(serial=9), 0).due == 160
    assert transferring.notified(52).received(60, COPY._replace(serial=9), 0).due == 60


def test_a_copy_can_be_forced_whatever_the_serials_once() -> None:
    machine = _current().refreshed(10, whole=True)
    assert machine.due == 0
    machine = _asking(machine, 10).answered(10, [Answer(0, 7), Answer(1, 3)], 0)
    assert [target.serial for target in machine.targets] == [7, 3]
    # Another one that is wanted meanwhile is not lost.
    machine = machine.refreshed(11, whole=True).received(12, COPY, 0)
    assert machine.due == 12
    machine = _asking(machine, 12).answered(12, [Answer(0, 3)], 0)
    assert machine.doing is Doing.TRANSFERRING
    machine = machine.broken(12, 0)
    assert _asking(machine, 50).answered(50, [Answer(0, 7)], 0).doing is Doing.WAITING


def test_the_tables_have_no_state_that_cannot_be_left_or_reached() -> None:
    for before in Doing:
        assert {after for (state, _), after in TURNS.items() if state is before} != {before}
    assert set(TURNS.values()) == set(Doing)
    assert set(STANDINGS.values()) | {Standing.NEVER_HAD} == set(Standing)
    assert {event for _, event in TURNS} == set(Event)
    assert {finding for _, finding in STANDINGS} == set(Finding)


def test_the_diagrams_of_the_documentation_are_those_of_the_tables() -> None:
    page = Path(__file__).resolve().parents[2] / "docs" / "following.md"
    for diagram in diagrams():
        assert f"```mermaid\n{diagram}```" in page.read_text(encoding="utf-8")


class History:
    """A machine and its primaries; what must hold is kept track of beside it, in its own way."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        count = self.chance.randrange(1, 4)
        self.serials = [self.chance.choice((1, 2**31, 2**32 - 2))] * count
        self.up = [True] * count
        self.breaks = 0.0
        self.now = 0.0
        self.until = math.inf
        self.begun: list[float] = []
        self.urged = False
        self.held: int | None = None
        self.machine = Machine.start(BOUNDS, 0, 0, None, math.inf)

    def advance(self, until: float) -> None:
        """Time goes by: what is due is done, what takes time takes it."""
        while True:
            machine = self.machine
            moment = min(machine.expires, machine.due)
            if moment > until:
                self.now = max(self.now, until)
                return
            self.now = max(self.now, moment)
            if machine.expires <= machine.due:
                self.lapse()
            else:
                self.check()

    def lapse(self) -> None:
        self.machine = self.machine.lapsed()
        self.judge()

    def pass_time(self, seconds: float) -> None:
        """While something is under way, the copy may expire, and NOTIFY messages come."""
        end = self.now + seconds
        if self.chance.random() < 0.3:
            self.now = self.chance.uniform(self.now, end)
            if self.machine.expires <= self.now:
                self.lapse()
            self.notify()
        self.now = end
        if self.machine.expires <= self.now:
            self.lapse()

    def check(self) -> None:
        if self.begun:
            least = GAP if self.urged else 0.9 * min(BOUNDS.refresh[0], BOUNDS.retry[0], 5)
            assert self.now - self.begun[-1] >= least - 1e-9
        self.begun.append(self.now)
        self.urged = False
        self.machine = self.machine.begun(self.now)
        answers = [
            Answer(n, serial, self.chance.choice((math.inf, math.inf, 500)))
            for n, serial in enumerate(self.serials)
            if self.up[n]
        ]
        self.pass_time(self.chance.choice((0.01, 1, 8)))
        if any(answer.serial == self.held for answer in answers) and not self.machine.forcing:
            best = max(answer.expire for answer in answers if answer.serial == self.held)
            assert self.machine.copy is not None
            until = self.now + min(best, self.machine.copy.expire)
            self.until = max(self.until, until) if self.until > self.now else until
        self.machine = self.machine.answered(self.now, answers, self.chance.random())
        self.judge()
        while self.machine.doing is Doing.TRANSFERRING:
            self.transfer()
        self.judge()

    def transfer(self) -> None:
        target = self.machine.targets[0]
        free = self.held is None or self.machine.forcing
        assert free or self.is_expired or newer(target.serial, self.held or 0)
        self.pass_time(self.chance.choice((0.1, 5, 300)))
        if self.chance.random() < self.breaks:
            self.machine = self.machine.broken(self.now, self.chance.random())
            return
        timers = (self.chance.choice((1, 90, 5000)), self.chance.choice((1, 60, 5000)))
        copy = Copy(target.serial, *timers, self.chance.choice((300, 900, 5000)))
        self.held = copy.serial
        self.until = self.now + min(copy.expire, target.expire)
        self.machine = self.machine.received(self.now, copy, self.chance.random())

    @property
    def is_expired(self) -> bool:
        return self.held is not None and self.until <= self.now

    def notify(self) -> None:
        for _ in range(self.chance.choice((1, 1, 10))):
            serial = self.chance.choice((None, *self.serials))
            self.machine = self.machine.notified(self.now, serial)
        self.urged = True

    def judge(self) -> None:
        machine = self.machine
        assert (machine.standing is Standing.EXPIRED) == self.is_expired
        assert (machine.standing is Standing.NEVER_HAD) == (self.held is None)
        if machine.doing is Doing.WAITING:
            assert self.now <= machine.due <= self.now + BOUNDS.refresh[1]

    def happen(self) -> None:
        """Something random."""
        count = len(self.serials)
        which = self.chance.randrange(count)
        match self.chance.randrange(8):
            case 0 | 1:
                self.serials[which] = (self.serials[which] + self.chance.randrange(1, 4)) % 2**32
            case 2:
                self.serials = [self.serials[which]] * count
            case 3:
                self.serials[which] = (self.serials[which] - self.chance.randrange(1, 4)) % 2**32
            case 4:
                self.up[which] = not self.up[which]
            case 5:
                self.up = [self.chance.random() < 0.2] * count
            case 6:
                self.breaks = self.chance.choice((0.0, 0.5, 1.0))
            case _:
                self.notify()
        if self.chance.random() < 0.02:
            self.machine = self.machine.refreshed(self.now, whole=True)
            self.urged = True

    def heal(self) -> None:
        """All primaries are well and agree on a serial that is newer than any."""
        self.up = [True] * len(self.up)
        self.breaks = 0.0
        base = self.serials[0] if self.held is None else self.held
        self.serials = [(base + 10) % 2**32] * len(self.serials)


def test_through_random_histories_a_copy_is_kept_just_as_long_as_it_may_be() -> None:
    expired = 0
    for seed in range(_HISTORIES):
        history = History(seed)
        for _ in range(_EVENTS):
            history.happen()
            history.advance(history.now + history.chance.choice((0.1, 3, 60, 300)))
            history.judge()
            expired += history.is_expired
        assert len(history.begun) <= history.now / GAP + 1
        history.heal()
        # Never idle for ever: after the longest wait that there may be it has what there is.
        history.advance(history.now + BOUNDS.refresh[1] + 400)
        assert history.held == history.serials[0]
        history.up = [False] * len(history.up)
        history.advance(history.until + 10)
        assert history.machine.standing is Standing.EXPIRED
    assert expired > _HISTORIES  # the histories are rough enough to say something


def test_a_clock_of_waits_is_shortened_by_chance_by_no_more_than_a_tenth() -> None:
    asking = _asking(_current(), 0)
    dues = [asking.answered(0, [Answer(0, 7)], chance / 10).due for chance in range(10)]
    assert dues[0] == 100
    assert 90 < dues[-1] < 92
    assert dues == sorted(dues, reverse=True)
    assert asking._replace(failures=3).answered(0, [Answer(0, 7)], 0).failures == 0
