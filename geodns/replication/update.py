"""What an UPDATE message makes of a zone, or why not: RFC 2136 section 3. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import NamedTuple, Protocol

import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rdtypes.ANY.SOA
from dns.rcode import Rcode
from dns.rdataclass import RdataClass
from dns.rdatatype import RdataType

from geodns.errors import GeodnsError
from geodns.replication.update_message import Entry, Update
from geodns.zone.serial import newer

BESIDE_CNAME = frozenset((RdataType.CNAME, RdataType.RRSIG, RdataType.NSEC, RdataType.KEY))
"""RFC 4035 2.5, RFC 2181 10.1: what may stand beside a CNAME, and itself."""

_MOST_BYTES = 65_535 - 12 - 255 - 4  # of a set's records, in a message with its question
_BESIDE_DATA = 12  # bytes of a record beside its data, with a pointer as its owner
_WKS_KEY = 5  # bytes: RFC 1035 3.4.2, the address and the protocol


class RecordSet(NamedTuple):
    """Records of one owner and type; the TTL is in seconds. Without records there is none."""

    ttl: int
    rdatas: tuple[dns.rdata.Rdata, ...]


Sets = Mapping[RdataType, RecordSet]
Changes = dict[tuple[dns.name.Name, RdataType], RecordSet]
"""What stands in place of what there was, by owner and type; one without records is deleted."""

Permits = Callable[[dns.name.Name, RdataType], bool]
"""Whether who asks may change the records of a type at a name."""


class Content(Protocol):
    """A zone as it is before an update."""

    @property
    def origin(self) -> dns.name.Name:
        """The apex, in lower case."""

    def sets(self, owner: dns.name.Name) -> Sets:
        """All that stands at a name; none of the sets is empty."""

    def is_tied(self, owner: dns.name.Name, rdtype: RdataType) -> bool:
        """Whether records of a type at a name (ANY: of any type) are answered from a service."""


class UpdateError(GeodnsError):
    """An update that is not made. ``rcode`` is what is replied."""

    def __init__(self, rcode: Rcode, sentence: str) -> None:
        super().__init__(sentence)
        self.rcode = rcode


def changes_of(update: Update, content: Content, permits: Permits) -> Changes:
    """All that a message changes; nothing of a message counts if not all of it does.

    Raises UpdateError.
    """
    _check_prerequisites(update, content)
    _prescan(update, content, permits)
    working = _Working(content)
    for entry in update.changes:
        if entry.rdclass == RdataClass.ANY:
            _delete_sets(entry, working)
        elif entry.rdclass == RdataClass.NONE:
            _delete_record(entry, working)
        else:
            _add(entry, working)
    return working.changes()


def _check_prerequisites(update: Update, content: Content) -> None:
    """RFC 2136 3.2."""
    wanted: dict[tuple[dns.name.Name, RdataType], set[dns.rdata.Rdata]] = defaultdict(set)
    for entry in update.prerequisites:
        # RFC 2136 3.2.5: "if (rr.ttl != 0) return (FORMERR)"
        if entry.ttl:
            raise UpdateError(Rcode.FORMERR, "a prerequisite has a TTL")
        # "if (zone_of(rr.name) != ZNAME) return (NOTZONE);"
        _must_be_inside(entry, content)
        if entry.rdclass == RdataClass.ANY:
            _check_existence(entry, content)
        elif entry.rdclass == RdataClass.NONE:
            _check_absence(entry, content)
        elif entry.rdclass == update.rdclass and entry.rdata is not None:
            wanted[entry.owner, entry.rdtype].add(entry.rdata)
        else:
            raise UpdateError(Rcode.FORMERR, "a prerequisite is of no class or type that there is")
    for (owner, rdtype), rdatas in wanted.items():
        # "if (zone_rrset<rrset.name, rrset.type> != rrset) return (NXRRSET)"
        found = content.sets(owner).get(rdtype)
        if found is None or set(found.rdatas) != rdatas:
            raise UpdateError(Rcode.NXRRSET, f"{owner} {rdtype.name} is not as the message says")


def _check_existence(entry: Entry, content: Content) -> None:
    if not entry.is_empty:
        raise UpdateError(Rcode.FORMERR, "a prerequisite of class ANY has data")
    if entry.rdtype == RdataType.ANY:
        # RFC 2136 2.4.4: "At least one RR with a specified NAME [...] must exist." Empty
        # non-terminals have none.
        if not _is_in_use(entry.owner, content):
            raise UpdateError(Rcode.NXDOMAIN, f"nothing stands at {entry.owner}")
    elif not _exists(entry, content):
        # RFC 2136 2.4.1: "At least one RR with a specified NAME and TYPE [...] must exist."
        raise UpdateError(Rcode.NXRRSET, f"{entry.owner} has no {entry.rdtype.name}")


def _check_absence(entry: Entry, content: Content) -> None:
    if not entry.is_empty:
        raise UpdateError(Rcode.FORMERR, "a prerequisite of class NONE has data")
    if entry.rdtype == RdataType.ANY:
        # RFC 2136 2.4.5: "No RR of any type is owned by a specified NAME."
        if _is_in_use(entry.owner, content):
            raise UpdateError(Rcode.YXDOMAIN, f"something stands at {entry.owner}")
    elif _exists(entry, content):
        # RFC 2136 2.4.3: "No RRs with a specified NAME and TYPE [...] can exist."
        raise UpdateError(Rcode.YXRRSET, f"{entry.owner} has {entry.rdtype.name}")


def _is_in_use(owner: dns.name.Name, content: Content) -> bool:
    return bool(content.sets(owner)) or content.is_tied(owner, RdataType.ANY)


def _exists(entry: Entry, content: Content) -> bool:
    return entry.rdtype in content.sets(entry.owner)


def _must_be_inside(entry: Entry, content: Content) -> None:
    if not entry.owner.is_subdomain(content.origin):
        raise UpdateError(Rcode.NOTZONE, f"{entry.owner} is not in the zone {content.origin}")


def _prescan(update: Update, content: Content, permits: Permits) -> None:
    """RFC 2136 3.4.1, and 3.3: what is changed must be allowed.

    The RFC has permission before the prescan; but what makes no sense can't be allowed either.
    """
    for entry in update.changes:
        _must_be_inside(entry, content)
        if entry.rdclass == update.rdclass:
            # "if (rr.type & ANY|AXFR|MAILA|MAILB) return (FORMERR)"
            is_sound = entry.rdata is not None
        elif entry.rdclass == RdataClass.ANY:
            # "if (rr.ttl != 0 || rr.rdlength != 0 || rr.type & AXFR|MAILA|MAILB) return (FORMERR)"
            is_sound = (
                not entry.ttl
                and entry.is_empty
                and (entry.rdtype == RdataType.ANY or not dns.rdatatype.is_metatype(entry.rdtype))
            )
        elif entry.rdclass == RdataClass.NONE:
            # "if (rr.ttl != 0 || rr.type & ANY|AXFR|MAILA|MAILB) return (FORMERR)"
            is_sound = not entry.ttl and entry.rdata is not None
        else:
            is_sound = False
        if not is_sound:
            raise UpdateError(Rcode.FORMERR, "a record is of no class, type or TTL that there is")
    for entry in update.changes:
        _must_be_permitted(entry, content, permits)


def _must_be_permitted(entry: Entry, content: Content, permits: Permits) -> None:
    owner, rdtypes = entry.owner, [entry.rdtype]
    if content.is_tied(owner, entry.rdtype):
        what = "records" if entry.rdtype == RdataType.ANY else entry.rdtype.name
        raise UpdateError(Rcode.REFUSED, f"{what} of {owner} are answered from a service")
    if entry.rdtype == RdataType.ANY:
        rdtypes = _removable(owner, content.sets(owner), content)
    for rdtype in rdtypes:
        if not permits(owner, rdtype):
            raise UpdateError(Rcode.REFUSED, f"no rule allows {rdtype.name} of {owner}")


class _Working:
    """The names that a message touches, as its records have left them so far."""

    def __init__(self, content: Content) -> None:
        self.content = content
        self._nodes: dict[dns.name.Name, dict[RdataType, RecordSet]] = {}

    def sets(self, owner: dns.name.Name) -> dict[RdataType, RecordSet]:
        """To be changed in place."""
        if owner not in self._nodes:
            self._nodes[owner] = dict(self.content.sets(owner))
        return self._nodes[owner]

    def changes(self) -> Changes:
        """The sets that are not what they were."""
        found: Changes = {}
        for owner, sets in self._nodes.items():
            before = self.content.sets(owner)
            for rdtype in sorted(sets.keys() | before.keys()):
                now = sets.get(rdtype, RecordSet(0, ()))
                if now != before.get(rdtype):
                    _must_be_sendable(owner, rdtype, now)
                    found[owner, rdtype] = now
        return found


def _must_be_sendable(owner: dns.name.Name, rdtype: RdataType, records: RecordSet) -> None:
    # RFC 1035 4.2.2: a message has 65,535 bytes at most, and a set of records goes in one.
    if sum(_BESIDE_DATA + len(rdata.to_wire() or b"") for rdata in records.rdatas) > _MOST_BYTES:
        sentence = f"the {rdtype.name} records of {owner} would not fit into a message"
        raise UpdateError(Rcode.REFUSED, sentence)


def _add(entry: Entry, working: _Working) -> None:
    """RFC 2136 3.4.2.2. What can't stand beside what is there is silently ignored."""
    sets, rdata = working.sets(entry.owner), entry.rdata
    assert rdata is not None
    if entry.rdtype == RdataType.CNAME:
        # "In the case of a CNAME Update RR and a non-CNAME Zone RRset or vice versa, ignore the
        # CNAME Update RR"
        if sets.keys() - BESIDE_CNAME:
            return
    elif RdataType.CNAME in sets and entry.rdtype not in BESIDE_CNAME:
        # RFC 2136 3.4.2.7: "else if (zone_rrset<rr.name, CNAME>) next [rr]"
        return
    there = sets.get(entry.rdtype, RecordSet(entry.ttl, ()))
    if entry.rdtype == RdataType.SOA and not _is_newer(rdata, there):
        return
    # "In case of duplicate RDATAs [...], the Zone RR is replaced by Update RR."
    kept = [other for other in there.rdatas if not _replaces(rdata, other)]
    if len(kept) == len(there.rdatas):
        kept.append(rdata)
    else:  # in its place, so that nothing moves where only the TTL differs
        kept = [rdata if _replaces(rdata, other) else other for other in there.rdatas]
    # RFC 2181 5.2: "the TTLs of all RRs in an RRSet must be the same": the one given last.
    sets[entry.rdtype] = RecordSet(entry.ttl, tuple(kept))


