"""The control process: starts everything in its order, applies reloads, stops everything."""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from geodns import log
from geodns.config.settings import Configuration
from geodns.control.admin import Admin
from geodns.control.certificate import Certificate
from geodns.control.compiling import Compilation, Compiler
from geodns.control.cookie_secrets import CookieSecrets
from geodns.control.event_log import EventLog
from geodns.control.garbage import set_aside
from geodns.control.inherited import take_inherited
from geodns.control.lasting import lasting
from geodns.control.listening import Listening
from geodns.control.notify import Notifier
from geodns.control.ordering import Basis, Ordering
from geodns.control.orphans import Orphans
from geodns.control.outcome import Loaded
from geodns.control.pairing.pairing import Pairing
from geodns.control.reloader import Reloader, report
from geodns.control.replicating import Replicating
from geodns.control.requests import Parts, Requests
from geodns.control.resetting import Resetting
from geodns.control.restart_needed import RestartNeeded
from geodns.control.secondaries import Secondaries
from geodns.control.share_basis import share_basis
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
from geodns.health.probe import Observation
from geodns.health.slots import slots_within
from geodns.open_files import raise_limit
from geodns.server.handle import WorkerHandle, states_of

logger = logging.getLogger(__name__)

# By then a probe with the usual timeout has ended. Who has said nothing is withheld.
_FIRST_RESULTS = 5.0  # seconds
_GRACE = 5.0  # seconds for what is in flight when a worker is stopped
_ACKNOWLEDGE = 30.0  # seconds in which every worker has read the largest image
_REFRESH = 5.0  # seconds: at most so much of its counting is lost with a worker that dies
_OPEN_FILES = 65_536  # as docs/geodns.service allows; each probe under way is one


class ControlProcess:
    """One running server. ``start`` raises GeodnsError in one sentence, or CompileError."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._started = time.time()
        self._user: Names = (None, None)
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
        self._admin: Admin | None = None

    async def start(self) -> None:
        """Read the configuration, bind, and answer; returns when every worker is ready."""
        begun = time.monotonic()
        self._listening = Listening(take_inherited())
        self._certificate.read_early(self._path)
        self._user = step_down(self._path, has_sockets=bool(self._listening.inherited))
        self._in_use = await self._compiler.compile(self._path, loaded=self._prepare)
        server = self._in_use.loaded.configuration.server
        self._restart = RestartNeeded(server)
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
        self._admin = Admin(self._requests(supervisor, self._store, self._ordering))
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
        if self._admin is not None:
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

    def reload(self, reason: str) -> None:
        """Read the configuration anew; what is wrong with it is reported and changes nothing."""
        self._pair.retry()
        self._reloader.request(reason)

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

    def _requests(self, supervisor: Supervisor, store: Store, ordering: Ordering) -> Requests:
        return Requests(
            Parts(
                monitor=self._monitor,
                supervisor=supervisor,
                ordering=ordering,
                pair=self._pair,
                secondaries=self._secondaries,
                updating=self._updating,
                resetting=self._resetting,
                reloader=self._reloader,
                log=self._log,
                store=store,
                listening=self._listening,
                restart=self._restart,
                timings=self._timings,
            ),
            lambda: self._in_use,
            self._path,
            self._started,
        )

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
        self._tasks.append(asyncio.create_task(lasting(name, part)))

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
        server = configuration.server
        self._restart.look(server)
        options = worker_options(server, self._cookies.renew(server.cookies))
        if options != self._options:
            self._options = options
            await supervisor.replace_all(self._listening.renew, _GRACE)
        if not await supervisor.acknowledged(generation, _ACKNOWLEDGE):
            logger.warning("a worker does not take the new image", extra={"generation": generation})
        self._tell_others(compilation)
        set_aside()
