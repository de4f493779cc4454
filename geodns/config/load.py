"""Loads the whole configuration: every file read, checked alone and together, or refused."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import chain
from pathlib import Path

from geodns.config.basis import read_server
from geodns.config.catalog import with_catalog
from geodns.config.check_abuse import ABUSE_RULES
from geodns.config.check_access import ACCESS_RULES
from geodns.config.check_latency import LATENCY_RULES
from geodns.config.check_names import NAME_RULES
from geodns.config.check_pair import PAIR_RULES
from geodns.config.check_replication import REPLICATION_RULES
from geodns.config.check_secondary import SECONDARY_RULES
from geodns.config.check_server import SERVER_RULES, missing_file, missing_folder, visible
from geodns.config.check_services import SERVICES_RULES
from geodns.config.check_steering import STEERING_RULES, stages_of
from geodns.config.check_topology import TOPOLOGY_RULES
from geodns.config.check_use import LEFTOVER_RULES, USE_RULES
from geodns.config.dynamic import with_dynamic_records
from geodns.config.overlays import read_overlays
from geodns.config.paths import absolute
from geodns.config.probing import TlsSettings
from geodns.config.secondary import authorities_of_primaries
from geodns.config.settings import (
    Configuration,
    LatencyRow,
    Services,
    Topology,
)
from geodns.config.source import Model, Source, no_source, read_source
from geodns.config.sources import Rule, Sources
from geodns.config.steering import PlanFilter
from geodns.latency.age import counting
from geodns.latency.estimate import DEFAULT
from geodns.latency.resolvers import ResolverRow, read_resolvers
from geodns.latency.table import latency_row, read_whole
from geodns.planning.file import read_plan
from geodns.planning.plan import Rows
from geodns.problem import ConfigurationError, Problem
from geodns.yamlfile import Keys
from geodns.zone.content import Zone
from geodns.zone.kept import Kept
from geodns.zone.load import AS_IT_IS, load_zones
from geodns.zone.pending import Pending


def load(
    path: Path,
    *,
    now: float | None = None,
    pending: Pending = AS_IT_IS,
    candidate: bool = False,
    kept: Mapping[Path, Kept] = {},
) -> tuple[Configuration, tuple[Problem, ...]]:
    """The configuration that starts at a server file (``geodns.yaml``), and its warnings.

    ``now``, seconds since 1970, decides which figures of latency tables are too old; None: the
    system's clock says it. ``pending``: changes of zone files that are not written yet.
    ``candidate``: with what came from the primary last, where it is not in use yet. ``kept``: as
    ``load_zones`` has it.
    Raises ConfigurationError with every problem of all files if there is an error among them.
    """
    absolute_path = Path(os.path.abspath(path))  # noqa: PTH100  # resolve() follows links
    loading = _Loading(absolute_path, time.time() if now is None else now, pending, candidate)
    loading.kept = kept
    problems = loading.run()
    if any(problem.severity == "error" for problem in problems):
        raise ConfigurationError(problems, loading.watched())
    return loading.configuration, problems


class _Loading:
    """One pass over all files. Problems are collected in the order of the files."""

    def __init__(self, path: Path, now: float, pending: Pending, candidate: bool) -> None:
        self.now = now
        self.pending = pending
        self.server_files = read_server(path, candidate=candidate)
        self.server = self.server_files.source
        self.found: list[Problem] = list(self.server.problems)
        topology = self._source(Topology, self.server.settings.topology, "topology")
        services = self._source(Services, self.server.settings.services, "services")
        folder = services.document.file.parent
        root = self.server_files.root
        services = replace(services, settings=absolute(services.settings, folder, root))
        self.sources = Sources(self.server, topology, services)
        self.latency: tuple[LatencyRow, ...] = ()
        self.estimate = DEFAULT
        self.plans: dict[Path, Rows] = {}
        self.resolvers: tuple[ResolverRow, ...] = ()
        self.zone_files: list[Path] = []
        self.overlays: tuple[Zone, ...] = ()
        self.kept: Mapping[Path, Kept] = {}
        self.configuration: Configuration

    def run(self) -> tuple[Problem, ...]:
        """Reads and checks everything; the problems of a file stand together, top to bottom."""
        self.latency = self._latency()
        self.plans = self._plans()
        self.resolvers = self._resolvers()
        zones = self._zones()
        self.overlays, found, files = read_overlays(self.sources)
        self.found.extend(found)
        self.zone_files.extend(files)
        self.sources = self.sources.with_zones(zones, self.overlays)
        for rules in (
            SERVER_RULES,
            ABUSE_RULES,
            ACCESS_RULES,
            REPLICATION_RULES,
            SECONDARY_RULES,
            PAIR_RULES,
            LATENCY_RULES,
            NAME_RULES,
            TOPOLOGY_RULES,
            SERVICES_RULES,
            STEERING_RULES,
            USE_RULES,
        ):
            self.found.extend(self._findings(rules))
        if not any(problem.severity == "error" for problem in self.found):
            self.found.extend(self._findings(LEFTOVER_RULES))
        if not any(problem.severity == "error" for problem in self.found):
            self.configuration, wrong = with_dynamic_records(self._configuration())
            self.found.extend(wrong)
        order = {file: place for place, file in enumerate(self.watched())}
        unique = dict.fromkeys(self.found)
        return tuple(
            sorted(
                unique,
                key=lambda item: (order.get(item.file, len(order)), item.line, item.column),
            )
        )

    def _configuration(self) -> Configuration:
        """What was read. Only to be called when there is no error."""
        return Configuration(
            server=self.sources.server.settings,
            topology=self.sources.topology.settings,
            services=self.sources.services.settings,
            latency=self.latency,
            zones=self.sources.zones,
            overlays=self.overlays,
            files=self.watched(),
            estimate=self.estimate,
            plans=self.plans,
            resolvers=self.resolvers,
        )

    def watched(self) -> tuple[Path, ...]:
        """Every file and folder that a change of is a change of the configuration."""
        server, services = self.server.settings, self.sources.services.settings
        authorities = (
            check.ca for check in services.checks.values() if isinstance(check, TlsSettings)
        )
        certificates = (server.tls.certificate, server.tls.key) if server.tls else ()
        candidates: Iterable[Path | None] = chain(
            (*self.server_files.files, server.topology, server.services),
            server.latency,
            self.plans,
            server.resolvers,
            (server.cookies.secret_file, server.zones),
            (key.secret_file for key in server.keys.values()),
            self.zone_files,
            server.geoip.databases,
            authorities,
            authorities_of_primaries(server.secondary),
            (file for file in certificates if visible(file)),
        )
        return tuple(dict.fromkeys(file for file in candidates if file is not None))

    def _findings(self, rules: tuple[Rule, ...]) -> Iterator[Problem]:
        for rule in rules:
            yield from rule(self.sources)

    def _source(self, model: type[Model], file: Path | None, key: str) -> Source[Model]:
        if file is None:
            readable = self.server.readable and self.server.sound((key,))
            return no_source(model, self.server.document.file, readable=readable)
        missing = list(missing_file(file, self.server.document, (key,)))
        if missing:
            self.found.extend(missing)
            return no_source(model, file, readable=False)
        source = read_source(model, file)
        self.found.extend(source.problems)
        return source

    def _latency(self) -> tuple[LatencyRow, ...]:
        """The rows of all tables; for the same client, the earlier file's row."""
        rows: dict[str, LatencyRow] = {}
        topology = self.sources.topology
        for index, file in enumerate(self.server.settings.latency):
            path: Keys = ("latency", index)
            missing = list(missing_file(file, self.server.document, path))
            self.found.extend(missing)
            if missing:
                continue
            table = read_whole(file, self.sources.region_names())
            self.found.extend(
                problem
                for problem in table.problems
                if topology.readable or problem.id != "undefined-region"
            )
            table, warnings = counting(table, self.server.settings.latency_age, self.now)
            self.found.extend(warnings)
            if table.estimate is not None and not self.estimate.fitted:
                self.estimate = table.estimate
            for row in table.rows:
                rows.setdefault(row.client, latency_row(row))
        return tuple(rows.values())

    def _resolvers(self) -> tuple[ResolverRow, ...]:
        """The rows of all tables; for the same network, the earlier file's row."""
        rows: dict[object, ResolverRow] = {}
        for index, file in enumerate(self.server.settings.resolvers):
            missing = list(missing_file(file, self.server.document, ("resolvers", index)))
            self.found.extend(missing)
            if not missing:
                table, problems = read_resolvers(file)
                self.found.extend(problems)
                for row in table:
                    rows.setdefault(row.network, row)
        return tuple(rows.values())

    def _plans(self) -> dict[Path, Rows]:
        """The rows of the plan files that services follow."""
        plans: dict[Path, Rows] = {}
        document, topology = self.sources.services.document, self.sources.topology
        for name, service in self.sources.services.settings.services.items():
            for stage, path in stages_of(name, service):
                if not isinstance(stage.options, PlanFilter):
                    continue
                file = stage.options.file
                missing = missing_file(file, document, (*path, "plan", "file"))
                # It is this very configuration that a first plan is made from.
                hint = f"geodns plan {name} -o {file.name} writes it"
                absent = [replace(one, severity="warning", hint=hint) for one in missing]
                self.found.extend(absent)
                if absent or file in plans:
                    plans.setdefault(file, {})
                    continue
                plan, problems = read_plan(file, service.branches or self.sources.region_names())
                plans[file] = plan.rows
                if plan.service and plan.service != name:
                    self.found.append(
                        document.problem(
                            "plan-of-another",
                            f"{file.name} was made for the service {plan.service!r}",
                            (*path, "plan", "file"),
                            severity="warning",
                            hint=hint,
                        )
                    )
                self.found.extend(
                    problem
                    for problem in problems
                    if topology.readable or problem.id != "undefined-region"
                )
        return plans

    def _zones(self) -> tuple[Zone, ...]:
        folder = self.server.settings.zones
        if folder is None:
            return ()
        missing = list(missing_folder(folder, self.server.document, ("zones",)))
        self.found.extend(missing)
        if missing:
            return ()
        services = self.sources.services
        names = set(self.sources.service_names()) if services.readable else None
        zones, problems, self.zone_files = load_zones(
            folder, names, self.pending, self.server.settings.name_servers, self.kept
        )
        self.found.extend(problems)
        return with_catalog(self.sources, zones, (folder, self.server.document.file))
