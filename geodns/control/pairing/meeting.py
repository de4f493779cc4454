"""How the two servers of a pair find each other, and what each then does: lead, follow, or wait."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from pathlib import Path
from typing import Any, Protocol

from geodns.config.pair import Pair
from geodns.control.pairing.copies import Copies
from geodns.control.pairing.doorway import Doorway
from geodns.control.pairing.following import Following, Node
from geodns.control.pairing.kept import PairStore, Position
from geodns.control.pairing.leading import Had, Leading, Orders
from geodns.control.pairing.link import Identity, Link, call, caller_context
from geodns.control.pairing.shared import Generation
from geodns.control.state import StateError
from geodns.replication.pair.frames import PeerError
from geodns.replication.pair.standing import (
    Epoch,
    Standing,
    StandingError,
    follows,
    met,
    read_standing,
)

logger = logging.getLogger(__name__)

_FIRST_PAUSE = 0.1  # seconds until another try; then twice as long, and so on
_LONGEST_PAUSE = 2.0
_HAND_OVER = 540.0  # seconds for a standby to take all that is left: a compile may take minutes


class Subject(Node, Protocol):
    """What this server is in the pair."""

    standing: Standing
    state: Path
    store: PairStore
    copies: Copies

    @property
    def generation(self) -> Generation | None:
        """What is in use, for the standby."""

    def meet(self, other: Standing) -> None:
        """What follows from the other's standing. Raises StateError."""

    def asked(self) -> None:
        """The other was asked, or can't be."""

    def orders(self) -> Orders:
        """The drains and forces that stand."""

    async def shared(self) -> None:
        """Until all that was on its way into use is ready for the standby."""

    async def settle(self) -> None:
        """Before anything is taken from the other: keep what is only here."""

    def heard(self, number: int, orders: int, generation: int) -> None:
        """How far the standby is."""


