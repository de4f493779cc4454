"""Takes dynamic updates (RFC 2136): checked, kept on disk, in use, and only then replied to."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from ipaddress import ip_address
from typing import Protocol

import dns.name
from dns.rcode import Rcode
from dns.rdataclass import RdataClass
from dns.rdatatype import RdataType

from geodns.answer.cold import error_reply
from geodns.config.updating import UpdatePolicy, UpdateRule
from geodns.control.reloader import Reload
from geodns.control.state import StateError
from geodns.control.store import AllWritten, Event, Store
from geodns.errors import GeodnsError
from geodns.replication.transfer import permits
from geodns.replication.update import Changes, UpdateError, changes_of
from geodns.replication.update_message import MalformedUpdateError, Update, read_update
from geodns.replication.written import ImageContent, Written, in_wire_form
from geodns.replication.zones import open_zone
from geodns.server.answering import HandedQuery
from geodns.sparing import Sparing

logger = logging.getLogger(__name__)

_MOST_NAMED = 4  # changes in a line of the event log
_REFUSALS_EVERY = 1.0  # seconds: anybody can send what is refused, and it must not fill the log


class Pair(Protocol):
    """What a pair of servers says of writes, as ``geodns.control.pairing.pairing`` does."""

    def must_lead(self) -> None:
        """Raises GeodnsError where this server takes no writes."""

    def written(self) -> None:
        """Something was kept on disk."""

    async def is_safe(self) -> bool:
        """Whether it may be acknowledged."""


class Updating:
    """``image`` gives the file descriptor of the image in use, ``reload`` brings what was kept
    into use, ``log`` writes down what was done, ``pair`` says whether that may be, and
    ``primaries_of`` whom a zone is copied from, if it is. In the event loop.
    """

    def __init__(
        self,
        image: Callable[[], int],
        reload: Callable[[], asyncio.Future[Reload]],
        log: Callable[[Event], None],
        pair: Pair,
        primaries_of: Callable[[bytes], str | None] = lambda _apex: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._image = image
        self._reload = reload
        self._log = log
        self._pair = pair
        self._primaries_of = primaries_of
        self._clock = clock
        self._policy = UpdatePolicy()
        self._store: Store | None = None
        self._written: AllWritten = {}
        self.counts: Counter[tuple[str, str]] = Counter()  # of replies, by zone and rcode
        self._holds: dict[bytes, asyncio.Future[None]] = {}
        self._under_way: dict[tuple[str, bytes], asyncio.Future[bytes]] = {}
        self._sparing = Sparing(clock)
        self._unsaid = 0
        self._last_refusal = float("-inf")

    def renew(self, policy: UpdatePolicy) -> None:
        """Take these settings."""
        self._policy = policy

    def use(self, store: Store) -> None:
        """Go on from what is in a store, and keep what comes in it."""
        self._store = store
        self._written = store.written()

    @property
    def held_sets(self) -> dict[str, int]:
        """How many record sets updates have written, by zone."""
        return {
            dns.name.from_wire(apex, 0)[0].to_text(): sum(map(len, written.values()))
            for apex, written in self._written.items()
        }

    def written_in(self, apex: bytes) -> Written:
        """What updates wrote into the zone at an apex."""
        return self._written.get(apex, {})

    @asynccontextmanager
    async def held(self, apex: bytes) -> AsyncIterator[None]:
        """While it lasts, updates of the zone at an apex wait, and so does who else holds it."""
        await self._free(apex)
        hold = self._holds[apex] = asyncio.get_running_loop().create_future()
        try:
            yield
        finally:
            del self._holds[apex]
            hold.set_result(None)

    def drop(self, apex: bytes, sets: Written) -> None:
        """Forget these sets of a zone. Raises StateError; then nothing changed."""
        assert self._store is not None
        self._store.drop_written(apex, sets)
        written = self._written[apex]
        for owner, node in sets.items():
            left = {type: rrset for type, rrset in written[owner].items() if type not in node}
            if left:
                written[owner] = left
            else:
                del written[owner]

    def keep(self, apex: bytes, sets: Written) -> None:
        """Keep these sets of a zone. Raises StateError; then nothing changed."""
        assert self._store is not None
        # RFC 2136 3.5: it is in stable storage before the reply says that it is done.
        self._store.keep_written(apex, sets)
        written = self._written.setdefault(apex, {})
        for owner, node in sets.items():
            written[owner] = {**written.get(owner, {}), **node}

    async def answer(self, query: HandedQuery, key: str | None) -> bytes:
        """The reply, once the update is done. A message that is sent again is done once."""
        known = self._under_way.get((query.host, query.packet))
        if known is not None:
            return await asyncio.shield(known)
        done = asyncio.ensure_future(self._answer(query, key))
        self._under_way[query.host, query.packet] = done
        try:
            # Whoever asked may go: it is done nevertheless, and others may wait for it.
            return await asyncio.shield(done)
        finally:
            self._under_way.pop((query.host, query.packet), None)

    async def _answer(self, query: HandedQuery, key: str | None) -> bytes:
        reply, zone = await self._reply(query, key)
        # Anybody may name any zone: only those that can be changed are counted by name.
        known = zone if self._policy.rules_of(zone) else ""
        self.counts[known, Rcode(reply[3] & 0x0F).name] += 1
        return reply

    async def _reply(self, query: HandedQuery, key: str | None) -> tuple[bytes, str]:
        """The reply to an update, and the zone that it names."""
        question, zone = b"", ""
        try:
            update = read_update(query.packet)
            question, zone = update.question, update.zone.to_text()
            await self._free(update.zone.to_digestable())
            changed = self._take(update, query, key)
        except MalformedUpdateError:
            return error_reply(query.packet, Rcode.FORMERR), zone
        except UpdateError as error:
            if error.rcode in (Rcode.REFUSED, Rcode.SERVFAIL):
                self._tell_refused(zone, _who(query.host, key), str(error))
            return error_reply(query.packet, error.rcode, question), zone
        if changed:
            self._pair.written()
            await self._in_use()
            if not await self._pair.is_safe():
                self._tell_unsafe(zone)
                return error_reply(query.packet, Rcode.SERVFAIL, question), zone
        return error_reply(query.packet, Rcode.NOERROR, question), zone

    def _take(self, update: Update, query: HandedQuery, key: str | None) -> bool:
        """Checks and keeps an update; whether it changed anything. Raises UpdateError."""
        zone = update.zone.to_text()
        # RFC 2136 3.1.2: a zone that is not here, or of another class, is NOTAUTH.
        apex = update.zone.to_digestable()
        primaries = self._primaries_of(apex) if update.rdclass == RdataClass.IN else None
        if primaries is not None:
            # RFC 2136 6 lets a secondary forward what is for the primary; this one does not.
            raise UpdateError(Rcode.REFUSED, f"it is copied from {primaries}: send updates there")
        if update.rdclass != RdataClass.IN or open_zone(self._image(), apex) is None:
            raise UpdateError(Rcode.NOTAUTH, f"{zone} is no zone here")
        rules = _rules_for(self._policy.rules_of(zone), query, key)
        if not rules:
            # Before prerequisites are looked at: they would tell what is in the zone.
            raise UpdateError(Rcode.REFUSED, "no rule is for who asks")
        try:
            self._pair.must_lead()
        except GeodnsError as error:
            raise UpdateError(Rcode.REFUSED, str(error)) from error

        def permitted(owner: dns.name.Name, rdtype: RdataType) -> bool:
            labels = owner.relativize(update.zone).labels
            return any(rule.allows(labels, rdtype) for rule in rules)

        content = ImageContent(self._image(), update.zone, self.written_in(apex))
        changes = changes_of(update, content, permitted)
        if changes:
            self._must_have_room(apex, changes)
            try:
                self.keep(apex, in_wire_form(changes))
            except StateError as error:
                raise UpdateError(Rcode.SERVFAIL, str(error)) from error
            what = ", ".join(_in_words(changes, update.zone))
            who = _who(query.host, key)
            logger.info("zone update", extra={"zone": zone, "who": who, "what": what})
            self._log(Event(time.time(), "update", zone, what, who))
        return bool(changes)

    def _must_have_room(self, apex: bytes, changes: Changes) -> None:
        written = self.written_in(apex)
        more = sum(type not in written.get(owner.to_digestable(), {}) for owner, type in changes)
        held, most = sum(map(len, written.values())) if more else 0, self._policy.most
        if more and held + more > most:
            raise UpdateError(
                Rcode.REFUSED, f"updates have written {held} record sets, and update.most is {most}"
            )

    async def _free(self, apex: bytes) -> None:
        while (hold := self._holds.get(apex)) is not None:
            await asyncio.shield(hold)

    async def _in_use(self) -> None:
        """Until all workers answer what was kept, or that takes too long; it comes all the same."""
        try:
            result = await asyncio.wait_for(asyncio.shield(self._reload()), self._policy.wait)
        except TimeoutError:
            return
        if not result.ok:
            logger.warning("updates are kept, and wait for a configuration without errors")

    def _tell_unsafe(self, zone: str) -> None:
        held = self._sparing.passes(zone)
        if held is not None:
            fields: dict[str, object] = {"zone": zone, "more": held} if held else {"zone": zone}
            logger.warning(
                "updates are kept here, and not known to be at the standby", extra=fields
            )

    def _tell_refused(self, zone: str, who: str, why: str) -> None:
        now = self._clock()
        if now < self._last_refusal + _REFUSALS_EVERY:
            self._unsaid += 1
            return
        extra = {"zone": zone, "who": who, "reason": why, "others": self._unsaid}
        logger.warning("an update was refused", extra=extra)
        self._last_refusal, self._unsaid = now, 0


def _rules_for(
    rules: Iterable[UpdateRule], query: HandedQuery, key: str | None
) -> tuple[UpdateRule, ...]:
    """Those for who asks. Where a packet comes from can be made up, over UDP, unless it is here."""
    believed = query.transport != "udp" or ip_address(query.host.partition("%")[0]).is_loopback
    return tuple(
        rule
        for rule in rules
        if (believed or rule.key is not None)
        and permits([rule], query.host, key, tls=query.transport == "tls")
    )


def _who(host: str, key: str | None) -> str:
    return host if key is None else f"{key}@{host}"


def _in_words(changes: Changes, zone: dns.name.Name) -> Iterable[str]:
    for number, ((owner, rdtype), records) in enumerate(changes.items()):
        if number == _MOST_NAMED:
            yield f"and {len(changes) - _MOST_NAMED} more"
            return
        count = f" ({len(records.rdatas)})" if len(records.rdatas) > 1 else ""
        sign = "=" if records.rdatas else "-"
        yield f"{sign}{owner.relativize(zone)} {rdtype.name}{count}"
