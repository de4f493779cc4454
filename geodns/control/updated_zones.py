"""Zones as their files and updates make them together. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, MutableMapping
from dataclasses import replace

import dns.name
import dns.rdataclass
import dns.rdataset
import dns.rdatatype
import dns.set
from dns.rdatatype import RdataType

from geodns.answer.image import RRset
from geodns.config.settings import Configuration
from geodns.control.store import AllWritten
from geodns.problem import Problem
from geodns.replication.written import Written, overlaid, rdata_of, tied_types
from geodns.zone.content import Node, Zone
from geodns.zone.wire import WireNodes


def with_updates(
    configuration: Configuration, written: AllWritten
) -> tuple[Configuration, tuple[Problem, ...]]:
    """The configuration with what updates wrote into its zones, and warnings of what is hidden."""
    problems: list[Problem] = []
    zones = tuple(
        _updated(zone, written[apex], problems)
        if (apex := zone.origin.to_digestable()) in written
        else zone
        for zone in configuration.zones
    )
    return replace(configuration, zones=zones), tuple(problems)


def updated_nodes(
    nodes: Mapping[dns.name.Name, Node], written: Written
) -> tuple[MutableMapping[dns.name.Name, Node], dict[dns.name.Name, frozenset[RdataType]]]:
    """What stands in a zone with what updates wrote, and the types of each name that are hidden."""
    updated: MutableMapping[dns.name.Name, Node] = (
        nodes.copy() if isinstance(nodes, WireNodes) else dict(nodes)
    )
    concealed: dict[dns.name.Name, frozenset[RdataType]] = {}
    for wire, sets in written.items():
        owner, _ = dns.name.from_wire(wire, 0)
        node = updated.get(owner, Node())
        rdatasets, hidden = overlaid(
            node.rdatasets,
            {RdataType.make(type): _rdataset(type, rrset) for type, rrset in sets.items()},
            tied_types(node.geo is not None, {each.type: None for each in node.dynamic}),
        )
        if hidden:
            concealed[owner] = hidden
        updated[owner] = replace(node, rdatasets=rdatasets)
        if not rdatasets and node.geo is None and not node.dynamic:
            del updated[owner]
    return updated, concealed


def _updated(zone: Zone, written: Written, problems: list[Problem]) -> Zone:
    nodes, concealed = updated_nodes(zone.nodes, written)
    for owner, hidden in concealed.items():
        problems.extend(_hidden(zone, owner, hidden))
    # The serial that an update gave counts as one that is written in the file.
    gives_serial = any(RdataType.SOA in sets for sets in written.values())
    automatic = zone.automatic_serial and not gives_serial
    return replace(zone, nodes=nodes, automatic_serial=automatic, is_updated=True)


def _rdataset(type: int, rrset: RRset) -> dns.rdataset.Rdataset | None:
    if not rrset.rdatas:
        return None
    rdtype = RdataType.make(type)
    made = dns.rdataset.Rdataset(dns.rdataclass.IN, rdtype, ttl=rrset.ttl)
    for wire in rrset.rdatas:
        # Set.add, as where files are read: all RRSIGs of a name are one set here.
        dns.set.Set.add(made, rdata_of(type, wire))  # type: ignore[no-untyped-call]
    return made


def _hidden(zone: Zone, owner: dns.name.Name, types: Iterable[RdataType]) -> Iterable[Problem]:
    for type in sorted(types):
        yield Problem(
            "update-hidden",
            f"the {dns.rdatatype.to_text(type)} that an update wrote at {owner} can't stand beside"
            " what the file has there, and is not served",
            zone.file,
            hint="remove one of them",
            severity="warning",
        )
