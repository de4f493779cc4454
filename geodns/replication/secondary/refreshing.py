"""Follows the zones that are copied from primaries: all of them, in the event loop of control."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Mapping
from ipaddress import ip_address
from pathlib import Path

from geodns.health.clock import Clock, LoopClock
from geodns.replication.inbound import (
    Changed,
    Keeper,
    Limits,
    Notified,
    Progress,
    Sources,
)
from geodns.replication.secondary.following import Following
from geodns.replication.secondary.means import Means
from geodns.replication.transfer import permits
from geodns.sparing import Sparing


class Refreshing:
    """Implements Follower. ``folder`` has room for the largest zone while it is received."""

    def __init__(
        self,
        keeper: Keeper,
        changed: Changed,
        *,
        folder: Path,
        clock: Clock | None = None,
        chance: Callable[[], float] = random.random,
    ) -> None:
        sparing = Sparing(time.monotonic)
        self._means = Means(keeper, changed, clock or LoopClock(), chance, folder, sparing)
        self._zones: dict[bytes, Following] = {}
        self._leaving: dict[bytes, asyncio.Task[None]] = {}

    def renew(self, zones: Mapping[bytes, Sources], limits: Limits) -> None:
        """Follow these zones from now on, and no others. What stays the same goes on as it was."""
        if limits != self._means.limits:
            self._means.limit(limits)
        for apex in self._zones.keys() - zones.keys():
            self._leave(apex)
        for apex, sources in zones.items():
            known = self._zones.get(apex)
            if known is not None and known.sources == sources:
                continue
            if known is not None:
                self._leave(apex)
            self._zones[apex] = Following(apex, sources, self._means, self._leaving.get(apex))

    def notified(
        self, apex: bytes, host: str, key: str | None, serial: int | None = None
    ) -> Notified:
        """A NOTIFY came from a host, signed well with a key of this name (None: not signed)."""
        zone = self._zones.get(apex)
        if zone is None:
            return Notified.NOT_OURS
        if not _may_notify(zone.sources, host, key):
            return Notified.REFUSED
        zone.notified(serial)
        return Notified.TAKEN

    def refresh(self, apex: bytes, *, whole: bool = False) -> bool:
        """Ask primaries now; ``whole``: copy all, whatever the serial. False: not followed."""
        zone = self._zones.get(apex)
        if zone is None:
            return False
        zone.refresh(whole=whole)
        return True

    def is_expired(self, apex: bytes) -> bool:
        """Whether a zone that is followed and kept is not to be served."""
        zone = self._zones.get(apex)
        return zone is not None and zone.is_expired

    def status(self) -> tuple[Progress, ...]:
        """How it is going with all zones."""
        return tuple(zone.progress() for zone in self._zones.values())

    async def close(self) -> None:
        """Stop; what is being received is dropped."""
        for apex in list(self._zones):
            self._leave(apex)
        await asyncio.gather(*self._leaving.values(), return_exceptions=True)

    def _leave(self, apex: bytes) -> None:
        task = self._zones.pop(apex).stop()
        if task is None:
            return
        self._leaving[apex] = task
        task.add_done_callback(lambda done: self._left(apex, done))

    def _left(self, apex: bytes, task: asyncio.Task[None]) -> None:
        if self._leaving.get(apex) is task:
            del self._leaving[apex]


def _may_notify(sources: Sources, host: str, key: str | None) -> bool:
    """RFC 1996 3.10: it is to come from a known primary. By address, or by its signature."""
    address = _address(host)
    return any(
        _address(primary.address) == address
        or (primary.key is not None and primary.key.name.to_text().lower() == key)
        for primary in sources.primaries
    ) or permits(sources.notifiers, host, key)


def _address(host: str) -> object:
    address = ip_address(host.partition("%")[0])
    return getattr(address, "ipv4_mapped", None) or address
