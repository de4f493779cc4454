"""The status as JSON: what ``/v1/status`` and ``geodns status --json`` show."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict
from datetime import UTC, datetime
from ipaddress import ip_address
from math import isfinite
from typing import Any

from geodns.control.outcome import SourceAge
from geodns.control.reloader import Reload
from geodns.control.snapshot import Snapshot
from geodns.control.totals import Totals
from geodns.health.availability import Availability
from geodns.problem import Problem


def status(snapshot: Snapshot) -> dict[str, Any]:
    """Mappings, lists and scalars. Times are seconds since 1970."""
    return {
        "version": snapshot.version,
        "pid": snapshot.pid,
        "at": snapshot.at,
        "started": snapshot.started,
        "identity": snapshot.identity,
        "addresses": list(snapshot.addresses),
        "tls_addresses": list(snapshot.tls_addresses),
        "configuration": {
            "file": snapshot.configuration,
            "warnings": [problem(item) for item in snapshot.warnings],
            "restart_needed": list(snapshot.restart_needed),
            "reloads": dict(snapshot.reloads),
            "last_reload": reload(snapshot.last_reload) if snapshot.last_reload else None,
        },
        "image_generation": snapshot.image_generation,
        "availability_generation": snapshot.availability_generation,
        "workers": [asdict(worker) for worker in snapshot.workers],
        "traffic": _traffic(snapshot.totals),
        "health": snapshot.health.as_dict(),
        "orders": list(snapshot.orders),
        "pair": snapshot.pair,
        "zones": [asdict(zone) | {"file": str(zone.file)} for zone in snapshot.zones],
        "secondaries": list(snapshot.secondaries),
        "databases": _sources(snapshot.databases, snapshot.at),
        "latency_tables": _sources(snapshot.tables, snapshot.at),
    }


def availability(current: Availability) -> dict[str, Any]:
    """The availability of every endpoint, as ``geodns.health.availability`` describes it."""
    return {
        "generation": current.generation,
        "endpoints": {
            id: {
                "availability": endpoint.availability,
                "addresses": list(endpoint.addresses),
                "failing": sorted(str(ip_address(packed)) for packed in endpoint.failing),
                "reason": endpoint.reason,
                "factor": endpoint.factor,
                "steady": endpoint.steady if isfinite(endpoint.steady) else None,
            }
            for id, endpoint in current.endpoints.items()
        },
    }


def reload(result: Reload) -> dict[str, Any]:
    """What became of a reload, with every problem."""
    return {
        "ok": result.ok,
        "reason": result.reason,
        "at": result.at,
        "seconds": round(result.seconds, 3),
        "error": result.error,
        "problems": [problem(item) for item in result.problems],
    }


def problem(item: Problem) -> dict[str, Any]:
    """A finding; ``text`` is the line that ``geodns check`` prints."""
    return asdict(item) | {"file": str(item.file), "text": str(item)}


def encode(data: dict[str, Any]) -> bytes:
    """JSON, in UTF-8."""
    return json.dumps(data, ensure_ascii=False).encode()


def moment(seconds: float) -> str:
    """A time for people and programs: ISO 8601, UTC, whole seconds."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _traffic(totals: Totals) -> dict[str, Any]:
    columns = ("service", "region", "availability_zone", "reason")
    return {
        "queries": sum(totals.queries.values()),
        "by_transport": _sums((key[0], count) for key, count in totals.queries.items()),
        "by_type": _sums((key[1], count) for key, count in totals.queries.items()),
        "by_rcode": _sums((key[2], count) for key, count in totals.queries.items()),
        "answers": [
            dict(zip(columns, key, strict=True)) | {"count": count}
            for key, count in sorted(totals.answers.items())
        ],
        "dropped": dict(sorted(totals.dropped.items())),
        "tcp_connections": totals.connections,
    }


def _sums(pairs: Iterable[tuple[str, int]]) -> dict[str, int]:
    sums: Counter[str] = Counter()
    for name, count in pairs:
        sums[name] += count
    return dict(sums.most_common())


def _sources(sources: tuple[SourceAge, ...], now: float) -> list[dict[str, Any]]:
    return [asdict(source) | {"age": max(0.0, now - source.made)} for source in sources]
