"""A DNS zone's content as read from a file: what the compiler turns into ready-made answers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import dns.name
import dns.rdataset
import dns.rdatatype

from geodns.zone.dynamic import DynamicRecord

if TYPE_CHECKING:
    from geodns.zone.kept import Kept


class GeoName(NamedTuple):
    """A name tied to a service, from which A, AAAA or CNAME are answered.

    ``ttl`` is in seconds; None takes the service's. ``line`` and ``column`` count from 1.
    """

    service: str
    ttl: int | None
    line: int
    column: int


@dataclass(slots=True)
class Node:
    """All that stands at one owner name.

    ``dynamic``: records of a type whose answers depend on the client; the rdataset of the type, if
    there is one, holds what is answered where no pool of it is left.
    """

    rdatasets: dict[dns.rdatatype.RdataType, dns.rdataset.Rdataset] = field(default_factory=dict)
    geo: GeoName | None = None
    dynamic: tuple[DynamicRecord, ...] = ()

    def types(self) -> set[dns.rdatatype.RdataType]:
        """The types of all records; a dynamic one need not have an rdataset."""
        return {*self.rdatasets, *(record.type for record in self.dynamic)}


@dataclass(slots=True)
class Zone:
    """A checked zone. The apex has an SOA; names are absolute and in lower case.

    ``automatic_serial``: the file sets none, and the SOA has when the file was changed.
    ``is_updated``: some of it was written by updates. ``kept`` is what its files alone say, where
    that is to be kept.
    RRSIG rdatasets are kept under the type that they cover only when the zone is signed elsewhere;
    this program treats them as ordinary records.
    """

    origin: dns.name.Name
    nodes: Mapping[dns.name.Name, Node]
    file: Path
    automatic_serial: bool = False
    is_updated: bool = False
    kept: Kept | None = None

    def steered(self) -> Iterator[tuple[dns.name.Name, Node]]:
        """The names that are answered from services: by GEO, or by dynamic records."""
        # Where most nodes are made when they are asked for, none of those is such a name.
        nodes: Mapping[dns.name.Name, Node] = getattr(self.nodes, "special", self.nodes)
        return (item for item in nodes.items() if item[1].geo is not None or item[1].dynamic)
