"""Rules for how zones use services: nothing left over, and no answer that DNS forbids."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Iterator, Mapping
from typing import Any

import dns.name
from dns.rdatatype import RdataType

from geodns.config.probing import CombinedCheck
from geodns.config.settings import AddressTarget, CnameTarget
from geodns.config.sources import Rule, Sources
from geodns.problem import Problem
from geodns.zone.content import Node, Zone

_BESIDE_CNAME = frozenset((RdataType.RRSIG, RdataType.NSEC))  # RFC 4035 2.5
_MOST_NAMED = 3  # endpoints that one message names


def unused_check(sources: Sources) -> Iterator[Problem]:
    """A check that no service uses probes nothing."""
    used = {service.check for service in sources.services.settings.services.values()}
    for check in sources.services.settings.checks.values():
        if isinstance(check, CombinedCheck):
            used.update(check.checks)
    used.update(ref.check for ref in sources.services.settings.health.guard.references)
    for name in sources.services.settings.checks:
        if name not in used:
            yield sources.services.document.problem(
                "unused-check",
                f"no service uses the check {name!r}",
                ("checks", name),
                key=True,
                severity="warning",
            )


def unused_service(sources: Sources) -> Iterator[Problem]:
    """A service that no zone names, and its endpoints, are never answered with.

    One that another needs is there to be checked.
    """
    services = sources.services.settings.services
    used = sources.used_services() | {need for each in services.values() for need in each.needs}
    endpoints: dict[str, list[str]] = {}
    for endpoint in sources.endpoints():
        endpoints.setdefault(endpoint.service, []).append(endpoint.id)
    for name in services:
        if name in used:
            continue
        idle = endpoints.get(name, [])
        named = ", ".join(idle[:_MOST_NAMED])
        more = f" and {len(idle) - _MOST_NAMED} more" if len(idle) > _MOST_NAMED else ""
        what = f", nor its endpoints {named}{more}" if idle else ""
        yield sources.services.document.problem(
            "unused-service",
            f"no zone uses the service {name!r}{what}",
            ("services", name),
            key=True,
            severity="warning",
            hint=f"name it in a zone, as in www: {{type: GEO, service: {name}}}",
        )


def service_without_endpoints(sources: Sources) -> Iterator[Problem]:
    """A service in use has an endpoint somewhere, or at least a target for when none is up."""
    if not sources.topology.readable or sources.topology.broken:
        return  # an endpoint may stand in the part that could not be read
    having = {endpoint.service for endpoint in sources.endpoints()}
    used = sources.used_services()
    for name, service in sources.services.settings.services.items():
        if name not in used or sources.with_branches([name]) & having:
            continue
        target = isinstance(service.when_down, CnameTarget | AddressTarget)
        answer = "it always answers with its when_down target" if target else "it has no answer"
        yield sources.services.document.problem(
            "no-endpoint",
            f"the service {name!r} has no endpoint in any availability zone; {answer}",
            ("services", name),
            key=True,
            severity="warning" if target else "error",
        )


def https_of_aliases(sources: Sources) -> Iterator[Problem]:
    """RFC 1034 3.6.2: where the answer is an alias, its target answers HTTPS, not this server."""
    if not sources.topology.readable or sources.topology.broken:
        return
    endpoints = list(sources.endpoints())
    for name, service in sources.services.settings.services.items():
        if service.https is None or isinstance(service.when_down, AddressTarget):
            continue
        branches = sources.with_branches([name])
        own = [endpoint for endpoint in endpoints if endpoint.service in branches]
        if own and all(endpoint.settings.cname is not None for endpoint in own):
            yield sources.services.document.problem(
                "https-of-aliases",
                f"all endpoints of the service {name!r} are CNAMEs, so `https` is never answered",
                ("services", name, "https"),
                key=True,
                severity="warning",
                hint="leave it out, or give the endpoints addresses",
            )


def cname_beside_records(sources: Sources) -> Iterator[Problem]:
    """A name that may answer with a CNAME holds nothing else.

    RFC 1034 3.6.2: "If a CNAME RR is present at a node, no other data should be present".
    """
    targets = _cname_targets(sources)
    for zone, owner, node in _geo_nodes(sources):
        geo = node.geo
        others = [kind for kind in node.rdatasets if kind not in _BESIDE_CNAME]
        if geo is None or geo.service not in targets or not (others or owner == zone.origin):
            continue
        where = "the apex of the zone" if owner == zone.origin else f"{owner}, beside other records"
        yield Problem(
            "cname-beside-records",
            f"the service {geo.service!r} may answer with a CNAME, which can't stand at {where}",
            zone.file,
            geo.line,
            geo.column,
            hint="give its endpoints addresses, or use it at another name",
        )


def cname_loop(sources: Sources) -> Iterator[Problem]:
    """A CNAME target inside our zones doesn't lead back to the name it is the answer for."""
    targets = _cname_targets(sources)
    # Of a name that is in several zones, the last one counts.
    layers: list[Any] = [zone.nodes for zone in reversed(sources.local)]
    nodes: Mapping[dns.name.Name, Node] = ChainMap(*layers)
    for zone, owner, node in _geo_nodes(sources):
        geo = node.geo
        if geo is not None and geo.service in targets and _leads_back(owner, nodes, targets):
            yield Problem(
                "cname-loop",
                f"the service {geo.service!r} answers {owner} with a CNAME that leads back to it",
                zone.file,
                geo.line,
                geo.column,
            )


def _geo_nodes(sources: Sources) -> Iterator[tuple[Zone, dns.name.Name, Node]]:
    for zone in sources.local:
        for owner, node in zone.steered():
            if node.geo is not None:
                yield zone, owner, node


def _cname_targets(sources: Sources) -> dict[str, set[dns.name.Name]]:
    """By service, the names that it may answer a CNAME to."""
    texts: dict[str, set[str]] = {}
    for endpoint in sources.endpoints():
        if endpoint.settings.cname is not None:
            texts.setdefault(endpoint.service, set()).add(endpoint.settings.cname)
    for name, service in sources.services.settings.services.items():
        if isinstance(service.when_down, CnameTarget):
            texts.setdefault(name, set()).add(service.when_down.cname)
    for name, service in sources.services.settings.services.items():
        # What a branch answers when it is down is not asked for: another branch is.
        for branch in sources.with_branches(service.branches):
            targets = (e.settings.cname for e in sources.endpoints() if e.service == branch)
            texts.setdefault(name, set()).update(text for text in targets if text is not None)
    return {
        service: {dns.name.from_text(text).canonicalize() for text in found}
        for service, found in texts.items()
        if found
    }


def _leads_back(
    start: dns.name.Name,
    nodes: Mapping[dns.name.Name, Node],
    targets: dict[str, set[dns.name.Name]],
) -> bool:
    seen: set[dns.name.Name] = set()
    ahead = [start]
    while ahead:
        node = nodes.get(ahead.pop())
        if node is None:
            continue
        following = set(targets.get(node.geo.service, ())) if node.geo is not None else set()
        alias = node.rdatasets.get(RdataType.CNAME)
        if alias is not None:
            following |= {rdata.target.canonicalize() for rdata in alias}
        if start in following:
            return True
        ahead.extend(following - seen)
        seen |= following
    return False


USE_RULES: tuple[Rule, ...] = (
    service_without_endpoints,
    https_of_aliases,
    cname_beside_records,
    cname_loop,
)
# What is left over can be told only when everything could be read.
LEFTOVER_RULES: tuple[Rule, ...] = (unused_check, unused_service)
