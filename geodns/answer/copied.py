"""A zone that is copied from a primary, on its way into an image: as it came, in wire form."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import dns.name

from geodns.answer.digest import serial_of
from geodns.answer.image import Node, RRset
from geodns.zone.content import Node as ZoneNode

_SOA = 6


@dataclass(slots=True)
class CopiedZone:
    """``nodes`` by owner in lower-case wire form, without empty non-terminals.

    None: there is nothing that may be served, for it was never copied or has expired. ``overlay``
    holds the geo names that are laid over it; what they take the place of is not in ``nodes``.
    """

    apex: bytes
    nodes: dict[bytes, Node] | None
    overlay: Mapping[dns.name.Name, ZoneNode] = field(default_factory=dict)

    @property
    def origin(self) -> dns.name.Name:
        """The zone's name."""
        return dns.name.from_wire(self.apex, 0)[0]

    @property
    def soa(self) -> RRset:
        """Of a zone that may be served."""
        assert self.nodes is not None
        soa = self.nodes[self.apex][_SOA]
        assert isinstance(soa, RRset)
        return soa

    @property
    def serial(self) -> int:
        """The primary's."""
        return serial_of(self.soa.rdatas[0])