def _is_newer(rdata: dns.rdata.Rdata, there: RecordSet) -> bool:
    """RFC 2136 3.4.2.2: "If the TYPE is SOA and there is no Zone SOA RR, or the new SOA.SERIAL is
    lower (according to [RFC1982]) than or equal to the current Zone SOA RR's SOA.SERIAL, the Update
    RR is ignored."
    """
    return bool(there.rdatas) and newer(_serial(rdata), _serial(there.rdatas[0]))


def _serial(rdata: dns.rdata.Rdata) -> int:
    assert isinstance(rdata, dns.rdtypes.ANY.SOA.SOA)
    return int(rdata.serial)


def _replaces(rdata: dns.rdata.Rdata, other: dns.rdata.Rdata) -> bool:
    """Whether a record takes the place of another of its set."""
    # RFC 6672 2.4: "Only one DNAME RR can exist at an owner name"
    if rdata.rdtype in (RdataType.CNAME, RdataType.SOA, RdataType.DNAME):
        return True
    # RFC 2136 3.4.2.2: "for WKS RRs is the case if the ADDRESS and PROTOCOL fields both match"
    if rdata.rdtype == RdataType.WKS:
        return _wire(rdata)[:_WKS_KEY] == _wire(other)[:_WKS_KEY]
    return bool(rdata == other)


