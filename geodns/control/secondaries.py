"""Zones that are copied from primaries: followed, kept on disk, and brought into use."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Collection
from pathlib import Path
from typing import Any

import dns.name

from geodns.config.secondary import SecondaryRole
from geodns.control.copies import Copies
from geodns.control.copies_file import FILE
from geodns.control.outcome import Loaded
from geodns.control.reloader import Reload
from geodns.control.secondary_sources import apex_of, limits_of, member_sources, named_sources
from geodns.control.state import StateError
from geodns.control.store import Event
from geodns.replication.inbound import Change, Notified, NotKeptError, Sources
from geodns.replication.secondary.catalogs import BrokenCatalogError, members_of
from geodns.replication.secondary.ownership import Clash, owned
from geodns.replication.secondary.refreshing import Refreshing
from geodns.replication.tsig import Keyring

logger = logging.getLogger(__name__)

_GATHER = 0.1  # seconds in which changes of several zones lead to one reload
_MOST_REST = 10.0  # seconds between two reloads at most: as long as the last one took
_AGAIN = 10.0  # seconds until what could not be kept is tried again


class Secondaries:
    """``reload`` brings what was kept into use, ``log`` writes down what happened, ``withhold``
    takes what has expired out of use where a reload does not.

    In the event loop. ``run`` is to run once it is open.
    """

    def __init__(
        self,
        reload: Callable[[str], asyncio.Future[Reload]],
        log: Callable[[Event], None],
        withhold: Callable[[Collection[bytes]], Awaitable[None]],
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._reload = reload
        self._log = log
        self._withhold = withhold
        self._wall = wall
        self._folder: Path | None = None
        self._copies: Copies | None = None
        self._follower: Refreshing | None = None
        self._role = SecondaryRole()
        self._keys: Keyring = {}
        self._own: frozenset[bytes] = frozenset()
        self._sources: dict[bytes, Sources] = {}
        self._counts: Counter[bytes] = Counter()
        self._unread: set[bytes] = set()
        self._damaged: set[bytes] = set()
        self._clashes: frozenset[Clash] = frozenset()
        self._stale = False
        self._wanted = asyncio.Event()

    def open(self, folder: Path) -> None:
        """Go on with what is kept in a folder, if anything is. Raises StateError."""
        self._folder = folder
        if (folder / FILE).exists():
            self._begin(folder)

    def renew(self, loaded: Loaded, keys: Keyring) -> None:
        """Take these settings, which are in use now."""
        self._role, self._keys = loaded.configuration.server.secondary, keys
        self._own = frozenset(zone.apex for zone in loaded.zones if not zone.copied)
        for apex in loaded.damaged - self._damaged:
            fields = {"zone": _text(apex)}
            logger.error("a copied zone is damaged, and fetched anew", extra=fields)
        self._damaged |= loaded.damaged
        if self._copies is None and self._role.is_used and self._folder is not None:
            try:
                self._begin(self._folder)
            except StateError as error:
                logger.error("no zones are copied", extra={"reason": str(error)})  # noqa: TRY400 - the reason says it all
        self._wanted.set()

    async def run(self) -> None:
        """Follow zones, catalogs and settings until cancelled."""
        while True:
            await self._wanted.wait()
            self._wanted.clear()
            if self._copies is None:
                continue
            try:
                await self._settle(self._copies)
            except NotKeptError as error:
                logger.error("the list of copied zones can't be kept", extra={"reason": str(error)})  # noqa: TRY400 - the reason says it all
                await asyncio.sleep(_AGAIN)
                self._wanted.set()
                continue
            if self._stale:
                await asyncio.sleep(_GATHER)
                self._stale = False
                result = await self._reload("copied zones")
                if not result.ok:
                    await self._withhold_expired()
                # Many zones that come one after the other must not take a core for themselves.
                await asyncio.sleep(min(result.seconds, _MOST_REST))

    async def close(self) -> None:
        """Stop; what is being received is dropped."""
        if self._follower is not None:
            await self._follower.close()
        if self._copies is not None:
            self._copies.close()

    @property
    def are_there(self) -> bool:
        """Whether any zone is copied."""
        return bool(self._sources)

    def notified(
        self, apex: bytes, host: str, key: str | None, serial: int | None = None
    ) -> Notified:
        """A NOTIFY came."""
        if self._follower is None:
            return Notified.NOT_OURS
        return self._follower.notified(apex, host, key, serial)

    def refresh(self, apex: bytes, *, whole: bool) -> bool:
        """Ask primaries now; ``whole``: copy all, whatever the serial. False: it is not copied."""
        return self._follower is not None and self._follower.refresh(apex, whole=whole)

    def primaries_of(self, apex: bytes) -> str | None:
        """Whom a zone is copied from, in words; None: it is not copied."""
        sources = self._sources.get(apex)
        return None if sources is None else ", ".join(map(str, sources.primaries))

    def status(self) -> list[dict[str, Any]]:
        """How it is going with each zone, ready for JSON."""
        if self._follower is None or self._copies is None:
            return []
        catalogs, named, owners = self._catalogs, self._named, self._copies.owners
        found = []
        for each in self._follower.status():
            kept, owner = each.kept, owners.get(each.apex)
            listed = owner is not None and each.apex not in named
            found.append(
                {
                    "zone": _text(each.apex),
                    "is_catalog": each.apex in catalogs,
                    "catalog": _text(owner.catalog) if owner is not None and listed else None,
                    "primaries": list(map(str, self._sources[each.apex].primaries)),
                    "primary": each.primary,
                    "standing": each.standing,
                    "now": each.now,
                    "serial": None if kept is None else kept.serial,
                    "checked": None if kept is None else kept.checked,
                    "expires": None if kept is None else kept.expires,
                    "next_check": each.due,
                    "copied": self._counts[each.apex],
                    "failed": each.failed,
                    "error": each.error,
                }
            )
        return sorted(found, key=lambda row: dns.name.from_text(str(row["zone"])))

    async def _withhold_expired(self) -> None:
        """What has expired is not to be served, also where the configuration has errors."""
        assert self._follower is not None
        follower = self._follower
        expired = [apex for apex in self._sources if follower.is_expired(apex)]
        if expired:
            await self._withhold(expired)

    def _begin(self, folder: Path) -> None:
        self._copies = Copies(folder, self._lost)
        self._follower = Refreshing(self._copies, self._changed, folder=folder)

    # --- what happens ---------------------------------------------------------------------------

    def _changed(self, apex: bytes, change: Change) -> None:
        text = _text(apex)
        assert self._copies is not None
        kept = self._copies.kept(apex)
        what = change.value if kept is None else f"{change.value}, serial {kept.serial}"
        self._log(Event(self._wall(), "copy", text, what, self.primaries_of(apex) or ""))
        if change is Change.NEW:
            self._counts[apex] += 1
        if apex in self._catalogs:
            self._unread |= {apex} if change is Change.NEW else set()
        else:
            self._stale = True
        self._wanted.set()

    def _lost(self, zones: Collection[bytes]) -> None:
        """What was kept is no more: the image in use has it still, and primaries are asked."""
        assert self._follower is not None
        for apex in zones:
            self._follower.refresh(apex, whole=True)

    # --- what is followed -----------------------------------------------------------------------

    @property
    def _catalogs(self) -> frozenset[bytes]:
        return frozenset(map(apex_of, self._role.catalogs))

    @property
    def _named(self) -> frozenset[bytes]:
        return self._catalogs | frozenset(map(apex_of, self._role.zones))

    async def _settle(self, copies: Copies) -> None:
        """Follow what is to be followed now, and keep nothing else."""
        assert self._follower is not None
        catalogs = self._catalogs
        unread = (self._unread | (catalogs - copies.lists.keys())) & catalogs
        lists = {catalog: copies.lists[catalog] for catalog in catalogs & copies.lists.keys()}
        for catalog in sorted(unread):
            if copies.kept(catalog) is None:
                continue
            try:
                lists[catalog] = members_of(catalog, await copies.records(catalog))
            except BrokenCatalogError as error:
                fields = {"catalog": _text(catalog), "reason": str(error)}
                # RFC 9432 5.1: its zones "MUST NOT be removed or reconfigured in any way".
                logger.error("a catalog is broken, its zones stay as they are", extra=fields)  # noqa: TRY400 - as above
        self._unread -= unread
        now = owned(copies.owners, lists, self._own | self._named)
        if lists != copies.lists or now.zones.keys() != copies.owners.keys() or now.reset:
            await copies.keep_lists(lists, now.zones)
            self._stale = True
        self._tell_clashes(now.clashes)
        sources = named_sources(self._role, self._keys)
        for apex, own in member_sources(self._role, now.zones, self._keys):
            sources.setdefault(apex, own)
        for apex in self._own & sources.keys():
            del sources[apex]
        self._sources = sources
        anew = now.reset | (self._damaged & sources.keys())
        self._damaged.clear()
        if anew:
            limits = limits_of(self._role)
            self._follower.renew({a: s for a, s in sources.items() if a not in anew}, limits)
        await copies.forget([a for a in copies.zones() if a not in sources or a in anew])
        self._follower.renew(sources, limits_of(self._role))

    def _tell_clashes(self, clashes: Collection[Clash]) -> None:
        """RFC 9432 5.2: "an error SHOULD be logged", once of each."""
        for clash in set(clashes) - self._clashes:
            fields = {"zone": _text(clash.zone), "catalog": _text(clash.catalog)}
            owner = "the configuration" if clash.owner is None else _text(clash.owner)
            logger.error(
                "a catalog lists a zone that is not its own", extra=fields | {"has": owner}
            )
        self._clashes = frozenset(clashes)


def _text(apex: bytes) -> str:
    return dns.name.from_wire(apex, 0)[0].to_text()
