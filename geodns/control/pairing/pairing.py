"""The pair as control has it: what this server is in it, what that forbids, and how it stands."""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from geodns.answer.service import States
from geodns.config.basis import Basis, first_basis
from geodns.config.pair import Pair, secret_of
from geodns.config.settings import Server
from geodns.control.compiling import Compilation
from geodns.control.outcome import Loaded
from geodns.control.pairing.copies import Copies
from geodns.control.pairing.kept import Candidate, PairStore
from geodns.control.pairing.leading import Orders
from geodns.control.pairing.link import Identity
from geodns.control.pairing.meeting import Meeting
from geodns.control.pairing.shared import Generation, Shared, Sharing, read_states
from geodns.control.pairing.unreplicated import Acknowledged
from geodns.control.reloader import Reload
from geodns.control.store import Event, Store
from geodns.errors import GeodnsError
from geodns.replication.pair.frames import PeerError
from geodns.replication.pair.standing import Standing, at_first, met, read_standing

logger = logging.getLogger(__name__)


class NotPrimaryError(GeodnsError):
    """This server takes no writes; the message says who does."""


class Ordering(Protocol):
    """What holds the orders of people, as ``geodns.control.ordering.Ordering`` does."""

    def shared(self) -> list[dict[str, Any]]:
        """The drains and forces that stand."""

    def follow(self, orders: list[dict[str, Any]], primary: str) -> None:
        """Take these in place of them. Raises GeodnsError."""


class Updating(Protocol):
    """What takes dynamic updates, as ``geodns.control.updating.Updating`` does."""

    def use(self, store: Store) -> None:
        """Go on from what is in a store."""


