"""The control process: starts everything in its order, applies reloads, stops everything."""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import geodns
from geodns import log
from geodns.config.settings import Configuration, Server
from geodns.control import demand, refresh_order, resetting
from geodns.control.admin import Admin
from geodns.control.certificate import Certificate
from geodns.control.compiling import Compilation, Compiler
from geodns.control.cookie_secrets import CookieSecrets
from geodns.control.event_log import EventLog
from geodns.control.garbage import set_aside
from geodns.control.inherited import take_inherited
from geodns.control.listening import Listening
from geodns.control.notify import Notifier
from geodns.control.ordering import Basis, Ordering, Verb, Wish
from geodns.control.orphans import Orphans
from geodns.control.outcome import Loaded
from geodns.control.pairing.pairing import Pairing
from geodns.control.pairing.promoting import promote, use_own_files
from geodns.control.pairing.report import pair_status
from geodns.control.reloader import Reload, Reloader, report
from geodns.control.replicating import Replicating
from geodns.control.resetting import ResetError, Resetting
from geodns.control.secondaries import Secondaries
from geodns.control.share_basis import share_basis
from geodns.control.snapshot import Snapshot, WorkerView
from geodns.control.state import StateFolder
from geodns.control.stepping_down import Names, must_be, step_down, tell_of_root
from geodns.control.store import Store
from geodns.control.supervisor import Supervisor
from geodns.control.timings import CheckTimings
from geodns.control.transferred_health import TransferredHealth
from geodns.control.updating import Updating
from geodns.control.verdicts import Verdicts
from geodns.control.watcher import Watcher
from geodns.control.withholding import withhold
from geodns.control.worker_options import worker_count, worker_options
from geodns.health.availability import Availability, EndpointAvailability
from geodns.health.memory import Rows
from geodns.health.monitor import Monitor
from geodns.health.orders import GUARD
from geodns.health.probe import Observation
from geodns.health.slots import slots_within
from geodns.health.status import LoadStatus
from geodns.health.told import HealthReport
from geodns.open_files import raise_limit
from geodns.planning.networks import By
from geodns.server.handle import WorkerHandle, states_of

logger = logging.getLogger(__name__)

# By then a probe with the usual timeout has ended. Who has said nothing is withheld.
_FIRST_RESULTS = 5.0  # seconds
_GRACE = 5.0  # seconds for what is in flight when a worker is stopped
_ACKNOWLEDGE = 30.0  # seconds in which every worker has read the largest image
_REFRESH = 5.0  # seconds: at most so much of its counting is lost with a worker that dies
_OPEN_FILES = 65_536  # as docs/geodns.service allows; each probe under way is one
_AGAIN = 1.0  # seconds until a part that broke is run again
# What only a restart can change.
_AT_START = ("listen", "workers", "admin", "state", "user", "group", "pair")


