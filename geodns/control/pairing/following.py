"""The standby's side of a connection: keeps what comes, and brings whole generations into use."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, NamedTuple, Protocol

from geodns.config.basis import Basis
from geodns.control.pairing.contents import Contents
from geodns.control.pairing.copies import Copies
from geodns.control.pairing.kept import Candidate, PairStore, Position
from geodns.control.pairing.leading import BEAT
from geodns.control.pairing.link import Link
from geodns.control.pairing.shared import read_states
from geodns.control.reloader import Reload
from geodns.replication.pair.frames import PeerError, read_rows, read_serials
from geodns.replication.pair.manifest import Manifest
from geodns.replication.pair.standing import Epoch

logger = logging.getLogger(__name__)


class Node(Protocol):
    """What a generation comes into use by."""

    @property
    def basis(self) -> Basis:
        """What the configuration in use is made from."""

    @property
    def error(self) -> str | None:
        """Why the last generation is not in use."""

    async def stage(self, candidate: Candidate) -> Reload:
        """Try a generation; it is in use, or refused, when this returns."""

    async def quiet(self) -> None:
        """Until no reload is under way; none begins before the caller waits for something else."""

    def follow_orders(self, orders: list[dict[str, Any]]) -> None:
        """Take these drains and forces in place of those here. Raises PeerError."""


class _Announced(NamedTuple):
    id: int
    files: str
    number: int
    states: list[Any]


class Following:
    """Copies from one primary for as long as the connection holds."""

    def __init__(
        self,
        link: Link,
        store: PairStore,
        copies: Copies,
        node: Node,
        with_databases: bool,
        clock: Callable[[], float],
    ) -> None:
        self.last_word = clock()
        self.primary_number = 0
        self.handed_over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._link = link
        self._store = store
        self._copies = copies
        self._node = node
        self._contents = Contents(copies, with_databases=with_databases)
        self._clock = clock
        self._serials: dict[bytes, int] = {}
        self._announced: _Announced | None = None
        self._orders = 0
        self._generation = 0
        self._last_good = 0
        self._lacking_since: float | None = clock()
        self._stageable = asyncio.Event()
        self._news = asyncio.Event()

    @property
    def _in_use(self) -> int:
        """What was refused may have come into use since, by another reload."""
        return self._generation if self._node.error is None else self._last_good

    @property
    def in_use(self) -> bool:
        """Whether what the primary has in use is in use here, too."""
        return self._announced is not None and self._in_use >= self._announced.id

    def silent(self) -> float:
        """For how long, in seconds, the primary has said nothing."""
        return self._clock() - self.last_word

    def behind(self) -> float:
        """For how long, in seconds, something that the primary told of has not been in use."""
        return 0.0 if self._lacking_since is None else self._clock() - self._lacking_since

    async def run(self) -> None:
        """Until the connection ends. Raises PeerError, OSError or StateError."""
        parts: tuple[Callable[[], Awaitable[None]], ...] = (self._hear, self._tell, self._stage)
        tasks = [asyncio.ensure_future(part()) for part in parts]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self._contents.drop()
            if not self.handed_over.done():
                self.handed_over.set_exception(OSError("the connection was closed"))
            self.handed_over.exception()  # nobody may have asked for it

    async def ask_to_step_down(self, epoch: Epoch) -> None:
        """Have the primary take no writes any more, and send what is left.

        Raises OSError where that fails.
        """
        await self._link.send({"type": "step down", "epoch": list(epoch)})
        await asyncio.shield(self.handed_over)

    # --- telling --------------------------------------------------------------------------------

    async def _tell(self) -> None:
        while True:
            self._news.clear()
            position = self._store.position()
            copied = position is not None and not position.copying
            await self._link.send(
                {
                    "type": "have",
                    "number": position.number if position is not None and copied else 0,
                    "orders": self._orders,
                    "generation": self._generation,
                    "in_use": self._in_use,
                    "error": self._node.error,
                }
            )
            # Not wait_for: of Python 3.11, it may lose the cancellation that ends this.
            with suppress(TimeoutError):
                async with asyncio.timeout(BEAT):
                    await self._news.wait()

    # --- hearing --------------------------------------------------------------------------------

    async def _hear(self) -> None:
        while True:
            message = await self._link.receive()
            self.last_word = self._clock()
            if isinstance(message, bytes):
                self._contents.add(message)
                continue
            await self._take(message)
            self._look_back()

    def _look_back(self) -> None:
        position = self._store.position()
        copied = position is not None and not position.copying
        has_all = copied and position is not None and position.number >= self.primary_number
        if self.in_use and has_all:
            self._lacking_since = None
        elif self._lacking_since is None:
            self._lacking_since = self._clock()

    async def _take(self, message: dict[str, Any]) -> None:
        match message:
            case {"type": "rows", "rows": rows}:
                position = self._store.position()
                if position is None:
                    raise PeerError("record sets came before the beginning of a copy")
                self._store.keep_ahead(read_rows(rows))
                position = self._store.position() or position
                self.primary_number = max(self.primary_number, position.number)
                self._news.set()
            case {"type": "beat", "number": int(number)}:
                self.primary_number = number
            case {"type": "orders", "version": int(version), "orders": list(orders)}:
                self._node.follow_orders(orders)
                self._orders = version
                self._news.set()
            case {
                "type": "copy",
                "history": str(history),
                "epoch": [int(epoch), str(node)],
                "number": int(number),
            }:
                await self._begin_copy(Position(history, Epoch(epoch, node), number))
            case {"type": "copied", "number": int(number)}:
                position = self._store.position()
                if position is None or not position.copying:
                    raise PeerError("a copy ends that has not begun")
                self._store.end_copy(number)
                self._news.set()
            case {"type": "files", "id": str(id)}:
                await self._link.send(await self._contents.expect(id, message, self._node.basis))
            case {"type": "generation"}:
                self._take_generation(message)
            case {"type": "content", "digest": str(digest)}:
                self._contents.begin(digest)
            case {"type": "end of content"}:
                await self._contents.end()
                self._stageable.set()
            case {"type": "gone"}:
                pass  # another list of files is about to come
            case {"type": "stepped down"}:
                if not self.handed_over.done():
                    self.handed_over.set_result(None)
            case _:
                raise PeerError(f"a {message['type']!r:.80} came from the primary")

    async def _begin_copy(self, theirs: Position) -> None:
        mine, epoch = self._store.position(), theirs.epoch
        same = mine is not None and mine.epoch == epoch and not mine.copying
        if (
            same
            and mine is not None
            and (mine.history != theirs.history or mine.number > theirs.number)
        ):
            # To copy would be to lose what is here, too.
            raise PeerError(
                f"{epoch.node} is the primary in epoch {epoch.number} as before, and has lost its"
                " state folder, or has an older one: promote this server, which has what was there"
            )
        await self._node.quiet()
        self._store.begin_copy(theirs.history, epoch)

    def _take_generation(self, message: dict[str, Any]) -> None:
        try:
            numbers = (int(message["id"]), int(message["number"]))
            read_states(message["states"])
            self._serials |= read_serials(message["serials"])
            self._announced = _Announced(
                numbers[0], str(message["files"]), numbers[1], message["states"]
            )
        except (KeyError, TypeError, ValueError) as error:
            raise PeerError(f"a generation is none: {error}") from error
        self._stageable.set()

    # --- bringing into use ----------------------------------------------------------------------

    async def _stage(self) -> None:
        """One generation after the other; of those that come meanwhile, the last."""
        last: tuple[str, Basis] | None = None
        while True:
            await self._stageable.wait()
            self._stageable.clear()
            announced, files = self._announced, self._contents.files
            position = self._store.position()
            ready = (
                announced is not None
                and files is not None
                and announced.id > self._generation
                and announced.files == files[0]
                and not self._contents.missing
                and position is not None
                and not position.copying
                and position.number >= announced.number
            )
            if not ready or announced is None or files is None:
                continue
            if last is None or last[0] != files[0]:
                last = files[0], await self._built(files[1])
            if self._contents.missing or announced is not self._announced:
                self._stageable.set()
                continue
            await self._use(announced, last[1])

    async def _built(self, manifest: Manifest) -> Basis:
        basis = self._node.basis
        if await asyncio.to_thread(self._copies.manifest, basis) == manifest:
            return basis
        begun = time.monotonic()
        made = await asyncio.to_thread(self._copies.build, manifest, basis)
        fields = {"files": len(manifest.entries), "seconds": round(time.monotonic() - begun, 3)}
        logger.info("the primary's files came", extra=fields)
        return made

    async def _use(self, announced: _Announced, basis: Basis) -> None:
        followed = self._store.followed()
        serials = {a.hex(): s for a, s in self._serials.items() if followed.get(a) != s}
        whole = bool(self._store.get("whole"))
        known = self._store.get("generation") or {}
        same = (basis, announced.number) == (self._node.basis, known.get("number"))
        if same and not serials and not whole and announced.states == self._store.get("states"):
            self._generation = self._last_good = announced.id  # as before the connection was lost
            self._news.set()
            return
        candidate = Candidate(
            announced.id, basis, announced.number, whole, serials, announced.states
        )
        result = await self._node.stage(candidate)
        self._generation = announced.id
        if result.ok:
            self._last_good = announced.id
            keep = {basis.folder, self._node.basis.folder}
            await asyncio.to_thread(self._copies.clean, keep)
        self._news.set()
        self._stageable.set()
        self._look_back()
