"""A zone while it is read: what stands at each name, and where in which file it was written."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, NamedTuple

import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdataset
import dns.rdatatype
import dns.set

from geodns.errors import GeodnsError
from geodns.problem import Problem
from geodns.zone.content import GeoName, Node
from geodns.zone.dynamic import DynamicRecord

MAX_TTL = 2**31 - 1  # RFC 2181 8: "a maximum value of 2147483647"
SINGLE = frozenset((dns.rdatatype.SOA, dns.rdatatype.CNAME, dns.rdatatype.DNAME))
_POINTERS = frozenset((dns.rdatatype.NS, dns.rdatatype.MX, dns.rdatatype.SRV))


class ContentError(GeodnsError):
    """What is wrong with one word or value; the reader that catches it knows the position.

    ``inside`` names the part of the value that is wrong: keys and indexes, as in a YAML document.
    """

    def __init__(
        self, id: str, message: str, hint: str | None = None, inside: tuple[str | int, ...] = ()
    ) -> None:
        super().__init__(message)
        self.id = id
        self.message = message
        self.hint = hint
        self.inside = inside


class Spot(NamedTuple):
    """A position in a file; line and column count from 1."""

    file: Path
    line: int
    column: int

    def problem(
        self,
        id: str,
        message: str,
        hint: str | None = None,
        severity: Literal["error", "warning"] = "error",
    ) -> Problem:
        """A finding at this position."""
        return Problem(id, message, self.file, self.line, self.column, hint, severity)


@dataclass(slots=True)
class Draft:
    """A zone's names so far, not yet checked as a whole.

    ``spots`` says where the first record of each type (None: the GEO record) at a name stands;
    ``pointers`` holds each record that must name a host, and where it stands.
    ``automatic_serial``: the SOA's serial is not from the file.
    """

    origin: dns.name.Name
    file: Path
    nodes: dict[dns.name.Name, Node] = field(default_factory=dict)
    spots: dict[tuple[dns.name.Name, dns.rdatatype.RdataType | None], Spot] = field(
        default_factory=dict
    )
    pointers: list[tuple[dns.name.Name, dns.rdata.Rdata, Spot]] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    automatic_serial: bool = False

    def add(self, owner: dns.name.Name, ttl: int, rdata: dns.rdata.Rdata, spot: Spot) -> None:
        """Puts a record at its owner (in lower case, inside the zone); says what does not fit."""
        rdtype = rdata.rdtype
        node = self.nodes.get(owner)
        if node is None:
            node = self.nodes[owner] = Node()
        rdataset = node.rdatasets.get(rdtype)
        if rdataset is None:
            rdataset = dns.rdataset.Rdataset(dns.rdataclass.IN, rdtype, ttl=ttl)
            node.rdatasets[rdtype] = rdataset
            self.spots[owner, rdtype] = spot
        else:
            self._join(owner, rdataset, ttl, rdata, spot)
        if rdtype in _POINTERS:
            self.pointers.append((owner, rdata, spot))
        # Set.add, not Rdataset.add: all RRSIGs of a name are one set here, whatever they cover.
        dns.set.Set.add(rdataset, rdata)  # type: ignore[no-untyped-call]

    def _join(
        self,
        owner: dns.name.Name,
        rdataset: dns.rdataset.Rdataset,
        ttl: int,
        rdata: dns.rdata.Rdata,
        spot: Spot,
    ) -> None:
        rdtype = rdata.rdtype
        kind = dns.rdatatype.to_text(rdtype)
        first = self.spots[owner, rdtype]
        if rdata in rdataset.items:  # the set itself looks through all of them
            self.problems.append(
                spot.problem(
                    "duplicate-record",
                    f"this {kind} of {owner} stands here a second time",
                    f"the first of its set is in line {first.line}",
                    "warning",
                )
            )
        elif rdtype in SINGLE:
            self.problems.append(
                spot.problem(
                    f"several-{kind.lower()}",
                    f"{owner} has a second {kind}; a name can have only one",
                    f"the first is in line {first.line}",
                )
            )
        if ttl != rdataset.ttl and rdtype != dns.rdatatype.RRSIG:
            # RFC 2181 5.2: "the TTLs of all RRs in an RRSet must be the same"
            low = min(ttl, rdataset.ttl)
            self.problems.append(
                spot.problem(
                    "ttl-differs",
                    f"the TTL {ttl} differs from the {rdataset.ttl} of the other {kind} records"
                    f" of {owner}; the lowest, {low}, is used for all",
                    severity="warning",
                )
            )
            rdataset.ttl = low

    def add_geo(self, owner: dns.name.Name, geo: GeoName, spot: Spot) -> None:
        """Ties a name to a service; a second GEO record at a name is an error."""
        node = self.nodes.setdefault(owner, Node())
        if node.geo is not None:
            self.problems.append(
                spot.problem(
                    "duplicate-geo",
                    f"{owner} has a second GEO record; a name can have only one",
                    f"the first is in line {self.spots[owner, None].line}",
                )
            )
            return
        node.geo = geo
        self.spots[owner, None] = spot

    def add_dynamic(self, owner: dns.name.Name, dynamic: DynamicRecord, spot: Spot) -> None:
        """Makes a record dynamic; its plain values, if there are any, have been added before."""
        node = self.nodes.setdefault(owner, Node())
        if any(other.type == dynamic.type for other in node.dynamic):
            self.problems.append(
                spot.problem(
                    "duplicate-dynamic",
                    f"{owner} has a second dynamic {dynamic.type.name}; a name can have only one",
                )
            )
            return
        node.dynamic = (*node.dynamic, dynamic)
        self.spots.setdefault((owner, dynamic.type), spot)

    def spot(self, owner: dns.name.Name, rdtype: dns.rdatatype.RdataType | None = None) -> Spot:
        """Where the first record of a type (None: GEO) stands; else the start of the file."""
        return self.spots.get((owner, rdtype), Spot(self.file, 1, 1))
