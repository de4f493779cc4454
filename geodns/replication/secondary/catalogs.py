"""Catalog zones (RFC 9432) that are consumed: the zones that one lists. Pure.

Names are in wire form and lower case, as apexes are everywhere in replication.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import dns.name

from geodns.errors import GeodnsError
from geodns.replication.messages import Record
from geodns.replication.secondary.assembling import lies_in

_PTR, _TXT = 12, 16
_VERSION, _ZONES = b"\x07version", b"\x05zones"
_GROUP, _COO = b"\x05group", b"\x03coo"
_TWO = b"\x012"


class BrokenCatalogError(GeodnsError):
    """A zone is no catalog, or no good one: one sentence.

    RFC 9432 5.1: when one that was good becomes broken, "member zones previously configured by this
    catalog MUST NOT be removed or reconfigured in any way": the last good list goes on to count.
    """


class Member(NamedTuple):
    """A zone that a catalog lists: under which label, and with which properties.

    ``coo`` is the catalog that may take it over.
    """

    label: bytes
    groups: frozenset[str] = frozenset()
    coo: bytes | None = None


Members = Mapping[bytes, Member]
"""By apex."""


@dataclass
class _Node:
    zones: set[bytes] = field(default_factory=set)
    groups: set[bytes] = field(default_factory=set)
    coos: set[bytes] = field(default_factory=set)


def members_of(catalog: bytes, records: Iterable[Record]) -> dict[bytes, Member]:
    """The zones that a catalog lists, from its records. Raises BrokenCatalogError."""
    versions: set[bytes] = set()
    nodes: defaultdict[bytes, _Node] = defaultdict(_Node)
    version, zones = _VERSION + catalog, _ZONES + catalog
    for record in records:
        owner = record.owner
        if record.type == _TXT and owner == version:
            versions.add(record.rdata)
        elif record.type in (_PTR, _TXT) and owner != zones and lies_in(owner, zones):
            _put(_labels(owner[: len(owner) - len(zones)]), record, nodes)
    # RFC 9432 4.2.1: "All catalog zones MUST have a TXT RRset named version.$CATZ with exactly one
    # RR", and its value is "2".
    if versions != {_TWO}:
        raise BrokenCatalogError(f'{_text(version)} has not the one TXT record "2"')
    return _members(zones, nodes)


def _put(labels: list[bytes], record: Record, nodes: defaultdict[bytes, _Node]) -> None:
    """What is not understood is ignored: other types, other properties, whatever is deeper."""
    match labels:
        case [label] if record.type == _PTR:
            nodes[label].zones.add(record.rdata.lower())
        case [property, label] if property == _GROUP and record.type == _TXT:
            nodes[label].groups.add(record.rdata)
        case [property, label] if property == _COO and record.type == _PTR:
            nodes[label].coos.add(record.rdata.lower())


def _members(zones: bytes, nodes: Mapping[bytes, _Node]) -> dict[bytes, Member]:
    found: dict[bytes, Member] = {}
    for label, node in nodes.items():
        if not node.zones:
            continue
        # RFC 9432 4.1: "This PTR record MUST be the only record in the PTR RRset with the same
        # name."
        if len(node.zones) > 1:
            raise BrokenCatalogError(f"{_text(label + zones)} has several PTR records")
        # RFC 9432 4.3.1: "The PTR RRset MUST consist of a single PTR record."
        if len(node.coos) > 1:
            raise BrokenCatalogError(f"{_text(_COO + label + zones)} has several PTR records")
        (zone,) = node.zones
        # RFC 9432 4.1: where different labels "hold the same PTR value", the catalog is broken.
        if zone in found:
            raise BrokenCatalogError(
                f"{_text(zone)} is listed twice, by {_text(found[zone].label + zones)} and by"
                f" {_text(label + zones)}"
            )
        groups = frozenset(map(_joined, node.groups))
        found[zone] = Member(label, groups, next(iter(node.coos), None))
    return found


def _labels(name: bytes) -> list[bytes]:
    """Each with its length in front; ``name`` is without its end."""
    found, at = [], 0
    while at < len(name):
        end = at + name[at] + 1
        found.append(name[at:end])
        at = end
    return found


def _joined(rdata: bytes) -> str:
    """The character-strings of a TXT record as one text."""
    text = b"".join(label[1:] for label in _labels(rdata))
    return text.decode("utf-8", "backslashreplace")


def _text(name: bytes) -> str:
    return dns.name.from_wire(name, 0)[0].to_text()
