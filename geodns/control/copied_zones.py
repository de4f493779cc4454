"""Zones that are copied from primaries, as they are to be compiled: with their overlays. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace

import dns.name
from dns.rdatatype import RdataType

from geodns.answer.copied import CopiedZone
from geodns.answer.image import Node, RRset
from geodns.answer.names import suffixes
from geodns.config.endpoints import endpoints_of
from geodns.config.settings import CnameTarget, Configuration, with_branches
from geodns.problem import Problem
from geodns.zone.catalog import catalog_zone
from geodns.zone.content import Node as ZoneNode
from geodns.zone.content import Zone

_A, _NS, _CNAME, _SOA, _AAAA, _DNAME = 1, 2, 5, 6, 28, 39
_RRSIG, _NSEC, _DNSKEY = 46, 47, 48
_TIED = frozenset((_A, _AAAA, _CNAME))
# RFC 4035 2.5: what may stand beside a CNAME.
_BESIDE_CNAME = frozenset((_CNAME, _RRSIG, _NSEC))


def wanted_copies(configuration: Configuration, owners: Mapping[bytes, bytes]) -> dict[bytes, None]:
    """The apexes of all zones that are to be copied: those that are named, and then others.

    ``owners``: of zones that catalogs list, the catalog that each is copied for.
    """
    role = configuration.server.secondary
    catalogs = {dns.name.from_text(text).to_digestable() for text in role.catalogs_by_name}
    named = (dns.name.from_text(text).to_digestable() for text in role.zones_by_name)
    listed = (zone for zone, catalog in owners.items() if catalog in catalogs)
    own = {zone.origin.to_digestable() for zone in configuration.zones}
    # RFC 9432 5.2: of a zone that is there already, "the new instance of the zone MUST be ignored".
    return {apex: None for apex in (*named, *listed) if apex not in own}


def copied_zones(
    configuration: Configuration,
    wanted: Collection[bytes],
    kept: dict[bytes, dict[bytes, Node]],
) -> tuple[tuple[CopiedZone, ...], tuple[Problem, ...]]:
    """Of each zone that is wanted what is to be served, and warnings.

    ``kept``, by apex, becomes part of it, and is changed where there is an overlay.
    """
    overlays = {zone.origin.to_digestable(): zone for zone in configuration.overlays}
    aliases = _aliases(configuration) if overlays else frozenset()
    zones: list[CopiedZone] = []
    problems: list[Problem] = []
    for apex in wanted:
        zone = CopiedZone(apex, kept.get(apex))
        if zone.nodes is not None and apex in overlays:
            zone.overlay = _laid_over(zone.nodes, overlays[apex], aliases, problems)
        zones.append(zone)
    return tuple(zones), tuple(problems)


def with_listed(configuration: Configuration, copied: Iterable[CopiedZone]) -> Configuration:
    """The catalog that is made here, if one is, with those zones too that other catalogs list."""
    transfer = configuration.server.transfer
    if transfer.catalog is None or not configuration.server.secondary.catalogs:
        return configuration
    origin = dns.name.from_text(transfer.catalog.lower())
    made = next((zone for zone in configuration.zones if zone.origin == origin), None)
    if made is None:
        return configuration
    others = [zone for zone in configuration.zones if zone is not made]
    origins = (*(zone.origin for zone in others), *(zone.origin for zone in copied))
    members = [each for each in origins if transfer.lists(each.to_text())]
    serial = int(made.nodes[origin].rdatasets[RdataType.SOA][0].serial)
    again = catalog_zone(origin, members, made.file, serial)
    return replace(configuration, zones=(*others, again))


def _aliases(configuration: Configuration) -> frozenset[str]:
    """The services that may be answered with a CNAME."""
    services = configuration.services.services
    found = set()
    for name, service in services.items():
        within = endpoints_of(configuration, with_branches(services, name))
        if isinstance(service.when_down, CnameTarget) or any(
            endpoint.settings.cname is not None for endpoint in within
        ):
            found.add(name)
    return frozenset(found)


def _laid_over(
    nodes: dict[bytes, Node], overlay: Zone, aliases: Collection[str], problems: list[Problem]
) -> dict[dns.name.Name, ZoneNode]:
    """The names of an overlay that can be served; what they replace is taken out of ``nodes``."""
    laid: dict[dns.name.Name, ZoneNode] = {}
    apex = overlay.origin.to_digestable()
    for owner, own in overlay.nodes.items():
        wire = owner.to_digestable()
        there = nodes.get(wire, {})
        replaced = _replaced(own)
        why = _hidden_by(nodes, apex, wire) or _stands_beside(own, there, wire == apex, aliases)
        if why:
            problems.append(_problem(overlay, own, "overlay-hidden", f"{owner} {why}"))
            continue
        if _CNAME in replaced & there.keys():
            what = f"{owner} is a CNAME at the primary, which the overlay takes the place of"
            problems.append(_problem(overlay, own, "overlay-over-cname", what))
        laid[owner] = own
        if replaced & there.keys():
            nodes[wire] = _without(there, replaced)
    if laid and _DNSKEY in nodes[apex]:
        what = f"{overlay.origin} is signed, and what is laid over it is not: who validates refuses"
        problems.append(_problem(overlay, next(iter(laid.values())), "overlay-unsigned", what))
    return laid


def _replaced(own: ZoneNode) -> frozenset[int]:
    """The types of the primary that a name of the overlay takes the place of."""
    types = {int(record.type) for record in own.dynamic}
    return _TIED if own.geo is not None else frozenset(types | {_CNAME})


def _hidden_by(nodes: Mapping[bytes, Node], apex: bytes, wire: bytes) -> str:
    """RFC 1034 4.2.1, RFC 6672 2.4: what is at or below a cut, or below a DNAME, is not ours."""
    for above in suffixes(wire):
        if above == apex:
            return ""
        types = nodes.get(above, {})
        if _NS in types:
            return "is delegated by the primary, so it is not answered from the overlay"
        if _DNAME in types and above != wire:
            return "is below a DNAME of the primary, so it is not answered from the overlay"
    return ""


def _stands_beside(
    own: ZoneNode, there: Mapping[int, object], is_apex: bool, aliases: Collection[str]
) -> str:
    """RFC 1034 3.6.2: "If a CNAME RR is present at a node, no other data should be present"."""
    alias = own.geo is not None and own.geo.service in aliases
    if not alias and not any(record.type == _CNAME for record in own.dynamic):
        return ""
    beside = there.keys() - _BESIDE_CNAME - (_TIED if own.geo is not None else frozenset())
    if is_apex or beside:
        return "may be answered with a CNAME, which can't stand beside what the primary has there"
    return ""


def _without(node: Node, types: Collection[int]) -> Node:
    """A name without records of some types, nor their signatures."""
    left = {type: rrset for type, rrset in node.items() if type not in types}
    signatures = left.get(_RRSIG)
    if isinstance(signatures, RRset):
        # RFC 4034 3.1: an RRSIG begins with the type that it covers.
        kept = tuple(r for r in signatures.rdatas if int.from_bytes(r[:2], "big") not in types)
        left[_RRSIG] = RRset(signatures.ttl, kept)
        if not kept:
            del left[_RRSIG]
    return left


def _problem(overlay: Zone, own: ZoneNode, id: str, what: str) -> Problem:
    spot = own.geo if own.geo is not None else own.dynamic[0]
    return Problem(id, what, overlay.file, spot.line, spot.column, severity="warning")
