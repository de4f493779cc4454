"""What is done when about a zone that is copied, and until when it may be served. Pure.

States and events are two tables, in geodns/replication/secondary/turns.py.

All moments are seconds on one clock that never turns back; chances are from 0 up to 1.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from geodns.replication.inbound import Bounds
from geodns.replication.secondary.turns import (
    STANDINGS,
    TURNS,
    Doing,
    Event,
    Finding,
    Standing,
)
from geodns.zone.serial import newer

GAP = 1.0
"""The least seconds from one check to another, however many NOTIFY messages come."""
_JITTER = 0.1  # by so much waits are shorter by chance, so that zones do not all come due at once


class Copy(NamedTuple):
    """The copy that there is: its serial and the timers of its SOA, as they stand in it."""

    serial: int
    refresh: float
    retry: float
    expire: float


class Answer(NamedTuple):
    """A primary's serial. ``expire``: for how many seconds its own copy holds (RFC 7314)."""

    primary: int
    serial: int
    expire: float = math.inf


class Machine(NamedTuple):
    """One zone. ``asked``: when the last check began; ``due``: when the next one is to.

    ``targets``: whom to copy from, best first; ``newest``: the first one's serial in this check.
    ``confirmed``: a primary has confirmed the copy in this check, or in the last one. ``again``: a
    NOTIFY came during this check; ``heard``: its serial, None where it had none. ``forced``: the
    next check copies whatever the serials; ``forcing``: this one does.
    """

    bounds: Bounds
    due: float
    copy: Copy | None = None
    expires: float = math.inf
    standing: Standing = Standing.NEVER_HAD
    doing: Doing = Doing.WAITING
    asked: float = -math.inf
    failures: int = 0
    targets: tuple[Answer, ...] = ()
    newest: int | None = None
    confirmed: bool = False
    again: bool = False
    heard: int | None = None
    forced: bool = False
    forcing: bool = False

    @classmethod
    def start(
        cls, bounds: Bounds, now: float, due: float, copy: Copy | None, expires: float
    ) -> Machine:
        """Of a zone with this copy, which holds until ``expires``; it is checked at ``due``."""
        if copy is None:
            return cls(bounds, due)
        if expires <= now:
            return cls(bounds, due, copy, standing=Standing.EXPIRED)
        return cls(bounds, due, copy, expires, Standing.CURRENT)

    def begun(self, now: float) -> Machine:
        """The wait is over: primaries are to be asked."""
        return self._replace(
            doing=TURNS[self.doing, Event.DUE],
            asked=now,
            targets=(),
            newest=None,
            confirmed=False,
            forced=False,
            forcing=self.forced,
        )

    def notified(self, now: float, serial: int | None = None) -> Machine:
        """A NOTIFY that is allowed; ``serial`` is that of the SOA in it, if any."""
        # RFC 1996 3.7: "A slave receiving such a hint is free to treat equivilence of this answer
        # section with its local data as a "no further work needs to be done" indication."
        if serial is not None and self._has(serial):
            return self
        doing = TURNS[self.doing, Event.NOTIFIED]
        if doing is not Doing.WAITING:
            # RFC 1996 4.4: it "should defer action on any subsequent NOTIFY with the same
            # <QNAME,QCLASS,QTYPE> until it has completed the transaction begun by the first".
            return self._replace(again=True, heard=self._heard(serial))
        # RFC 1996 4.7: "it should enter the state it would if the zone's refresh timer had
        # expired."
        return self._replace(due=min(self.due, max(now, self.asked + GAP)))

    def refreshed(self, now: float, *, whole: bool) -> Machine:
        """Somebody wants a check; ``whole``: and a copy, whatever the serials."""
        return self.notified(now)._replace(forced=self.forced or whole)

    def answered(self, now: float, answers: Sequence[Answer], chance: float) -> Machine:
        """All primaries have answered that are waited for."""
        machine, copy = self, self.copy
        same = [answer for answer in answers if copy is not None and answer.serial == copy.serial]
        if copy is not None and same and not self.forcing:
            until = _holds_until(now, copy, max(answer.expire for answer in same))
            if self.standing in (Standing.CURRENT, Standing.RETRYING):
                until = max(until, self.expires)  # what another has confirmed is not taken back
            machine = self._confirmed(until)
        targets = self._targets(answers, confirmed=bool(same))
        if targets:
            doing = TURNS[self.doing, Event.NEWER]
            return machine._replace(doing=doing, targets=targets, newest=targets[0].serial)
        if machine.confirmed:
            assert copy is not None
            return machine._rested(now, Event.SAME, copy.refresh, self.bounds.refresh, chance)
        return machine._failed(now, Event.NOTHING, chance)

    def received(self, now: float, copy: Copy, chance: float) -> Machine:
        """The first of the targets has sent this, and it is kept."""
        machine = self._replace(copy=copy)
        machine = machine._confirmed(_holds_until(now, copy, self.targets[0].expire))
        if self.newest is not None and newer(self.newest, copy.serial):
            # The primary that has a newer one could not send it.
            wait, bounds = copy.retry, self.bounds.retry
        else:
            wait, bounds = copy.refresh, self.bounds.refresh
        return machine._rested(now, Event.RECEIVED, wait, bounds, chance)

    def broken(self, now: float, chance: float) -> Machine:
        """Nothing could be received from the first of the targets."""
        if len(self.targets) > 1:
            doing = TURNS[self.doing, Event.BROKEN]
            return self._replace(doing=doing, targets=self.targets[1:])
        return self._failed(now, Event.EXHAUSTED, chance)

    def given_up(self, now: float, chance: float) -> Machine:
        """The check broke off, by no fault of a primary."""
        if self.doing is Doing.WAITING:
            return self
        event = Event.NOTHING if self.doing is Doing.ASKING else Event.EXHAUSTED
        return self._failed(now, event, chance)

    def lapsed(self) -> Machine:
        """``expires`` has come."""
        # RFC 1034 4.3.5: "If the secondary finds it impossible to perform a serial check for the
        # EXPIRE interval, it must assume that its copy of the zone is obsolete".
        return self._replace(expires=math.inf, standing=STANDINGS[self.standing, Finding.LAPSED])

    def _has(self, serial: int) -> bool:
        return (
            self.copy is not None
            and serial == self.copy.serial
            and self.standing is not Standing.EXPIRED
        )

    def _heard(self, serial: int | None) -> int | None:
        """The newest of what was heard in this check; None wins, as nothing can be told from it."""
        if not self.again:
            return serial
        if self.heard is None or serial is None:
            return None
        return serial if newer(serial, self.heard) else self.heard

    def _targets(self, answers: Sequence[Answer], confirmed: bool) -> tuple[Answer, ...]:
        if self.copy is None or self.forcing:
            return _best_first(answers)
        held = self.copy.serial
        targets = _best_first(answer for answer in answers if newer(answer.serial, held))
        if self.standing is Standing.EXPIRED and not confirmed:
            # What nobody is served any more can't go back for anybody.
            targets += _best_first(a for a in answers if a not in targets)
        return targets

    def _confirmed(self, expires: float) -> Machine:
        standing = STANDINGS[self.standing, Finding.CONFIRMED]
        return self._replace(confirmed=True, expires=expires, failures=0, standing=standing)

    def _failed(self, now: float, event: Event, chance: float) -> Machine:
        standing = STANDINGS[self.standing, Finding.FAILED]
        machine = self._replace(failures=self.failures + 1, standing=standing)
        if self.copy is None:
            wait, bounds = self.bounds.first[0] * 2.0 ** min(self.failures, 60), self.bounds.first
        else:
            # RFC 1034 4.3.5: "If this check cannot be completed, new checks are started every RETRY
            # seconds."
            wait, bounds = self.copy.retry, self.bounds.retry
        return machine._rested(now, event, wait, bounds, chance)

    def _rested(
        self, now: float, event: Event, wait: float, bounds: tuple[float, float], chance: float
    ) -> Machine:
        """A check is over; the next one is after a wait."""
        least, most = bounds
        wait = min(max(wait, least), most) * (1 - _JITTER * chance)
        # There is a check before it expires, or several.
        due = now + min(wait, max(least, (self.expires - now) / 2))
        again = self.again and not (self.heard is not None and self._has(self.heard))
        if again or self.forced:
            due = min(due, max(now, self.asked + GAP))
        return self._replace(
            doing=TURNS[self.doing, event],
            due=due,
            targets=(),
            again=False,
            heard=None,
            forcing=False,
        )


def _holds_until(now: float, copy: Copy, lifetime: float) -> float:
    """RFC 7314 4: a copy of a copy does not hold for longer than what it was made from."""
    return now + min(copy.expire, lifetime)


def _best_first(answers: Iterable[Answer]) -> tuple[Answer, ...]:
    """The newest serial first; of those with the same, the order of the primaries.

    RFC 1982 3.2: serials have no total order, so each is compared with the best one so far.
    """
    left = list(answers)
    found: list[Answer] = []
    while left:
        best = left[0]
        for answer in left:
            if newer(answer.serial, best.serial):
                best = answer
        left.remove(best)
        found.append(best)
    return tuple(found)