class Meeting:
    """Both listen, and each calls where it does not know of the other. In the event loop."""

    def __init__(self, settings: Pair, who: Identity, history: str, subject: Subject) -> None:
        self.leading: Leading | None = None
        self.following: Following | None = None
        self.last_heard: float | None = None  # seconds since 1970
        self.trouble: str | None = None
        self._settings = settings
        self._who = who
        self._history = history
        self._subject = subject
        self._doorway: Doorway | None = None
        self._talking: asyncio.Task[Any] | None = None
        self._handing_over: asyncio.Task[None] | None = None
        self._may_call = asyncio.Event()
        self._may_call.set()

    def open(self) -> None:
        """Listen. Raises GeodnsError."""
        self._doorway = Doorway(self._settings, self._who, self._talk_as_called)

    @property
    def address(self) -> str:
        """Where it listens."""
        assert self._doorway is not None
        return str(self._doorway.address)

    async def run(self) -> None:
        """Until cancelled."""
        assert self._doorway is not None
        async with asyncio.TaskGroup() as parts:
            parts.create_task(self._doorway.run())
            parts.create_task(self._call())

    async def close(self) -> None:
        """Talk to nobody any more."""
        await self.hang_up()
        if self._handing_over is not None:
            self._handing_over.cancel()
        if self._doorway is not None:
            await self._doorway.close()

    def wake(self) -> None:
        """There is something new for the standby."""
        if self.leading is not None:
            self.leading.wake()

    async def hang_up(self) -> None:
        """Follow nobody any more, until ``resume``."""
        self._may_call.clear()
        if self._talking is not None:
            self._talking.cancel()
            await asyncio.gather(self._talking, return_exceptions=True)

    def resume(self) -> None:
        """Look for the other again."""
        self._may_call.set()

    # --- calling --------------------------------------------------------------------------------

    async def _call(self) -> None:
        pause = _FIRST_PAUSE
        while True:
            await self._may_call.wait()
            if self.leading is None:
                begun = time.monotonic()
                self._talking = asyncio.create_task(self._call_once())
                await asyncio.wait({self._talking})
                if not self._talking.cancelled():
                    self._talking.result()
                self._subject.asked()
                if time.monotonic() - begun > _LONGEST_PAUSE:
                    pause = _FIRST_PAUSE  # it held for a while
            # Both may try at the same time; not in step.
            await asyncio.sleep(pause * random.uniform(0.8, 1.2))
            pause = min(2 * pause, _LONGEST_PAUSE)

    async def _call_once(self) -> None:
        host, port = self._settings.other.address
        silence = self._settings.silence
        try:
            link = await call(host, port, caller_context(), self._who, silence)
            try:
                await self._talk_as_caller(link)
            finally:
                link.close()
        except (OSError, PeerError, StandingError, StateError) as error:
            self._lost(str(error) or type(error).__name__)

    async def _talk_as_caller(self, link: Link) -> None:
        subject = self._subject
        mine = subject.standing
        await link.send({"type": "standing", **mine.as_dict()})
        theirs = read_standing(await link.expect("standing"))
        self._met(theirs)
        if not follows(met(mine, theirs), met(theirs, mine)):
            self.trouble = None
            return
        await subject.settle()
        position = subject.store.position()
        await link.send({"type": "follow", "position": position})
        self.following = Following(
            link,
            subject.store,
            subject.copies,
            subject,
            self._settings.geoip == "follow",
            time.monotonic,
        )
        self._connected("follows the primary", self._settings.other.name)
        try:
            await self.following.run()
        finally:
            self.last_heard = time.time() - (time.monotonic() - self.following.last_word)
            self.following = None

    # --- being called ---------------------------------------------------------------------------

    async def _talk_as_called(self, link: Link) -> None:
        try:
            await self._answer(link)
        except (OSError, PeerError, StandingError, StateError) as error:
            self._lost(str(error) or type(error).__name__)

    async def _answer(self, link: Link) -> None:
        mine = self._subject.standing
        theirs = read_standing(await link.expect("standing"))
        await link.send({"type": "standing", **mine.as_dict()})
        self._met(theirs)
        self._subject.asked()
        if not follows(met(theirs, mine), met(mine, theirs)):
            return
        message = await link.expect("follow")
        subject = self._subject
        leading = Leading(
            link,
            subject.store,
            subject.state,
            subject.orders,
            lambda: subject.generation,
            self._heard,
            self._step_down,
            time.monotonic,
        )
        # One that comes again was restarted: its former connection is dead.
        self.leading = leading
        self._connected("a standby follows", self._settings.other.name)
        try:
            await leading.serve(self._history, mine.epoch, _read_position(message))
        finally:
            if self.leading is leading:
                self.leading = None

    def _heard(self, had: Had) -> None:
        self.last_heard = time.time()
        self._subject.heard(had.number, had.orders, had.in_use)

    def _step_down(self, epoch: Epoch) -> None:
        if epoch.node != self._settings.other.name:
            raise PeerError(f"it can't be promoted as {epoch.node!r:.80}")
        self._subject.meet(Standing(epoch, "primary"))
        self._handing_over = asyncio.create_task(self._hand_over())

    async def _hand_over(self) -> None:
        leading = self.leading
        if leading is None:
            return
        try:
            async with asyncio.timeout(_HAND_OVER):
                await self._subject.shared()
                await leading.until_it_has_all()
            await leading.hand_over()
        except OSError as error:
            logger.warning("the hand-over broke off", extra={"reason": str(error)})
        await self._subject.settle()

    # --- telling --------------------------------------------------------------------------------

    def _met(self, theirs: Standing) -> None:
        self.last_heard = time.time()
        self._subject.meet(theirs)

    def _connected(self, what: str, name: str) -> None:
        self.trouble = None
        logger.info(what, extra={"other": name, "epoch": self._subject.standing.epoch.number})

    def _lost(self, reason: str) -> None:
        if self.trouble is None:
            name = self._settings.other.name
            logger.warning(
                "no connection to the pair's other server", extra={"other": name, "reason": reason}
            )
        self.trouble = reason


def _read_position(message: dict[str, Any]) -> Position | None:
    match message.get("position"):
        case None:
            return None
        case [str(history), [int(epoch), str(node)], int(number), bool(copying)]:
            return Position(history, Epoch(epoch, node), number, copying)
    raise PeerError("the standby's position is none")
