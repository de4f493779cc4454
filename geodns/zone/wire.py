"""Zone content in wire form: what most of a large zone is kept as, for a tenth of the time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, MutableMapping
from dataclasses import dataclass
from typing import NamedTuple

import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdataset
import dns.rdatatype
import dns.set

from geodns.zone.content import Node


class RRset(NamedTuple):
    """Records of one owner and type: TTL in seconds and each record's uncompressed wire rdata."""

    ttl: int
    rdatas: tuple[bytes, ...]


Sets = dict[int, RRset]
"""What stands at one name, by type."""


@dataclass(eq=False)
class Base:
    """The names of a zone at which nothing stands but records of its files, by owner in wire form.

    Empty non-terminals are there with nothing at them; ``names`` counts the others. The same ``id``
    is the same content. ``digest`` and ``size`` are of all records, where they are known.
    """

    id: bytes
    nodes: Mapping[bytes, Sets]
    names: int
    digest: int | None = None
    size: int = 0

    @property
    def children(self) -> Mapping[bytes, int]:
        """How many names are one label below each."""
        return Counter([owner[owner[0] + 1 :] for owner in self.nodes])


class WireNodes(MutableMapping[dns.name.Name, Node]):
    """The nodes of a zone, most of which are made when they are asked for.

    They are those that are ``special``, and those of the base but for the owners that are hidden.
    """

    def __init__(
        self, base: Base, special: dict[dns.name.Name, Node], hidden: Iterable[bytes] = ()
    ) -> None:
        self.base = base
        self.special = special
        self.hidden = set(hidden)

    def __getitem__(self, owner: dns.name.Name) -> Node:
        node = self.special.get(owner)
        if node is not None:
            return node
        wire = owner.to_digestable()
        sets = self.base.nodes.get(wire) if wire not in self.hidden else None
        if not sets:
            raise KeyError(owner)
        return node_of(sets)

    def __setitem__(self, owner: dns.name.Name, node: Node) -> None:
        self._hide(owner)
        self.special[owner] = node

    def __delitem__(self, owner: dns.name.Name) -> None:
        self._hide(owner)
        self.special.pop(owner, None)

    def __iter__(self) -> Iterator[dns.name.Name]:
        yield from self.special
        for wire, sets in self.base.nodes.items():
            if sets and wire not in self.hidden:
                yield name_of(wire)

    def __len__(self) -> int:
        return len(self.special) + self.base.names - len(self.hidden)

    def copy(self) -> WireNodes:
        """The same nodes, that others may stand among."""
        return WireNodes(self.base, self.special.copy(), self.hidden)

    def _hide(self, owner: dns.name.Name) -> None:
        wire = owner.to_digestable()
        if self.base.nodes.get(wire):
            self.hidden.add(wire)


def with_empty(nodes: dict[bytes, Sets], apex: bytes) -> dict[bytes, Sets]:
    """The same nodes, and the empty non-terminals above them (RFC 4592 2.2.2)."""
    for owner in list(nodes):
        above = parent(owner)
        while above not in nodes and len(above) > len(apex):
            nodes[above] = {}
            above = parent(above)
    return nodes


def parent(owner: bytes) -> bytes:
    """The name above one in wire form."""
    return owner[owner[0] + 1 :]


def name_of(wire: bytes) -> dns.name.Name:
    """The name of a wire form."""
    return dns.name.from_wire(wire, 0)[0]


def sets_of(node: Node) -> Sets:
    """The records of a node in wire form."""
    return {
        int(type): RRset(int(rdataset.ttl), tuple(rdata.to_wire() or b"" for rdata in rdataset))
        for type, rdataset in node.rdatasets.items()
    }


def node_of(sets: Sets) -> Node:
    """The node that wire sets are of."""
    node = Node()
    for number, rrset in sets.items():
        rdtype = dns.rdatatype.RdataType.make(number)
        made = dns.rdataset.Rdataset(dns.rdataclass.IN, rdtype, ttl=rrset.ttl)
        for wire in rrset.rdatas:
            rdata = dns.rdata.from_wire(dns.rdataclass.IN, rdtype, wire, 0, len(wire))
            # Set.add, as where files are read: all RRSIGs of a name are one set here.
            dns.set.Set.add(made, rdata)  # type: ignore[no-untyped-call]
        node.rdatasets[rdtype] = made
    return node