def _wire(rdata: dns.rdata.Rdata) -> bytes:
    return rdata.to_wire() or b""


def _delete_sets(entry: Entry, working: _Working) -> None:
    """RFC 2136 3.4.2.3."""
    sets = working.sets(entry.owner)
    for rdtype in _removable(entry.owner, sets, working.content):
        if entry.rdtype in (RdataType.ANY, rdtype):
            del sets[rdtype]


def _removable(owner: dns.name.Name, sets: Sets, content: Content) -> list[RdataType]:
    """RFC 2136 3.4.2.3: "all Zone RRs with the same NAME are deleted, unless the NAME is the same
    as ZNAME in which case only those RRs whose TYPE is other than SOA or NS are deleted."
    """
    if owner != content.origin:
        return list(sets)
    return [rdtype for rdtype in sets if rdtype not in (RdataType.SOA, RdataType.NS)]


def _delete_record(entry: Entry, working: _Working) -> None:
    """RFC 2136 3.4.2.4."""
    sets = working.sets(entry.owner)
    there = sets.get(entry.rdtype)
    if there is None:
        return
    kept = tuple(rdata for rdata in there.rdatas if rdata != entry.rdata)
    # "unless the NAME is the same as ZNAME and either the TYPE is SOA or the TYPE is NS and the
    # matching Zone RR is the only NS RR remaining in the RRset, in which case this Update RR is
    # ignored."
    if entry.owner == working.content.origin and (
        entry.rdtype == RdataType.SOA or (entry.rdtype == RdataType.NS and not kept)
    ):
        return
    if kept:
        sets[entry.rdtype] = there._replace(rdatas=kept)
    else:
        del sets[entry.rdtype]
