"""One zone that is copied: its machine, the timer of what is due, and the check under way."""

from __future__ import annotations

import asyncio
import logging
import math

from geodns.health.clock import Timer
from geodns.replication.inbound import Change, Kept, Progress, Sources
from geodns.replication.secondary.checking import Checking, text
from geodns.replication.secondary.machine import Copy, Machine
from geodns.replication.secondary.means import Means
from geodns.replication.secondary.turns import Doing, Standing
from geodns.zone.serial import newer

logger = logging.getLogger(__name__)

_SPREAD = 2.0  # seconds after a start in which the zones that there are get checked


class Following:
    """``former`` is what was being done about the same zone before, and ends first."""

    def __init__(
        self, apex: bytes, sources: Sources, means: Means, former: asyncio.Task[None] | None
    ) -> None:
        self.apex = apex
        self.sources = sources
        self._means = means
        self._former = former
        self._timer: Timer | None = None
        self._task: asyncio.Task[None] | None = None
        self._stopped = False
        self._primary: str | None = None
        self._error: str | None = None
        self._failed = 0
        self._machine = self._begin()
        if former is not None:
            former.add_done_callback(lambda _: self._begin_anew())

    @property
    def is_expired(self) -> bool:
        """Whether there is a copy that is not to be served."""
        return self._machine.standing is Standing.EXPIRED

    @property
    def _is_idle(self) -> bool:
        waits = self._machine.doing is Doing.WAITING
        return waits and self._task is None and self._former is None

    def notified(self, serial: int | None) -> None:
        """A NOTIFY that is allowed."""
        self._machine = self._machine.notified(self._means.clock.now(), serial)
        self._schedule()

    def refresh(self, *, whole: bool) -> None:
        """Somebody wants a check."""
        self._machine = self._machine.refreshed(self._means.clock.now(), whole=whole)
        self._schedule()

    def stop(self) -> asyncio.Task[None] | None:
        """Nothing more is done; what is being kept is kept to the end, which is the task's."""
        self._stopped = True
        if self._timer is not None:
            self._timer.cancel()
        if self._task is not None:
            self._task.cancel()
        return self._task or self._former

    def progress(self) -> Progress:
        """How it is going."""
        machine, clock = self._machine, self._means.clock
        return Progress(
            self.apex,
            machine.standing,
            machine.doing,
            self._means.keeper.kept(self.apex),
            machine.due - clock.now() + clock.wall(),
            self._primary,
            self._error,
            self._failed,
        )

    def _begin(self) -> Machine:
        means, now = self._means, self._means.clock.now()
        kept = means.keeper.kept(self.apex)
        bounds = means.limits.bounds
        if kept is None:
            machine = Machine.start(bounds, now, now, None, math.inf)
        else:
            # However the clock was set meanwhile, it holds no longer than it would have then.
            left = min(kept.expires - means.clock.wall(), kept.expire)
            due = now + _SPREAD * means.chance()
            machine = Machine.start(bounds, now, due, _copy(kept), now + left)
        self._machine = machine
        if self.is_expired:
            asyncio.get_running_loop().call_soon(self._tell_of_expiry)
        self._schedule()
        return machine

    def _begin_anew(self) -> None:
        self._former = None
        if not self._stopped:
            self._begin()

    def _schedule(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._stopped:
            return
        machine = self._machine
        when = min(machine.expires, machine.due if self._is_idle else math.inf)
        if when < math.inf:
            self._timer = self._means.clock.call_at(when, self._tick)

    def _tick(self) -> None:
        now = self._means.clock.now()
        if self._machine.expires <= now:
            self._machine = self._machine.lapsed()
            self._tell_of_expiry()
        if self._is_idle and self._machine.due <= now:
            self._task = asyncio.get_running_loop().create_task(self._run())
            self._task.add_done_callback(self._checked)
        self._schedule()

    def _checked(self, _: asyncio.Task[None]) -> None:
        self._task = None
        self._schedule()

    async def _run(self) -> None:
        means = self._means
        checking = Checking(self.apex, self.sources.primaries, means)
        try:
            await self._check(checking)
        except Exception as error:  # nothing that others send may stop us from asking again
            logger.exception("a check broke off; please report it", extra=self._fields())
            checking.error = repr(error)
            self._machine = self._machine.given_up(means.clock.now(), means.chance())
        if checking.primary is not None:
            self._primary = str(checking.primary)
        self._error = checking.error
        if self._error is not None:
            self._failed += 1
            self._complain(self._error)

    async def _check(self, checking: Checking) -> None:
        means = self._means
        bounds = means.limits.bounds  # they may have been changed
        self._machine = self._machine._replace(bounds=bounds).begun(means.clock.now())
        answers = await checking.answers(self._machine.copy)
        expired, now = self.is_expired, means.clock.now()
        self._machine = self._machine.answered(now, answers, means.chance())
        if self._machine.confirmed:
            wall = means.clock.wall()
            await checking.confirm(wall, self._machine.expires - now + wall)
            if expired:
                self._tell(Change.REVIVED)
        while self._machine.doing is Doing.TRANSFERRING:
            await self._transfer(checking)

    async def _transfer(self, checking: Checking) -> None:
        means, machine = self._means, self._machine
        target, held = machine.targets[0], None
        if machine.copy is not None and not machine.forcing:
            # What has expired may be replaced by what is older.
            held = machine.copy.serial if newer(target.serial, machine.copy.serial) else None
        kept = await checking.receive(target, held)
        if kept is None:
            self._machine = self._machine.broken(means.clock.now(), means.chance())
        else:
            self._machine = self._machine.received(*kept, means.chance())
            self._tell(Change.NEW)

    def _complain(self, reason: str) -> None:
        held = self._means.sparing.passes(self.apex)
        if held is not None:
            fields = self._fields() | {"reason": reason} | ({"more": held} if held else {})
            logger.warning("a zone could not be checked with every primary", extra=fields)

    def _tell_of_expiry(self) -> None:
        logger.error("a zone has expired: no primary has confirmed it", extra=self._fields())
        self._tell(Change.EXPIRED)

    def _tell(self, change: Change) -> None:
        if not self._stopped:
            self._means.changed(self.apex, change)

    def _fields(self) -> dict[str, object]:
        return {"zone": text(self.apex)}


def _copy(kept: Kept) -> Copy:
    return Copy(kept.serial, kept.refresh, kept.retry, kept.expire)
