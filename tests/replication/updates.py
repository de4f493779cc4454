"""UPDATE messages for tests, record by record, and a zone in memory that they are made of."""

from __future__ import annotations

from typing import NamedTuple

import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype
from dns.rdataclass import RdataClass
from dns.rdatatype import RdataType

from geodns.replication.update import Changes, RecordSet, Sets

ORIGIN = dns.name.from_text("example.test.")


class Line(NamedTuple):
    """A record of a message; the owner is relative to ``ORIGIN`` unless it ends with a dot."""

    owner: str
    rdclass: str
    rdtype: str
    text: str | None = None
    ttl: int = 0

    def wire(self) -> bytes:
        """As it goes on the wire, with nothing compressed."""
        data = b"" if self.text is None else _rdata(self.rdtype, self.text).to_wire() or b""
        fixed = (
            dns.rdatatype.from_text(self.rdtype).to_bytes(2, "big")
            + dns.rdataclass.from_text(self.rdclass).to_bytes(2, "big")
            + self.ttl.to_bytes(4, "big")
            + len(data).to_bytes(2, "big")
        )
        return (dns.name.from_text(self.owner, ORIGIN).to_wire() or b"") + fixed + data


def message(
    prerequisites: list[Line], changes: list[Line], id: int = 1, zone: dns.name.Name = ORIGIN
) -> bytes:
    """An UPDATE of a zone."""
    counts = b"".join(n.to_bytes(2, "big") for n in (1, len(prerequisites), len(changes), 0))
    question = (zone.to_wire() or b"") + b"\0\6\0\1"
    records = b"".join(line.wire() for line in (*prerequisites, *changes))
    return id.to_bytes(2, "big") + b"\x28\0" + counts + question + records


class MemoryZone:
    """A zone in memory. ``tied``: names that are answered from services."""

    def __init__(self, records: list[Line], tied: tuple[str, ...] = ()) -> None:
        self._nodes: dict[dns.name.Name, dict[RdataType, RecordSet]] = {}
        self._tied = [dns.name.from_text(name, ORIGIN) for name in tied]
        for line in records:
            assert line.text is not None
            sets = self._nodes.setdefault(dns.name.from_text(line.owner, ORIGIN), {})
            rdata = _rdata(line.rdtype, line.text)
            before = sets.get(rdata.rdtype, RecordSet(0, ()))
            sets[rdata.rdtype] = RecordSet(line.ttl, (*before.rdatas, rdata))

    @property
    def origin(self) -> dns.name.Name:
        """The apex."""
        return ORIGIN

    def sets(self, owner: dns.name.Name) -> Sets:
        """All that stands at a name."""
        return self._nodes.get(owner, {})

    def is_tied(self, owner: dns.name.Name, rdtype: RdataType) -> bool:
        """A and all types, in this zone."""
        return owner in self._tied and rdtype in (RdataType.A, RdataType.ANY)

    def take(self, changes: Changes) -> None:
        """Make these changes."""
        for (owner, rdtype), records in changes.items():
            sets = self._nodes.setdefault(owner, {})
            if records.rdatas:
                sets[rdtype] = records
            else:
                sets.pop(rdtype, None)

    def lines(self) -> set[str]:
        """All records but the SOA, as text."""
        return {
            f"{owner} {records.ttl} {rdtype.name} {rdata.to_text().lower()}"
            for owner, sets in self._nodes.items()
            for rdtype, records in sets.items()
            for rdata in records.rdatas
            if rdtype != RdataType.SOA
        }


def _rdata(rdtype: str, text: str) -> dns.rdata.Rdata:
    return dns.rdata.from_text(RdataClass.IN, rdtype, text, ORIGIN, relativize=False)
