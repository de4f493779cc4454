"""Dynamic records of zones as services: values are their endpoints, rules their steering.

A record becomes a service of its own, ``www.example.test/A``. A client's rule is the row of a
``geofence`` that is most specific to it: the rule's pool and its fallbacks, and no others; their
order is that of a ``prefer``. That is octoDNS's first rule that matches, since narrower places are
in earlier rules; where a lenient record has them the other way round, the narrower place's row
leads to where the earlier rule does.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import dns.name
from dns.rdatatype import RdataType
from pydantic import BaseModel

from geodns.config.probing import Check, HttpCheck, TcpCheck
from geodns.config.settings import Configuration, Endpoint, PoolEndpoint, Service
from geodns.config.steering import Fence, Geofence, Prefer, Stage
from geodns.config.validate import validated
from geodns.health.kits.hosts import parse_host
from geodns.health.kits.icmp import IcmpCheck
from geodns.problem import Problem
from geodns.yamlfile import Document
from geodns.zone.content import Zone
from geodns.zone.dynamic import (
    DynamicRecord,
    HealthCheck,
    Network,
    Pool,
    pool_id,
    service_of,
    subnets_around,
    value_ids,
)
from geodns.zone.geocodes import around, client_key

_KINDS: Mapping[str, tuple[type[BaseModel], str]] = {
    "HTTP": (HttpCheck, "http"),
    "HTTPS": (HttpCheck, "https"),
    "TCP": (TcpCheck, "tcp"),
    "ICMP": (IcmpCheck, "icmp"),
}


@dataclass(slots=True)
class Dynamic:
    """What dynamic records add to a configuration, by the names of their services."""

    services: dict[str, Service] = field(default_factory=dict)
    checks: dict[str, Check] = field(default_factory=dict)
    pools: dict[str, tuple[PoolEndpoint, ...]] = field(default_factory=dict)


def with_dynamic_records(configuration: Configuration) -> tuple[Configuration, list[Problem]]:
    """The configuration with the services of its zones' dynamic records, and what is wrong."""
    made, problems = Dynamic(), list[Problem]()
    # A name may stand in a zone and in one above it; only the deepest zone is asked.
    local = (*configuration.zones, *configuration.overlays)
    for zone in sorted(local, key=lambda zone: -len(zone.origin.labels)):
        for owner, node in zone.steered():
            for record in node.dynamic:
                name = service_of(owner, record.type)
                if name not in made.services:
                    problems.extend(_add(made, name, owner, record, zone))
    own = configuration.services
    services = own.model_copy(
        update={
            "services": {**own.services, **made.services},
            "checks": {**own.checks, **made.checks},
        }
    )
    return replace(configuration, services=services, pools=made.pools), problems


def _add(
    made: Dynamic, name: str, owner: dns.name.Name, record: DynamicRecord, zone: Zone
) -> Iterator[Problem]:
    if record.check is not None and any(
        value.status == "obey" for pool in record.pools for value in pool.values
    ):
        found = _check(record.check, owner, zone)
        for problem in found.problems:
            yield replace(problem, line=record.line, column=record.column)
        if not found.problems:
            made.checks[name] = found.settings
    made.services[name] = _service(record, name if name in made.checks else None)
    made.pools[name] = tuple(
        endpoint for pool in record.pools for endpoint in _endpoints(name, pool, record.type)
    )


def _check(check: HealthCheck, owner: dns.name.Name, zone: Zone) -> Any:
    """The check that octoDNS's settings stand for, validated."""
    model, type = _KINDS[check.protocol]
    settings: dict[str, Any] = {"type": type, **dict(check.more)}
    if check.protocol != "ICMP":
        settings["port"] = check.port
    if model is HttpCheck:
        # octoDNS asks for the status alone, and so do most of those that it tells to check.
        settings.setdefault("verify", False)
        settings.update(path=check.path, host=check.host or _host_of(owner))
    return validated(model, Document(zone.file, settings))


def _host_of(owner: dns.name.Name) -> str | None:
    """The record's own name, where a Host header can have it: no wildcard's."""
    try:
        return parse_host(owner.to_text(omit_final_dot=True))
    except ValueError:
        return None


def _service(record: DynamicRecord, check: str | None) -> Service:
    chains = dict(_chains(record))
    fences = {client: Fence(only=pools) for client, pools in chains.items()}
    return Service(
        steering=(
            Stage(geofence=Geofence(rules=fences)),
            Stage(prefer=Prefer(rules=chains)),
        ),
        check=check,
        ttl=float(record.ttl),
        answers=record.answers,
        when_down=_when_down(record),
    )


def _when_down(record: DynamicRecord) -> Any:
    if not record.defaults:
        return "nodata"
    if record.type == RdataType.CNAME:
        return {"cname": record.defaults[0]}
    return {"addresses": list(record.defaults)}


def _chains(record: DynamicRecord) -> Iterator[tuple[str, tuple[str, ...]]]:
    """By client key, the pools that its clients are sent to, in the order they are asked."""
    subnets: dict[Network, int] = {}
    geos: dict[str, int] = {}
    last: int | None = None
    for number, rule in enumerate(record.rules):
        if rule.catches_all:
            last = number
            break
        for subnet in rule.subnets:
            subnets.setdefault(subnet, number)
        for code in rule.geos:
            geos.setdefault(code, number)
    lengths = {subnet.prefixlen for subnet in subnets}
    for subnet in subnets:
        wider = subnets_around(subnet, lengths)
        first = min(subnets[each] for each in wider if each in subnets)
        yield str(subnet), record.chain(record.rules[first].pool)
    for key, number in _by_key(geos).items():
        yield key, record.chain(record.rules[number].pool)
    yield "default", () if last is None else record.chain(record.rules[last].pool)


def _by_key(geos: Mapping[str, int]) -> dict[str, int]:
    """By client key, the first rule with the place or one around it."""
    found: dict[str, int] = {}
    for code in geos:
        first = min(geos[wider] for wider in around(code) if wider in geos)
        key = client_key(code)
        found[key] = min(first, found.get(key, first))
    return found


def _endpoints(service: str, pool: Pool, rdtype: RdataType) -> Iterable[PoolEndpoint]:
    """The values of a pool that are ever served."""
    for id, each in zip(value_ids(service, pool), pool.values, strict=True):
        if each.status != "down":
            where = {"cname": each.value} if rdtype == RdataType.CNAME else [each.value]
            data = where if isinstance(where, dict) else {"addresses": where}
            yield PoolEndpoint(
                id,
                pool.name,
                pool_id(service, pool.name),
                Endpoint.model_validate({**data, "weight": each.weight}),
                each.status == "obey",
            )
