"""Zone content in wire form: what most of a large zone is kept as, for a tenth of the time."""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping
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


class WireNodes(MutableMapping[dns.name.Name, Node]):
    """The nodes of a zone, most of which are made when they are asked for.

    ``wire`` has all owners in their order, in lower-case wire form; None: it is in ``special``.
    """

    def __init__(self, wire: dict[bytes, Sets | None], special: dict[dns.name.Name, Node]) -> None:
        self.wire = wire
        self.special = special

    def __getitem__(self, owner: dns.name.Name) -> Node:
        node = self.special.get(owner)
        if node is not None:
            return node
        sets = self.wire[owner.to_digestable()]
        if sets is None:
            raise KeyError(owner)
        return node_of(sets)

    def __setitem__(self, owner: dns.name.Name, node: Node) -> None:
        self.wire[owner.to_digestable()] = None
        self.special[owner] = node

    def __delitem__(self, owner: dns.name.Name) -> None:
        del self.wire[owner.to_digestable()]
        self.special.pop(owner, None)

    def __contains__(self, owner: object) -> bool:
        return isinstance(owner, dns.name.Name) and owner.to_digestable() in self.wire

    def __iter__(self) -> Iterator[dns.name.Name]:
        return (name_of(owner) for owner in self.wire)

    def __len__(self) -> int:
        return len(self.wire)

    def copy(self) -> WireNodes:
        """The same nodes, that others may stand among."""
        return WireNodes(self.wire.copy(), self.special.copy())


def name_of(wire: bytes) -> dns.name.Name:
    """The name of a wire form."""
    return dns.name.from_wire(wire, 0)[0]


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
