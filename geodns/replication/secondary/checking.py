"""The talking and keeping in one check of a zone: primaries are asked, one is copied from."""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Coroutine
from typing import Any

import dns.name

from geodns.replication.inbound import (
    DoesNotFitError,
    NotKeptError,
    Primary,
    Steps,
    Whole,
)
from geodns.replication.secondary.asking import ask
from geodns.replication.secondary.errors import PrimaryError
from geodns.replication.secondary.fetching import Content, Fetching
from geodns.replication.secondary.machine import Answer, Copy
from geodns.replication.secondary.means import Means
from geodns.replication.secondary.spool import Spool
from geodns.replication.secondary.timers import copy_of
from geodns.zone.serial import newer

logger = logging.getLogger(__name__)

_GRACE = 1.0
"""Seconds for other primaries to answer too, once one has something newer, and for that one to be
ready to send it."""


class Checking:
    """``error`` is what went wrong last, and with which primary; ``primary`` who was of use."""

    def __init__(self, apex: bytes, primaries: tuple[Primary, ...], means: Means) -> None:
        self._apex = apex
        self._primaries = primaries
        self._means = means
        self.error: str | None = None
        self.primary: Primary | None = None

    async def answers(self, copy: Copy | None) -> list[Answer]:
        """Of all primaries; where one has what is newer than the copy, of those that are quick."""
        if not self._primaries:
            self.error = "it has no primary that can be asked"
        loop, found = asyncio.get_running_loop(), list[Answer]()
        pending = {
            loop.create_task(self._answer(number, primary))
            for number, primary in enumerate(self._primaries)
        }
        until = math.inf
        try:
            while pending and (left := until - loop.time()) > 0:
                wait = None if left == math.inf else left
                done, pending = await asyncio.wait(
                    pending, timeout=wait, return_when=asyncio.FIRST_COMPLETED
                )
                found += [answer for task in done if (answer := task.result()) is not None]
                if until == math.inf and any(_is_news(answer, copy) for answer in found):
                    until = loop.time() + _GRACE
        finally:
            for task in pending:
                task.cancel()
            await asyncio.gather(*pending, return_exceptions=True)
        for answer in found:
            if copy is not None and answer.serial == copy.serial:
                self.primary = self._primaries[answer.primary]
        return sorted(found)

    async def receive(self, target: Answer, held: int | None) -> tuple[float, Copy] | None:
        """Copy from a primary what is newer than ``held`` (None: whatever it is), and keep it.

        From which moment on the copy holds, and what there is now; None: it failed.
        """
        primary = self._primaries[target.primary]
        means = self._means
        try:
            async with means.transfer(primary):
                with Spool(means.folder) as spool:
                    fetching = Fetching(
                        self._apex, primary, held, means.limits, spool, means.clock.wall
                    )
                    kept = await self._receive(fetching, target)
        except (PrimaryError, NotKeptError) as error:
            self._failed(primary, error)
            return None
        self.primary = primary
        return kept

    async def confirm(self, checked: float, expires: float) -> None:
        """What is kept is current."""
        try:
            await _to_the_end(self._means.keeper.current(self._apex, checked, expires))
        except NotKeptError as error:
            # It is current all the same. After a restart it may count as expired too soon.
            self.error = str(error)

    async def _answer(self, number: int, primary: Primary) -> Answer | None:
        try:
            async with self._means.questions:
                serial, expire = await ask(self._apex, primary, self._means.limits)
        except PrimaryError as error:
            self._failed(primary, error)
            return None
        return Answer(number, serial, math.inf if expire is None else expire)

    async def _receive(self, fetching: Fetching, target: Answer) -> tuple[float, Copy]:
        """Raises PrimaryError or NotKeptError."""
        content = await fetching.either()
        if content is None:
            # While NSD reloads, some of its processes have the new zone and some the old one.
            await asyncio.sleep(_GRACE)
            content = await fetching.either()
        try:
            return await self._keep(content, target)
        except DoesNotFitError as error:
            fields = self._fields(target) | {"reason": str(error)}
            logger.info("a zone is received whole: changes do not fit", extra=fields)
            return await self._keep(await fetching.whole(), target)

    async def _keep(self, content: Content, target: Answer) -> tuple[float, Copy]:
        if content is None:
            raise PrimaryError(f"it has the serial {target.serial}, but does not send it")
        clock, keeper = self._means.clock, self._means.keeper
        now, checked = clock.now(), clock.wall()
        copy = copy_of(content.soa)
        expires = checked + min(copy.expire, target.expire)
        if isinstance(content, Whole):
            await _to_the_end(keeper.replace(self._apex, content, checked, expires))
        else:
            await _to_the_end(keeper.apply(self._apex, content, checked, expires))
        fields = self._fields(target) | {"outcome": _how(content, copy)}
        logger.info("a zone was received", extra=fields)
        return now, copy

    def _failed(self, primary: Primary, error: Exception) -> None:
        self.error = f"{primary}: {error}"

    def _fields(self, target: Answer) -> dict[str, object]:
        return {"zone": text(self._apex), "from": str(self._primaries[target.primary])}


def text(apex: bytes) -> str:
    """The name of a zone, for people."""
    return dns.name.from_wire(apex, 0)[0].to_text()


def _is_news(answer: Answer, copy: Copy | None) -> bool:
    return copy is None or newer(answer.serial, copy.serial)


def _how(content: Whole | Steps, copy: Copy) -> str:
    since = f" from {content.since}" if isinstance(content, Steps) else ", whole"
    return f"serial {copy.serial}{since}"


async def _to_the_end(keeping: Coroutine[Any, Any, None]) -> None:
    """What is being kept is not broken off: the calls of a zone never overlap."""
    task = asyncio.ensure_future(keeping)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait({task})
        if not task.cancelled():
            task.exception()
        raise
