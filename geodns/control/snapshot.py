"""Everything that status, metrics and status page show, at one moment; they are made from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from geodns.control.outcome import SourceAge, ZoneSummary
from geodns.control.reloader import Reload
from geodns.control.timings import CheckTimings
from geodns.control.totals import Totals
from geodns.health.status import Status
from geodns.problem import Problem


@dataclass(frozen=True)
class WorkerView:
    """One worker. ``pid`` is None while there is none, between an end and the next start."""

    number: int
    pid: int | None
    image_generation: int
    availability_generation: int
    restarts: int


@dataclass(frozen=True)
class Snapshot:
    """``at`` and ``started`` are seconds since 1970.

    ``last_reload`` is None until the first one; ``warnings`` are those of the configuration in
    use; ``restart_needed`` names the settings whose change waits for a restart. ``load_reports``
    are counted by service and result. ``pair`` is as ``pairing.report`` has it; None: this server
    is alone. ``updates`` are replies to dynamic updates by zone and rcode, ``updated_sets`` the
    record sets of each zone that they wrote. ``orders`` are the drains and forces that stand, as
    ``Ordering.list`` has them.
    """

    version: str
    pid: int
    at: float
    started: float
    identity: str | None
    addresses: tuple[str, ...]
    configuration: str
    image_generation: int
    availability_generation: int
    last_reload: Reload | None
    reloads: Mapping[str, int]
    warnings: tuple[Problem, ...]
    restart_needed: tuple[str, ...]
    workers: tuple[WorkerView, ...]
    totals: Totals
    timings: Mapping[str, CheckTimings]
    health: Status
    zones: tuple[ZoneSummary, ...]
    databases: tuple[SourceAge, ...]
    tables: tuple[SourceAge, ...]
    load_reports: Mapping[tuple[str, str], int] = field(default_factory=dict)
    tls_addresses: tuple[str, ...] = ()
    orders: tuple[dict[str, Any], ...] = ()
    pair: dict[str, Any] | None = None
    updates: Mapping[tuple[str, str], int] = field(default_factory=dict)
    updated_sets: Mapping[str, int] = field(default_factory=dict)
    secondaries: tuple[dict[str, Any], ...] = ()