class ControlProcess:
    """One running server. ``start`` raises GeodnsError in one sentence, or CompileError."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._started = time.time()
        self._user: Names = (None, None)
        self._restart_needed: tuple[str, ...] = ()
        self._timings: dict[str, CheckTimings] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._state: StateFolder | None = None
        self._orphans = Orphans()
        self._certificate = Certificate()
        self._cookies = CookieSecrets()
        self._listening = Listening()
        self._compiler = Compiler()
        self._log = EventLog()
        self._supervisor: Supervisor | None = None
        self._monitor = Monitor(
            self._availability_changed,
            observe=self._probe_ended,
            share_basis=share_basis,
            record=self._log.add_turn,
            slots=slots_within(raise_limit(_OPEN_FILES)),
            remember=self._remember_verdicts,
        )
        self._verdicts: Verdicts | None = None
        self._leaving: Mapping[str, EndpointAvailability] = {}
        self._store: Store | None = None
        self._ordering: Ordering | None = None
        self._watcher = Watcher(self._files_changed)
        self._reloader = Reloader(
            self._compile, self._apply, self._watcher.watch_also, busy=self._tell_of_reload
        )
        self._pair = Pairing(self._reloader.request, self._log.add)
        self._secondaries = Secondaries(
            self._reloader.request,
            self._log.add,
            lambda zones: withhold(self._required_supervisor, zones),
        )
        self._updating = Updating(
            lambda: self._required_supervisor.image,
            lambda: self._reloader.request("update"),
            self._log.add,
            self._pair,
            primaries_of=self._secondaries.primaries_of,
        )
        self._resetting = Resetting(
            self._updating, lambda: self._reloader.request("reset"), self._log.add
        )
        self._replicating = Replicating(
            lambda: self._required_supervisor.image, self._updating, self._secondaries
        )
        self._notifier = Notifier()
        self._transferred = TransferredHealth(lambda: self._reloader.request("health change"))
        self._admin = Admin(self)

    async def start(self) -> None:
        """Read the configuration, bind, and answer; returns when every worker is ready."""
        begun = time.monotonic()
        self._listening = Listening(take_inherited())
        self._certificate.read_early(self._path)
        self._user = step_down(self._path, has_sockets=bool(self._listening.inherited))
        self._in_use = await self._compiler.compile(self._path, loaded=self._prepare)
        server = self._first = self._in_use.loaded.configuration.server
        self._options = worker_options(server, self._cookies.read(server.cookies))
        report(self._in_use.warnings)
        self._store = self._log.store = Store(server.state)
        self._updating.use(self._store)
        self._secondaries.open(server.state)
        self._ordering = Ordering(self._store, self._monitor, self._basis, time.time)
        self._ordering.resume()
        self._pair.open(self._path, server, self._store, self._ordering, self._updating)
        supervisor = Supervisor(self._start_worker, worker_count(server), self._orphans.remember)
        self._supervisor = supervisor
        admin = await self._admin.open(server.admin.socket, server.admin.http)
        await self._begin_checks(self._in_use.loaded.configuration)
        if not self._listening.is_open:
            # As late as can be: until our workers read them, these sockets hold queries up.
            self._listening.open(server, beside_orphans=True)
        self._listening.tell_what_is_left_out()
        self._store.keep_serials(self._in_use.compiled.serials)
        self._replicating.renew(self._in_use.loaded)
        supervisor.publish_image(self._in_use.image)
        supervisor.publish_availability(self._monitor.availability)
        await supervisor.start()
        self._run_parts()
        self._tell_others(self._in_use)
        self._look_at_transferred()
        set_aside()
        tls = self._listening.tls_addresses
        logger.info(
            "listening",
            extra={
                "addresses": list(self._listening.addresses),
                **({"tls": list(tls)} if tls else {}),
                "workers": len(supervisor.slots),
                "admin": admin,
                "seconds": round(time.monotonic() - begun, 3),
            },
        )
        # Not before: a start that fails says why, and nothing else.
        tell_of_root(server)
        self._notifier.ready(self._in_words())
        await self._orphans.end(_GRACE, supervisor.pids())

    async def close(self) -> None:
        """Stop: queries in flight are answered, no process is left behind."""
        if self._tasks:
            logger.info("stopping")
            self._notifier.stopping()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._transferred.close()
        await self._compiler.close()
        await self._pair.close()
        await self._replicating.close()
        await self._secondaries.close()
        await self._admin.close()
        if self._supervisor is not None:
            await self._supervisor.close(_GRACE)
        await self._monitor.close()
        self._listening.close()
        if self._verdicts is not None:
            self._verdicts.write()
        if self._store is not None:
            self._log.write()
            self._store.close()
        if self._state is not None:
            self._state.close()
        if self._tasks:
            logger.info("stopped")

    # --- what the admin API asks ----------------------------------------------------------------

    async def snapshot(self) -> Snapshot:
        """Everything, now."""
        assert self._supervisor is not None
        await self._supervisor.refresh()
        loaded, compiled = self._in_use.loaded, self._in_use.compiled
        return Snapshot(
            version=geodns.__version__,
            pid=os.getpid(),
            at=time.time(),
            started=self._started,
            identity=loaded.configuration.server.identity,
            addresses=self._listening.addresses,
            tls_addresses=self._listening.tls_addresses,
            configuration=str(self._path),
            image_generation=self._supervisor.generation,
            availability_generation=self._monitor.availability.generation,
            last_reload=self._reloader.last,
            reloads=dict(self._reloader.counts),
            warnings=self._in_use.warnings,
            restart_needed=self._restart_needed,
            workers=_views(self._supervisor),
            totals=self._supervisor.totals(),
            timings={name: timings.copy() for name, timings in self._timings.items()},
            health=self._monitor.status(),
            load_reports=self._monitor.load_reports(),
            orders=() if self._ordering is None else tuple(self._ordering.list()),
            pair=pair_status(self._pair),
            secondaries=tuple(self._secondaries.status()),
            zones=loaded.zones,
            databases=compiled.databases,
            tables=loaded.tables,
        )

    def availability(self) -> Availability:
        """What every worker was told last."""
        return self._monitor.availability

    async def demand(self, by: By) -> dict[str, Any]:
        """Queries answered from services, by client. Raises DemandError."""
        assert self._supervisor is not None
        at = time.time()
        groups = demand.merge(await self._supervisor.demand())
        await self._supervisor.refresh()
        server = self._in_use.loaded.configuration.server
        return {
            "at": at,
            "started": self._started,
            "pid": os.getpid(),
            "by": by,
            "answers": demand.answered(self._supervisor.totals().answers),
            "groups": await demand.on_the_map(groups, by, server.geoip.databases, server.state),
        }

    def push_load(self, endpoint: str, load: float, seconds: float) -> LoadStatus:
        """Take a load from outside. Raises GeodnsError where nothing can take it."""
        return self._monitor.push_load(endpoint, load, seconds)

    def push_health(self, endpoint: str, report: HealthReport) -> int:
        """Take from outside whether an endpoint serves. Raises GeodnsError."""
        return self._monitor.push_health(endpoint, report)

    def order(self, verb: Verb, wish: Wish, author: str) -> dict[str, Any]:
        """Carry out what a person orders. Raises GeodnsError."""
        assert self._ordering is not None
        if not wish.dry_run and wish.id != GUARD:  # each server trusts its own probes
            self._pair.must_lead()
        told = self._ordering.do(verb, wish, author)
        if not wish.dry_run:
            self._pair.written()
            said = {"id": wish.id, "author": author, "reason": wish.reason}
            logger.info(f"{verb} was ordered", extra=said)
        return told

    async def reset(self, wish: resetting.Wish, author: str) -> dict[str, Any]:
        """Drop what dynamic updates wrote. Raises GeodnsError."""
        self._pair.must_lead()
        told = await self._resetting.do(wish, author)
        self._pair.written()
        if told["reset"] and not await self._pair.is_safe():
            raise ResetError("it is reset here, and not known to be at the standby")
        return told

    def refresh(self, wish: refresh_order.Wish, author: str) -> dict[str, Any]:
        """Ask the primaries of a zone now. Raises GeodnsError."""
        return refresh_order.refresh(self._secondaries, wish, author, self._log.add)

    def events(self, since: float, after: int, most: int) -> list[dict[str, Any]]:
        """The event log."""
        assert self._store is not None
        self._log.write()
        return self._store.events(since, after, most)

    def reload(self, reason: str) -> asyncio.Future[Reload]:
        """Read the configuration anew; what is wrong with it is reported and changes nothing."""
        self._pair.retry()
        return self._reloader.request(reason)

    async def use_own_files(self, author: str, *, dry_run: bool) -> dict[str, Any]:
        """Go back to the files of the server file. Raises GeodnsError."""
        return await use_own_files(self._pair, author, dry_run=dry_run)

    async def promote(self, author: str, *, force: bool, dry_run: bool) -> dict[str, Any]:
        """Make this standby the primary. Raises GeodnsError."""
        return await promote(self._pair, author, force=force, dry_run=dry_run)

    # --- starting -------------------------------------------------------------------------------

    def _prepare(self, loaded: Loaded) -> None:
        """While the image is being made: find out whether this server can run at all."""
        server = loaded.configuration.server
        must_be(self._user, server)
        log.configure(server.log)
        self._certificate.require(server)
        self._state = StateFolder(server.state)
        self._orphans.look(self._state)
        if not self._orphans:
            self._listening.open(server)

    async def _begin_checks(self, configuration: Configuration) -> None:
        """Nothing is answered from guesses: first come last known verdicts, or first results."""
        assert self._store is not None
        self._verdicts = Verdicts(self._store, time.time)
        self._monitor.recall(self._verdicts.recalled(configuration.services.health.keep))
        self._monitor.apply(configuration)
        self._verdicts.drop_strangers(self._monitor.plan)
        self._run("health checks", self._monitor.run)
        await self._see_all_targets()

    async def _see_all_targets(self) -> None:
        missing = await self._monitor.first_results(_FIRST_RESULTS)
        if missing:
            logger.warning("not every target has been probed yet", extra={"missing": missing})

    async def _start_worker(self, number: int) -> WorkerHandle:
        worker = await WorkerHandle.start(number, self._listening.of(number), self._options)
        worker.answer = self._replicating.answer
        self._certificate.greet(worker)
        return worker

    @property
    def _required_supervisor(self) -> Supervisor:
        assert self._supervisor is not None
        return self._supervisor

    def _run_parts(self) -> None:
        self._watcher.watch(self._in_use.loaded.stamps)
        parts: Iterable[tuple[str, Callable[[], Awaitable[None]]]] = (
            ("reloads", self._reloader.run),
            ("file watch", self._watcher.run),
            ("statistics", self._keep_statistics),
            ("watchdog", self._notifier.keep_alive),
            ("memory of verdicts", self._keep_verdicts),
            ("pair", self._pair.run),
            ("copied zones", self._secondaries.run),
        )
        for name, part in parts:
            self._run(name, part)

    def _run(self, name: str, part: Callable[[], Awaitable[None]]) -> None:
        self._tasks.append(asyncio.create_task(_lasting(name, part)))

    async def _keep_verdicts(self) -> None:
        assert self._verdicts is not None
        await self._verdicts.keep_watching()

    async def _keep_statistics(self) -> None:
        assert self._supervisor is not None
        while True:
            await asyncio.sleep(_REFRESH)
            await self._supervisor.refresh()

    # --- changes --------------------------------------------------------------------------------

    def _availability_changed(self, availability: Availability) -> None:
        if self._supervisor is not None:
            # An image that still has endpoints which are about to go would take them for well.
            endpoints = {**self._leaving, **availability.endpoints}
            self._supervisor.publish_availability(replace(availability, endpoints=endpoints))
        self._look_at_transferred()

    def _look_at_transferred(self) -> None:
        loaded = self._in_use.loaded
        transfer = loaded.configuration.server.transfer
        # A standby has the zones that are copied as the primary's health makes them.
        copied = transfer.is_offered and any(zone.geo for zone in loaded.zones) and self._pair.leads
        states = states_of(self._monitor.availability)
        self._transferred.look(states, transfer.refresh if copied else None)

    def _remember_verdicts(self, rows: Rows) -> None:
        if self._verdicts is not None:
            self._verdicts.take(rows)

    def _basis(self) -> Basis:
        return Basis(self._in_use.loaded.configuration, self._in_use.loaded.ttls)

    def _probe_ended(self, observation: Observation) -> None:
        self._timings.setdefault(observation.check, CheckTimings()).add(observation)

    def _files_changed(self, files: tuple[Path, ...]) -> None:
        logger.info("files changed", extra={"files": [str(file) for file in files]})
        self._reloader.request("file change")

    def _tell_others(self, compilation: Compilation) -> None:
        """Secondaries and the standby learn of what is in use now."""
        if self._pair.leads:
            self._replicating.notify(compilation.compiled.serials)
        self._pair.in_use(compilation)

    def _tell_of_reload(self, busy: bool) -> None:
        self._pair.reloading(busy)
        if busy:
            self._notifier.reloading()
        else:
            self._log.add_reload(self._reloader.last, str(self._path))
            self._notifier.ready(self._in_words())

    def _in_words(self) -> str:
        """What systemd shows of the server."""
        last = self._reloader.last
        zones = len(self._in_use.loaded.zones)
        state = f"answering for {zones} zone{'s' * (zones != 1)}"
        if last is not None and not last.ok:
            return f"{state}, as before the last reload, which was refused: {last.error}"
        return state

    async def _compile(self) -> Compilation:
        states = self._pair.states(self._transferred.used(states_of(self._monitor.availability)))
        former = self._required_supervisor.image
        return await self._compiler.compile(self._path, states=states, former=former)

    async def _apply(self, compilation: Compilation) -> None:
        supervisor, configuration = self._supervisor, compilation.loaded.configuration
        assert supervisor is not None
        self._leaving = self._monitor.availability.endpoints
        try:
            # Serials come after: a standby that dies in between serves the primary's again.
            self._pair.take_over(compilation.loaded)
            if self._store is not None:
                # Before anyone is told a serial: a process after this one must not go back.
                compiled = compilation.compiled
                self._store.keep_serials(compiled.serials, compiled.changes)
            self._monitor.apply(configuration)
            # What is new is looked at before it is answered.
            await self._see_all_targets()
        except BaseException:
            os.close(compilation.image)
            raise
        finally:
            self._leaving = {}
        if self._verdicts is not None:
            self._verdicts.drop_strangers(self._monitor.plan)
        self._certificate.renew(configuration.server)
        self._replicating.renew(compilation.loaded)
        generation = supervisor.publish_image(compilation.image)
        supervisor.publish_availability(self._monitor.availability)
        if configuration.server.log != self._in_use.loaded.configuration.server.log:
            log.configure(configuration.server.log)
        self._in_use = compilation.without_changes
        self._watcher.watch(compilation.loaded.stamps)
        self._tell_what_needs_a_restart(configuration.server)
        server = configuration.server
        options = worker_options(server, self._cookies.renew(server.cookies))
        if options != self._options:
            self._options = options
            await supervisor.replace_all(self._listening.renew, _GRACE)
        if not await supervisor.acknowledged(generation, _ACKNOWLEDGE):
            logger.warning("a worker does not take the new image", extra={"generation": generation})
        self._tell_others(compilation)
        set_aside()

    def _tell_what_needs_a_restart(self, server: Server) -> None:
        first, now = _at_start(self._first), _at_start(server)
        changed = tuple(name for name in first if first[name] != now[name])
        if changed and changed != self._restart_needed:
            logger.warning(
                "these settings changed, which takes a restart", extra={"settings": changed}
            )
        self._restart_needed = changed


async def _lasting(name: str, part: Callable[[], Awaitable[None]]) -> None:
    """Runs a part again where it broke: a fault in one must not end answers and checks."""
    while True:
        try:
            return await part()
        except Exception:
            logger.exception(
                "a part of the control process broke, running it again", extra={"part": name}
            )
            await asyncio.sleep(_AGAIN)


def _at_start(server: Server) -> dict[str, object]:
    """The settings that only a restart can change."""
    listen = server.tls.listen if server.tls is not None else ()
    return {name: getattr(server, name) for name in _AT_START} | {"tls.listen": listen}


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