class Pairing:
    """Inert until ``open``, and where the configuration has no pair. In the event loop.

    ``reload`` brings a change into use, ``log`` writes down what happened.
    """

    def __init__(
        self, reload: Callable[[str], asyncio.Future[Reload]], log: Callable[[Event], None]
    ) -> None:
        self.settings: Pair | None = None
        self.standing: Standing
        self.basis = Basis("own")
        self.error: str | None = None
        self.acknowledged: Acknowledged
        self.state: Path
        self.store: PairStore
        self.copies: Copies
        self.meeting: Meeting | None = None
        self.automatic: tuple[bytes, ...] = ()
        self._reload = reload
        self._log = log
        self._ordering: Ordering | None = None
        self._renewed: Callable[[], None] = lambda: None
        self._idle = asyncio.Event()
        self._idle.set()
        self._asked = False
        self._refused: Candidate | None = None
        self._used: States = {}
        self._loaded: Loaded | None = None
        self._sharing = Sharing(self.written)
        self._orders = Orders(0, [])
        self.path = Path()

    def open(
        self,
        path: Path,
        server: Server,
        store: Store,
        ordering: Ordering,
        updating: Updating,
    ) -> None:
        """Take part in the pair that these settings describe, if they do. Raises GeodnsError."""
        if server.pair is None:
            return
        pair = self.settings = server.pair
        self.path, self.state, self.store = path, server.state, store.pair
        self._ordering = ordering
        self._renewed = lambda: updating.use(store)
        self.copies = Copies(server.state)
        self.standing = self.store.standing() or at_first(pair.name, pair.begins_as)
        kept = self.store.get("basis")
        self.basis = first_basis(pair.begins_as) if kept is None else Basis(**kept)
        history = self.store.get("history") or secrets.token_hex(16)
        self.store.put(
            standing=self.standing.as_dict(),
            basis=self.basis.as_dict(),
            history=history,
            candidate=None,
        )
        self.acknowledged = Acknowledged(self.store, self.state, time.monotonic)
        self.meeting = Meeting(
            pair, Identity(pair.name, pair.other.name, secret_of(pair)), history, self
        )
        self.meeting.open()

    async def run(self) -> None:
        """Meet the other, for ever."""
        if self.meeting is not None:
            await self.meeting.run()

    async def close(self) -> None:
        """Take part no more."""
        if self.meeting is not None:
            await self.meeting.close()
        await self._sharing.close()

    # --- who may write --------------------------------------------------------------------------

    @property
    def leads(self) -> bool:
        """Whether this server is the primary, or alone."""
        return self.settings is None or self.standing.role == "primary"

    @property
    def generation(self) -> Generation | None:
        """What is in use, for the standby."""
        return self._sharing.generation

    @property
    def primary(self) -> str:
        """The name of the primary, and its address where that is known."""
        assert self.settings is not None
        other, name = self.settings.other, self.standing.epoch.node
        if name in {"", other.name}:
            return f"{other.name} ({other.address})"
        return name

    def must_lead(self) -> None:
        """Raises NotPrimaryError where this server takes no writes."""
        if self.settings is None:
            return
        if not self.leads:
            raise NotPrimaryError(
                f"{self.settings.name} is the standby of {self.primary}: write there, or make"
                " this one the primary by `geodns promote`"
            )
        if not self._asked:
            raise NotPrimaryError(
                f"{self.settings.name} has just started, and first asks {self.settings.other.name}"
                " whether it was replaced; try again in a few seconds"
            )

    async def is_safe(self) -> bool:
        """Whether what was just written is where the settings want it before it is acknowledged."""
        if self.settings is None or self.settings.acknowledge == "alone":
            return True
        leading = None if self.meeting is None else self.meeting.leading
        if leading is None:
            return False
        try:
            async with asyncio.timeout(self.settings.silence):
                await leading.until_it_has(self.store.newest())
        except TimeoutError:
            return False
        return True

    # --- the control process tells --------------------------------------------------------------

    def written(self) -> None:
        """Something was written: the standby is to have it."""
        if self.meeting is not None:
            self.meeting.wake()

    def reloading(self, busy: bool) -> None:
        """A reload begins, or has ended: nothing that it reads may change meanwhile."""
        if busy:
            self._idle.clear()
        else:
            self._idle.set()

    def states(self, own: States) -> States:
        """How endpoints are for what GEO names are transferred as: as the primary has it."""
        if not self.leads:
            candidate = self.store.candidate()
            packed = self.store.get("states") if candidate is None else candidate.states
            if packed is not None:
                own = read_states(packed)
        self._used = own
        return own

    def take_over(self, loaded: Loaded) -> None:
        """What was compiled is about to be used. Raises StateError."""
        if loaded.candidate is not None:
            self.store.take_over(loaded.candidate, time.time())
            self.basis = loaded.candidate.basis
            self.error = self._refused = None

    def retry(self) -> None:
        """Somebody wants a reload: perhaps what was refused is all right now."""
        if self._refused is not None and self._idle.is_set() and not self.leads:
            self.store.put(candidate=self._refused.as_dict())

    def in_use(self, compilation: Compilation) -> None:
        """This is in use now; of a primary it goes to the standby."""
        if self.settings is None:
            return
        self._loaded = compilation.loaded
        zones = compilation.loaded.zones
        self.automatic = tuple(zone.apex for zone in zones if zone.automatic and not zone.copied)
        # One that has stepped down still sends what was on its way when it did.
        if self.leads or self.store.get("former") is not None:
            self._sharing.share(Shared(compilation, self._used, self.basis, self.path))

    def become(self, standing: Standing, basis: Basis) -> None:
        """The store has it that this is the primary now."""
        self.standing, self.basis = standing, basis
        self.error = self._refused = None
        self._asked = True
        self._renewed()

    # --- the meeting asks -----------------------------------------------------------------------

    def asked(self) -> None:
        """The other was asked, or can't be: a primary that started takes writes from now on."""
        self._asked = True

    def meet(self, other: Standing) -> None:
        """What follows from the other's standing. Raises StateError."""
        now = met(self.standing, other)
        if now == self.standing:
            return
        assert self.settings is not None
        former = self.standing.as_dict() if self.leads else self.store.get("former")
        led = self.leads
        # On disk first: who has stepped down never takes writes again in this epoch.
        self.store.put(standing=now.as_dict(), former=former)
        self.standing = now
        if not led:
            return
        logger.warning(
            "stepped down: the other server of the pair was promoted",
            extra={"primary": self.primary, "epoch": now.epoch.number},
        )
        what = f"steps down for {self.primary}"
        self._log(Event(time.time(), "pair", self.settings.name, what, now.epoch.node))

    async def shared(self) -> None:
        """Until all that was on its way into use is ready for the standby."""
        await self.quiet()
        await self._sharing.made()

    async def settle(self) -> None:
        """Having stepped down, before anything of the other is taken: keep what is only here."""
        former = self.store.get("former")
        if former is not None:
            manifest = await self._sharing.manifest(self._loaded, self.basis, self.path)
            epoch = read_standing(former).epoch
            self.acknowledged.keep_unreplicated(epoch, self.orders().all, manifest)
            self._sharing.generation = None

    def orders(self) -> Orders:
        """The drains and forces that stand."""
        assert self._ordering is not None
        found = self._ordering.shared()
        if found != self._orders.all:
            self._orders = Orders(self._orders.version + 1, found)
        return self._orders

    def heard(self, number: int, orders: int, generation: int) -> None:
        """How far the standby is: written down, for the case that this one has to step down."""
        has_orders = orders == self._orders.version
        held = self.generation
        in_use = held if held is not None and held.id == generation else None
        self.acknowledged.heard(number, self._orders.all if has_orders else None, in_use)

    # --- a standby's generations ----------------------------------------------------------------

    async def quiet(self) -> None:
        """As ``following.Node`` has it."""
        while not self._idle.is_set():
            await self._idle.wait()

    async def use_own_files(self) -> Reload:
        """Back to the files that this server's own server file names, if these can be used."""
        own = Candidate(0, Basis("own"), self.store.newest(), False, {}, [])
        return await self._try(own, "own files")

    async def _try(self, candidate: Candidate, reason: str) -> Reload:
        await self.quiet()
        self.store.put(candidate=candidate.as_dict())
        result = await self._reload(reason)
        if not result.ok and self.store.candidate() == candidate:
            self.store.put(candidate=None)
        return result

    async def stage(self, candidate: Candidate) -> Reload:
        """As ``following.Node`` has it."""
        result = await self._try(candidate, f"generation of {self.standing.epoch.node}")
        if not result.ok:
            problems = [str(item) for item in result.problems if item.severity == "error"]
            self.error = problems[0] if problems else result.error
            self._refused = candidate
            logger.error(
                "what came from the primary is refused, the generation before stays in use",
                extra={"reason": self.error},
            )
        return result

    def follow_orders(self, orders: list[dict[str, Any]]) -> None:
        """As ``following.Node`` has it."""
        assert self._ordering is not None
        try:
            self._ordering.follow(orders, self.standing.epoch.node)
        except (TypeError, ValueError, KeyError) as error:
            raise PeerError(f"an order is none: {error}") from error

    async def reload(self, reason: str) -> Reload:
        """Have everything read anew."""
        return await self._reload(reason)

    def log(self, event: Event) -> None:
        """Write down what happened."""
        self._log(event)
