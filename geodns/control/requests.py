"""What people and programs ask of a running server, over the admin API."""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import geodns
from geodns.control import demand, refresh_order, resetting
from geodns.control.compiling import Compilation
from geodns.control.event_log import EventLog
from geodns.control.listening import Listening
from geodns.control.ordering import Ordering, Verb, Wish
from geodns.control.pairing.pairing import Pairing
from geodns.control.pairing.promoting import promote, use_own_files
from geodns.control.pairing.report import pair_status
from geodns.control.reloader import Reload, Reloader
from geodns.control.resetting import ResetError, Resetting
from geodns.control.restart_needed import RestartNeeded
from geodns.control.secondaries import Secondaries
from geodns.control.snapshot import Snapshot, WorkerView
from geodns.control.store import Store
from geodns.control.supervisor import Supervisor
from geodns.control.timings import CheckTimings
from geodns.control.updating import Updating
from geodns.health.availability import Availability
from geodns.health.monitor import Monitor
from geodns.health.orders import GUARD
from geodns.health.status import LoadStatus
from geodns.health.told import HealthReport
from geodns.planning.networks import By

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Parts:
    """The parts of the control process that are asked."""

    monitor: Monitor
    supervisor: Supervisor
    ordering: Ordering
    pair: Pairing
    secondaries: Secondaries
    updating: Updating
    resetting: Resetting
    reloader: Reloader
    log: EventLog
    store: Store
    listening: Listening
    restart: RestartNeeded
    timings: Mapping[str, CheckTimings]


class Requests:
    """``in_use`` gives the compilation that is answered from, ``path`` is the server file, and
    ``started`` the moment of the start in seconds since 1970."""

    def __init__(
        self, parts: Parts, in_use: Callable[[], Compilation], path: Path, started: float
    ) -> None:
        self._parts = parts
        self._in_use = in_use
        self._path = path
        self._started = started

    async def snapshot(self) -> Snapshot:
        """Everything, now."""
        await self._parts.supervisor.refresh()
        in_use = self._in_use()
        loaded, compiled = in_use.loaded, in_use.compiled
        return Snapshot(
            version=geodns.__version__,
            pid=os.getpid(),
            at=time.time(),
            started=self._started,
            identity=loaded.configuration.server.identity,
            addresses=self._parts.listening.addresses,
            tls_addresses=self._parts.listening.tls_addresses,
            configuration=str(self._path),
            image_generation=self._parts.supervisor.generation,
            availability_generation=self._parts.monitor.availability.generation,
            last_reload=self._parts.reloader.last,
            reloads=dict(self._parts.reloader.counts),
            warnings=in_use.warnings,
            restart_needed=self._parts.restart.settings,
            workers=_views(self._parts.supervisor),
            totals=self._parts.supervisor.totals(),
            timings={name: timings.copy() for name, timings in self._parts.timings.items()},
            health=self._parts.monitor.status(),
            load_reports=self._parts.monitor.load_reports(),
            orders=tuple(self._parts.ordering.list()),
            pair=pair_status(self._parts.pair),
            secondaries=tuple(self._parts.secondaries.status()),
            updates=dict(self._parts.updating.counts),
            updated_sets=self._parts.updating.held_sets,
            zones=loaded.zones,
            databases=compiled.databases,
            tables=loaded.tables,
        )

    def availability(self) -> Availability:
        """What every worker was told last."""
        return self._parts.monitor.availability

    async def demand(self, by: By) -> dict[str, Any]:
        """Queries answered from services, by client. Raises DemandError."""
        at = time.time()
        groups = demand.merge(await self._parts.supervisor.demand())
        await self._parts.supervisor.refresh()
        server = self._in_use().loaded.configuration.server
        return {
            "at": at,
            "started": self._started,
            "pid": os.getpid(),
            "by": by,
            "answers": demand.answered(self._parts.supervisor.totals().answers),
            "groups": await demand.on_the_map(groups, by, server.geoip.databases, server.state),
        }

    def push_load(self, endpoint: str, load: float, seconds: float) -> LoadStatus:
        """Take a load from outside. Raises GeodnsError where nothing can take it."""
        return self._parts.monitor.push_load(endpoint, load, seconds)

    def push_health(self, endpoint: str, report: HealthReport) -> int:
        """Take from outside whether an endpoint serves. Raises GeodnsError."""
        return self._parts.monitor.push_health(endpoint, report)

    def order(self, verb: Verb, wish: Wish, author: str) -> dict[str, Any]:
        """Carry out what a person orders. Raises GeodnsError."""
        if not wish.dry_run and wish.id != GUARD:  # each server trusts its own probes
            self._parts.pair.must_lead()
        told = self._parts.ordering.do(verb, wish, author)
        if not wish.dry_run:
            self._parts.pair.written()
            said = {"id": wish.id, "author": author, "reason": wish.reason}
            logger.info(f"{verb} was ordered", extra=said)
        return told

    async def reset(self, wish: resetting.Wish, author: str) -> dict[str, Any]:
        """Drop what dynamic updates wrote. Raises GeodnsError."""
        self._parts.pair.must_lead()
        told = await self._parts.resetting.do(wish, author)
        self._parts.pair.written()
        if told["reset"] and not await self._parts.pair.is_safe():
            raise ResetError("it is reset here, and not known to be at the standby")
        return told

    def refresh(self, wish: refresh_order.Wish, author: str) -> dict[str, Any]:
        """Ask the primaries of a zone now. Raises GeodnsError."""
        return refresh_order.refresh(self._parts.secondaries, wish, author, self._parts.log.add)

    def events(self, since: float, after: int, most: int) -> list[dict[str, Any]]:
        """The event log."""
        self._parts.log.write()
        return self._parts.store.events(since, after, most)

    def reload(self, reason: str) -> asyncio.Future[Reload]:
        """Read the configuration anew; what is wrong with it is reported and changes nothing."""
        self._parts.pair.retry()
        return self._parts.reloader.request(reason)

    async def use_own_files(self, author: str, *, dry_run: bool) -> dict[str, Any]:
        """Go back to the files of the server file. Raises GeodnsError."""
        return await use_own_files(self._parts.pair, author, dry_run=dry_run)

    async def promote(self, author: str, *, force: bool, dry_run: bool) -> dict[str, Any]:
        """Make this standby the primary. Raises GeodnsError."""
        return await promote(self._parts.pair, author, force=force, dry_run=dry_run)


def _views(supervisor: Supervisor) -> tuple[WorkerView, ...]:
    return tuple(
        WorkerView(
            number=slot.number,
            pid=slot.worker.pid if slot.worker else None,
            image_generation=slot.worker.image_generation if slot.worker else 0,
            availability_generation=slot.worker.availability_generation if slot.worker else 0,
            restarts=slot.restarts,
        )
        for slot in supervisor.slots
    )
