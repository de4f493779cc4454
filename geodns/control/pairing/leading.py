"""The primary's side of a connection: sends a standby what it lacks, and hears how far it is."""

from __future__ import annotations

import asyncio
import os
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from geodns.control.pairing.kept import PairStore, Position, Whole
from geodns.control.pairing.link import Link
from geodns.control.pairing.shared import Generation
from geodns.replication.pair.frames import PIECE, PeerError, packed_rows, packed_serials
from geodns.replication.pair.standing import Epoch

BEAT = 0.5  # seconds: who has nothing to say says so
_ROWS = 500  # in one message


class Had(NamedTuple):
    """What the standby has on disk, and which generation it has in use. ``error``: why not more."""

    number: int = 0
    orders: int = 0
    generation: int = 0
    in_use: int = 0
    error: str | None = None


class Orders(NamedTuple):
    """The drains and forces that stand, ready for JSON; ``version`` grows with each change."""

    version: int
    all: list[dict[str, Any]]


class Leading:
    """One standby that follows. ``orders`` and ``generation`` give what holds now."""

    def __init__(
        self,
        link: Link,
        store: PairStore,
        state: Path,
        orders: Callable[[], Orders],
        generation: Callable[[], Generation | None],
        heard: Callable[[Had], None],
        step_down: Callable[[Epoch], None],
        clock: Callable[[], float],
    ) -> None:
        self.had = Had()
        self.last_word = clock()
        self._link = link
        self._store = store
        self._state = state
        self._orders = orders
        self._generation = generation
        self._heard = heard
        self._step_down = step_down
        self._clock = clock
        self._wake = asyncio.Event()
        self._moved = asyncio.Condition()
        self._number = 0
        self._told_orders = -1
        self._told_generation = 0
        self._told_manifest = ""
        self._told_serials: dict[bytes, int] = {}
        self._wanted: deque[str] = deque()
        self._since: deque[tuple[Had, float]] = deque()

    def wake(self) -> None:
        """Something has changed."""
        target = self._target()
        if not self._since or self._since[-1][0] != target:
            self._since.append((target, self._clock()))
            self._forget_what_it_has()
        self._wake.set()

    def behind(self) -> float:
        """For how long, in seconds, it has lacked something that was here."""
        self._forget_what_it_has()
        return self._clock() - self._since[0][1] if self._since else 0.0

    async def serve(self, history: str, epoch: Epoch, position: Position | None) -> None:
        """Until the connection ends. Raises PeerError or OSError."""
        self.wake()
        hearing = asyncio.create_task(self._hear())
        telling = asyncio.create_task(self._tell(history, epoch, position))
        try:
            await asyncio.wait({hearing, telling}, return_when=asyncio.FIRST_COMPLETED)
            for task in (hearing, telling):
                if task.done():
                    task.result()
        finally:
            hearing.cancel()
            telling.cancel()
            await asyncio.gather(hearing, telling, return_exceptions=True)

    async def until_it_has(self, number: int) -> None:
        """Until it has a change on its disk."""
        async with self._moved:
            await self._moved.wait_for(lambda: self.had.number >= number)

    async def until_it_has_all(self) -> None:
        """Until it has everything that is here, and has tried to use it."""
        async with self._moved:
            await self._moved.wait_for(self._has_all)

    async def hand_over(self) -> None:
        """Tell it that nothing comes any more."""
        await self._link.send({"type": "stepped down", "number": self._store.newest()})

    # --- hearing --------------------------------------------------------------------------------

    async def _hear(self) -> None:
        while True:
            message = await self._link.receive()
            if isinstance(message, bytes):
                raise PeerError("a piece of a file came from a standby")
            self.last_word = self._clock()
            match message:
                case {"type": "have"}:
                    self.had = _read_had(message)
                    self._heard(self.had)
                    async with self._moved:
                        self._moved.notify_all()
                case {"type": "want", "digests": list(digests)}:
                    self._wanted = deque(map(str, digests))
                    self._wake.set()
                case {"type": "step down", "epoch": [int(number), str(node)]}:
                    self._step_down(Epoch(number, node))
                case _:
                    raise PeerError(f"a {message['type']!r:.80} came from a standby")

    def _target(self) -> Had:
        generation = self._generation()
        id = 0 if generation is None else generation.id
        return Had(self._store.newest(), self._orders().version, id, id)

    def _has_all(self) -> bool:
        return self._has(self._target())

    def _has(self, target: Had) -> bool:
        had = self.had
        kept = had.number >= target.number and had.orders >= target.orders
        tried = had.error is not None and had.generation >= target.generation
        return kept and (tried or had.in_use >= target.in_use)

    def _forget_what_it_has(self) -> None:
        while self._since and self._has(self._since[0][0]):
            self._since.popleft()

    # --- telling --------------------------------------------------------------------------------

    async def _tell(self, history: str, epoch: Epoch, position: Position | None) -> None:
        await self._begin(history, epoch, position)
        while True:
            self._wake.clear()
            told = [
                await self._tell_rows(),
                await self._tell_orders(),
                await self._tell_generation(),
                await self._tell_piece(),
            ]
            if any(told):
                continue
            try:
                # Not wait_for: of Python 3.11, it may lose the cancellation that ends this.
                async with asyncio.timeout(BEAT):
                    await self._wake.wait()
            except TimeoutError:
                await self._link.send({"type": "beat", "number": self._store.newest()})

    async def _begin(self, history: str, epoch: Epoch, position: Position | None) -> None:
        goes_on = (
            position is not None
            and not position.copying
            and (position.history, position.epoch) == (history, epoch)
            and self._store.reaches_from(position.number)
        )
        if goes_on and position is not None:
            self._number = position.number
            return
        whole = await asyncio.to_thread(Whole, self._state)
        copy = {"type": "copy", "history": history, "epoch": list(epoch), "number": whole.number}
        try:
            await self._link.send(copy)
            while rows := await asyncio.to_thread(whole.next, _ROWS):
                await self._link.send({"type": "rows", "rows": packed_rows(rows)})
            await self._link.send({"type": "copied", "number": whole.number})
            self._number = whole.number
        finally:
            whole.close()

    async def _tell_rows(self) -> bool:
        rows = self._store.logged(self._number, _ROWS)
        if not rows:
            return False
        if rows[0].number != self._number + 1:
            raise PeerError("it was too slow, and has to begin anew")
        await self._link.send({"type": "rows", "rows": packed_rows(rows)})
        self._number = rows[-1].number
        return True

    async def _tell_orders(self) -> bool:
        orders = self._orders()
        if orders.version == self._told_orders:
            return False
        message = {"type": "orders", "version": orders.version, "orders": orders.all}
        await self._link.send(message)
        self._told_orders = orders.version
        return True

    async def _tell_generation(self) -> bool:
        generation = self._generation()
        if generation is None or generation.id <= self._told_generation:
            return False
        if generation.number > self._number:
            return False  # its record sets come first
        manifest = generation.manifest
        if manifest.id != self._told_manifest:
            await self._link.send({"type": "files", "id": manifest.id, **manifest.as_dict()})
            self._told_manifest = manifest.id
        told = self._told_serials
        fresh = {a: serial for a, serial in generation.serials.items() if told.get(a) != serial}
        await self._link.send(
            {
                "type": "generation",
                "id": generation.id,
                "files": manifest.id,
                "number": generation.number,
                "serials": packed_serials(fresh),
                "states": generation.states,
            }
        )
        self._told_serials |= fresh
        self._told_generation = generation.id
        return True

    async def _tell_piece(self) -> bool:
        """A whole content: what else there is to tell comes between its pieces."""
        if not self._wanted:
            return False
        digest = self._wanted.popleft()
        generation = self._generation()
        file = None if generation is None else generation.paths.get(digest)
        try:
            stream = None if file is None else await asyncio.to_thread(file.open, "rb")
        except OSError:
            stream = None
        if stream is None:
            await self._link.send({"type": "gone", "digest": digest})
            return True
        try:
            await self._link.send({"type": "content", "digest": digest})
            left = os.fstat(stream.fileno()).st_size  # one that grows has no end
            while left > 0 and (piece := await asyncio.to_thread(stream.read, min(left, PIECE))):
                left -= len(piece)
                await self._link.send(piece)
                await self._tell_rows()
                await self._tell_orders()
            await self._link.send({"type": "end of content", "digest": digest})
        finally:
            stream.close()
        return True


def _read_had(message: dict[str, Any]) -> Had:
    match message:
        case {
            "number": int(number),
            "orders": int(orders),
            "generation": int(generation),
            "in_use": int(in_use),
            "error": error,
        }:
            why = None if error is None else str(error)[:1000]
            return Had(number, orders, generation, in_use, why)
    raise PeerError("a standby has what can't be")
