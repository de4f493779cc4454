"""The metrics that Prometheus collects, made from a snapshot."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import accumulate
from typing import Any, TypeVar

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.exposition import generate_latest
from prometheus_client.registry import Collector, CollectorRegistry

from geodns.control.outcome import SourceAge
from geodns.control.snapshot import Snapshot
from geodns.control.timings import BOUNDS
from geodns.health.status import GuardStatus, LoadStatus

_Labels = TypeVar("_Labels", bound=tuple[str, ...])
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


def render(snapshot: Snapshot) -> bytes:
    """The text that Prometheus reads."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Once(snapshot))
    return generate_latest(registry)


class _Once(Collector):
    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot

    def describe(self) -> Iterable[Metric]:
        return []

    def collect(self) -> Iterator[Metric]:
        yield from _traffic(self._snapshot)
        yield from _health(self._snapshot)
        yield from _guard(self._snapshot.health.guard)
        yield from _load(self._snapshot)
        yield from _sources(self._snapshot)
        yield from _updates(self._snapshot)
        yield from _process(self._snapshot)
        yield from _pair(self._snapshot.pair)
        yield from _secondaries(self._snapshot.secondaries)


def _traffic(snapshot: Snapshot) -> Iterator[Metric]:
    totals = snapshot.totals
    yield _counter(
        "geodns_queries", "DNS queries answered", ("transport", "type", "rcode"), totals.queries
    )
    yield _counter(
        "geodns_answers",
        "Answers from a service, by where they sent the client and why",
        ("service", "region", "availability_zone", "reason"),
        totals.answers,
    )
    yield _counter(
        "geodns_dropped",
        "Messages that got no answer",
        ("reason",),
        {(reason,): count for reason, count in totals.dropped.items()},
    )
    yield _gauge("geodns_tcp_connections", "Open TCP connections", (), {(): totals.connections})


def _health(snapshot: Snapshot) -> Iterator[Metric]:
    checks = CounterMetricFamily("geodns_checks", "Finished probes", labels=("check", "result"))
    durations = HistogramMetricFamily(
        "geodns_check_duration_seconds", "How long probes took", labels=("check",)
    )
    bounds = [*(str(bound) for bound in BOUNDS), "+Inf"]
    for name, timings in snapshot.timings.items():
        checks.add_metric((name, "ok"), timings.ok)
        checks.add_metric((name, "failed"), timings.failed)
        counts = list(zip(bounds, accumulate(timings.buckets), strict=True))
        durations.add_metric((name,), counts, timings.total)
    yield checks
    yield durations
    yield _gauge(
        "geodns_check_certificate_not_after_timestamp_seconds",
        "When the certificate that a check saw last expires",
        ("check", "address"),
        {
            (target.check, target.address): target.certificate_expires
            for target in snapshot.health.targets
            if target.certificate_expires is not None
        },
    )
    regions = snapshot.health.regions
    zones = [(region, zone) for region in regions for zone in region.availability_zones]
    yield _gauge(
        "geodns_endpoint_availability",
        "From 0, withdrawn, to 1, fully in service",
        ("endpoint",),
        {(item.id,): item.availability for _, zone in zones for item in zone.endpoints},
    )
    yield _gauge(
        "geodns_availability_zone_in_service",
        "1 while the availability zone is in service by its own verdict",
        ("region", "availability_zone"),
        {(region.name, zone.name): zone.state == "in service" for region, zone in zones},
    )
    yield _gauge(
        "geodns_region_in_service",
        "1 while the region is in service by its own verdict",
        ("region",),
        {(region.name,): region.state == "in service" for region in regions},
    )


def _guard(guard: GuardStatus) -> Iterator[Metric]:
    gauges = (
        ("frozen", "1 while no verdict takes anything down", guard.frozen),
        ("failing_share", "Share of targets believed up that fail", guard.failing_share),
        ("kept_targets", "Targets believed up that are down by their probes", guard.kept),
        ("waiting_endpoints", "Endpoints that wait to be withdrawn", guard.waiting),
        ("references_answering", "Reference targets that answer", guard.answering),
    )
    for name, text, value in gauges:
        yield _gauge(f"geodns_health_{name}", text, (), {(): value})


def _load(snapshot: Snapshot) -> Iterator[Metric]:
    loads = {
        (endpoint.id,): endpoint.load
        for region in snapshot.health.regions
        for zone in region.availability_zones
        for endpoint in zone.endpoints
    }
    gauges: tuple[tuple[str, str, Callable[[LoadStatus], float | None]], ...] = (
        ("load", "Load as reported, in the endpoint's unit", lambda load: load.load),
        ("capacity", "Load that it can take", lambda load: load.capacity),
        ("load_availability", "What shedding leaves of it", lambda load: load.availability),
        ("share_factor", "What multiplies its weight", lambda load: load.factor),
        ("response_time_seconds", "Time of its checks, smoothed", lambda load: load.response_time),
    )
    for name, text, value in gauges:
        known = {key: found for key, load in loads.items() if (found := value(load)) is not None}
        yield _gauge(f"geodns_endpoint_{name}", text, ("endpoint",), known)
    yield _counter(
        "geodns_load_reports",
        "Loads that checks told (ok), failed to tell (bad), or that were pushed",
        ("service", "result"),
        snapshot.load_reports,
    )


