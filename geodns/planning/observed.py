"""Demand as a running server has counted it, from what its admin API tells. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from geodns.errors import GeodnsError
from geodns.latency.client import ClientKeyError, parse_client
from geodns.planning.demand import DemandRow


class ObservationError(GeodnsError):
    """What the server told can't be used."""


def since_start(told: Mapping[str, Any], service: str) -> list[DemandRow]:
    """Queries of a service per second, on average since the workers have started.

    Raises ObservationError.
    """
    return _read(lambda: _rows(service, told["answers"], _column(told, service, "rate")))


def between(before: Mapping[str, Any], after: Mapping[str, Any], service: str) -> list[DemandRow]:
    """Queries of a service per second, in the time between two answers of the same server.

    Raises ObservationError.
    """
    return _read(lambda: _between(before, after, service))


def _read(rows: Callable[[], list[DemandRow]]) -> list[DemandRow]:
    try:
        return rows()
    except (KeyError, TypeError, AttributeError, ValueError, ClientKeyError) as error:
        raise ObservationError("the server's answer is not understood") from error


def _between(before: Mapping[str, Any], after: Mapping[str, Any], service: str) -> list[DemandRow]:
    seconds = after["at"] - before["at"]
    if after["pid"] != before["pid"] or seconds <= 0:
        raise ObservationError("the server was started anew in the meantime; ask again")
    answers = {
        name: max(0, count - before["answers"].get(name, 0))
        for name, count in after["answers"].items()
    }
    earlier = _column(before, service, "queries")
    rates = {
        # Less than before: a worker has ended, and took its counts along.
        key: max(0.0, queries - earlier.get(key, 0.0)) / seconds
        for key, queries in _column(after, service, "queries").items()
    }
    return _rows(service, answers, rates)


_Key = tuple[tuple[str, ...], str]


def _column(told: Mapping[str, Any], service: str, name: str) -> dict[_Key, float]:
    """Figures by the services of a group and client; groups that the service is in."""
    return {
        (tuple(group["services"]), str(row["client"])): float(row[name])
        for group in told["groups"]
        if service in group["services"]
        for row in group["clients"]
    }


def _rows(service: str, answers: Mapping[str, int], rates: Mapping[_Key, float]) -> list[DemandRow]:
    """Services that share a location map are counted together: each gets its part of all."""
    sums: dict[str, float] = {}
    for (services, client), rate in rates.items():
        whole = sum(answers.get(name, 0) for name in services)
        part = answers.get(service, 0) / whole if whole else 1 / len(services)
        sums[client] = sums.get(client, 0.0) + rate * part
    return [DemandRow(parse_client(client), rate) for client, rate in sums.items() if rate > 0]