def _sources(snapshot: Snapshot) -> Iterator[Metric]:
    yield _ages("geodns_database_age_seconds", "GeoIP database", snapshot.databases, snapshot.at)
    yield _ages("geodns_latency_table_age_seconds", "latency table", snapshot.tables, snapshot.at)
    yield _gauge(
        "geodns_zone_serial",
        "Serial of a zone's SOA record",
        ("zone",),
        {(zone.origin,): zone.serial for zone in snapshot.zones},
    )


def _updates(snapshot: Snapshot) -> Iterator[Metric]:
    yield _counter(
        "geodns_updates",
        "Dynamic updates replied to; zones that nobody may change have no name here",
        ("zone", "rcode"),
        snapshot.updates,
    )
    yield _gauge(
        "geodns_updated_record_sets",
        "Record sets that dynamic updates wrote",
        ("zone",),
        {(zone,): count for zone, count in snapshot.updated_sets.items()},
    )


def _process(snapshot: Snapshot) -> Iterator[Metric]:
    workers = [worker for worker in snapshot.workers if worker.pid is not None]
    yield _gauge("geodns_workers", "Running workers", (), {(): len(workers)})
    yield _gauge(
        "geodns_worker_snapshot_generation",
        "Generation of the image that a worker answers from",
        ("worker",),
        {(str(worker.number),): worker.image_generation for worker in workers},
    )
    yield _gauge(
        "geodns_worker_availability_generation",
        "Generation of the availability that a worker answers by",
        ("worker",),
        {(str(worker.number),): worker.availability_generation for worker in workers},
    )
    yield _gauge(
        "geodns_snapshot_generation",
        "Generation of the newest image",
        (),
        {(): snapshot.image_generation},
    )
    yield _gauge(
        "geodns_availability_generation",
        "Generation of the newest availability",
        (),
        {(): snapshot.availability_generation},
    )
    restarts = sum(worker.restarts for worker in snapshot.workers)
    yield _counter("geodns_worker_restarts", "Workers that ended unasked", (), {(): restarts})
    yield _reloads(snapshot)
    if snapshot.last_reload is not None:
        yield _gauge(
            "geodns_last_reload_timestamp_seconds",
            "When the last reload ended, whatever became of it",
            (),
            {(): snapshot.last_reload.at},
        )
        yield _gauge(
            "geodns_last_reload_successful",
            "1 when the last reload came into use",
            (),
            {(): snapshot.last_reload.ok},
        )
    yield _gauge("geodns_start_time_seconds", "When it started", (), {(): snapshot.started})
    yield InfoMetricFamily("geodns_build", "This program", {"version": snapshot.version})


def _pair(pair: dict[str, Any] | None) -> Iterator[Metric]:
    if pair is None:
        return
    gauges = (
        ("primary", "1 while this server is the primary of its pair", pair["role"] == "primary"),
        ("epoch", "Number of the epoch: each promotion begins one", pair["epoch"]),
        ("connected", "1 while primary and standby are connected", pair["connected"]),
        ("changes", "Changes of dynamic records on the primary", pair["number"]),
        ("standby_changes", "Those that the standby has on its disk", pair["standby_number"]),
        ("standby_behind_seconds", "For how long it has lacked something", pair["behind"]),
        ("last_heard_timestamp_seconds", "When the other was last heard", pair["last_heard"]),
        ("refused", "1 while the standby refuses what came last", pair["error"] is not None),
    )
    for name, text, value in gauges:
        if value is not None:
            yield _gauge(f"geodns_pair_{name}", text, (), {(): value})


def _secondaries(secondaries: Sequence[dict[str, Any]]) -> Iterator[Metric]:
    if not secondaries:
        return
    gauges: tuple[tuple[str, str, Callable[[dict[str, Any]], float | None]], ...] = (
        ("serial", "Serial that was copied", lambda row: row["serial"]),
        (
            "checked_timestamp_seconds",
            "When a primary has last confirmed it",
            lambda row: row["checked"],
        ),
        (
            "expires_timestamp_seconds",
            "When it expires unless one does",
            lambda row: row["expires"],
        ),
        (
            "served",
            "1 while it is answered: neither expired nor still to be copied",
            lambda row: row["standing"] in ("current", "retrying"),
        ),
    )
    for name, text, value in gauges:
        known = {(row["zone"],): found for row in secondaries if (found := value(row)) is not None}
        yield _gauge(f"geodns_secondary_{name}", text, ("zone",), known)
    yield _counter(
        "geodns_secondary_checks_failed",
        "Checks in which a primary failed",
        ("zone",),
        {(row["zone"],): row["failed"] for row in secondaries},
    )
    yield _counter(
        "geodns_secondary_transfers",
        "Times that something new was copied",
        ("zone",),
        {(row["zone"],): row["copied"] for row in secondaries},
    )


def _reloads(snapshot: Snapshot) -> Metric:
    counts = {(result,): count for result, count in snapshot.reloads.items()}
    return _counter("geodns_reloads", "Reloads by result", ("result",), counts)


def _counter(
    name: str, text: str, labels: tuple[str, ...], values: Mapping[_Labels, float]
) -> CounterMetricFamily:
    family = CounterMetricFamily(name, text, labels=labels)
    for key, value in values.items():
        family.add_metric(key, value)
    return family


def _gauge(
    name: str, text: str, labels: tuple[str, ...], values: Mapping[_Labels, float]
) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, text, labels=labels)
    for key, value in values.items():
        family.add_metric(key, float(value))
    return family


def _ages(name: str, what: str, sources: tuple[SourceAge, ...], now: float) -> GaugeMetricFamily:
    ages = {(source.file,): max(0.0, now - source.made) for source in sources}
    return _gauge(name, f"How old the data of a {what} is", ("file",), ages)
