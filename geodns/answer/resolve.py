"""From a question to what stands in the zones: RFC 1034 4.3.2 with 2308, 4592, 6604 and 6672."""

from __future__ import annotations

from dataclasses import dataclass, field

from geodns.answer.body import ADDITIONAL, ANSWER, AUTHORITY
from geodns.answer.image import GEO, GeoRRset, Image, Node, RRset, ZoneImage
from geodns.answer.names import MOST_NAME_BYTES, suffixes, wildcard

A, NS, CNAME, SOA, PTR, MX, AAAA, SRV, DNAME, DS, ANY = 1, 2, 5, 6, 12, 15, 28, 33, 39, 43, 255
HINFO, HTTPS = 13, 65
NOERROR, FORMERR, SERVFAIL, NXDOMAIN, NOTIMP, REFUSED, YXDOMAIN = 0, 1, 2, 3, 4, 5, 6
PROHIBITED, NOT_AUTHORITATIVE, NOT_SUPPORTED = 18, 20, 21  # extended errors: RFC 8914 4
_MOST_CHAIN = 16  # aliases followed in one answer; a longer chain is somebody's mistake
_TARGET_AT = {NS: 0, MX: 2, SRV: 6}  # where the host name stands whose addresses are worth adding
_ANY_TTL = 3600
_ANY_HINFO = b"\x07RFC8482\x00"

Record = tuple[int, bytes, int, int, tuple[bytes, ...]]
"""(section, owner, type, TTL, rdatas)"""


@dataclass(slots=True)
class GeoPart:
    """The last step of an answer, taken per client: addresses of a service's endpoints."""

    service: int
    owner: bytes
    ttl: int


@dataclass(slots=True)
class Outcome:
    """All that is known of the reply before the client is. ``geo``: the answer ends in a service.

    ``exact`` says that the question's name itself is in the zone, so there are only so many such
    questions and remembering them is safe. ``zone`` gives the SOA of a negative answer.
    ``error`` is an extended error that goes with it (RFC 8914).
    """

    rcode: int = NOERROR
    aa: bool = True
    records: list[Record] = field(default_factory=list)
    geo: GeoPart | None = None
    exact: bool = False
    zone: ZoneImage | None = None
    error: int | None = None

    def add(self, section: int, owner: bytes, type: int, rrset: RRset) -> None:
        self.records.append((section, owner, type, rrset.ttl, rrset.rdatas))

    def deny(self, rcode: int) -> None:
        """Makes it negative: RFC 2308 3, the SOA's TTL is the lower of its own and minimum."""
        zone = self.zone
        assert zone is not None
        self.rcode = rcode
        soa = zone.nodes[zone.apex].get(SOA)
        if isinstance(soa, RRset):
            self.add(AUTHORITY, zone.apex, SOA, RRset(zone.negative_ttl, soa.rdatas))


def find_zone(image: Image, name: bytes, type: int) -> ZoneImage | None:
    """The zone that answers for a name: the deepest that holds it."""
    zones = image.zones
    names = suffixes(name)
    # RFC 4035 3.1.4.1: DS stands at the parent's side of a cut.
    for suffix in names[1:] if type == DS and len(names) > 1 else names:
        zone = zones.get(suffix)
        if zone is not None:
            return zone
    return zones.get(name)


def resolve(image: Image, name: bytes, type: int) -> Outcome:
    """What the zones say of a name in lower-case wire form and a type number."""
    zone = find_zone(image, name, type)
    if zone is None:
        return Outcome(rcode=REFUSED, aa=False, error=NOT_AUTHORITATIVE)
    outcome = Outcome(zone=zone, exact=name in zone.nodes)
    seen = {name}
    for _ in range(_MOST_CHAIN):
        following = _step(image, zone, outcome, name, type)
        if following is None or following in seen or not following.endswith(zone.apex):
            break
        if zone.apex not in suffixes(following):
            break
        seen.add(following)
        name = following
    return outcome


def _step(image: Image, zone: ZoneImage, outcome: Outcome, name: bytes, type: int) -> bytes | None:
    """Answers for one owner name; returns the name to go on with, where it is an alias."""
    names = suffixes(name)
    below_apex = names[: names.index(zone.apex)]
    encloser = zone.apex
    for ancestor in reversed(below_apex):
        node = zone.nodes.get(ancestor)
        if node is None:
            break
        encloser = ancestor
        # RFC 4035 3.1.4.1: at a cut, only DS is the parent's.
        if NS in node and not (ancestor == name and type == DS):
            _refer(zone, outcome, ancestor, node)
            return None
        if DNAME in node and ancestor != name:
            return _substitute(outcome, name, type, ancestor, node[DNAME])
    if DNAME in zone.nodes[zone.apex] and name != zone.apex and encloser == zone.apex:
        return _substitute(outcome, name, type, zone.apex, zone.nodes[zone.apex][DNAME])
    node = zone.nodes.get(name)
    if node is None:
        # RFC 4592 3.3.1: the source of synthesis is the asterisk under the closest encloser.
        source = wildcard(encloser)
        node = zone.nodes.get(source) if source is not None else None
        if node is None:
            outcome.deny(NXDOMAIN)
            return None
    return _answer(image, zone, outcome, name, type, node)


def _answer(
    image: Image, zone: ZoneImage, outcome: Outcome, name: bytes, type: int, node: Node
) -> bytes | None:
    geo = node.get(GEO)
    if isinstance(geo, GeoRRset) and _from_service(image, geo, type, node):
        outcome.geo = GeoPart(geo.service, name, geo.ttl)
        return None
    alias = node.get(CNAME)
    if isinstance(alias, RRset) and type != CNAME:
        outcome.add(ANSWER, name, CNAME, alias)
        return alias.rdatas[0].lower() if type != ANY else None
    if type == ANY and node:
        # RFC 8482 4.2: a synthesised HINFO is a whole answer to ANY.
        outcome.add(ANSWER, name, HINFO, RRset(_ANY_TTL, (_ANY_HINFO,)))
        return None
    rrset = node.get(type) if type != GEO else None
    if not isinstance(rrset, RRset):
        outcome.deny(NOERROR)
        return None
    outcome.add(ANSWER, name, type, rrset)
    _add_addresses(zone, outcome, type, rrset, delegation=False)
    return None


def _from_service(image: Image, geo: GeoRRset, type: int, node: Node) -> bool:
    """Whether a type at a geo name is answered from its service."""
    service = image.services[geo.service]
    down = service.when_down
    if type == HTTPS and service.https is not None:
        # What the zone says itself counts, as it is written.
        return HTTPS not in node
    if any(endpoint.cname is not None for endpoint in service.endpoints):
        # RFC 1034 3.6.2: where it is an alias, it is so for every type.
        return type in (A, AAAA, CNAME) or (type not in node and type != ANY)
    if down.cname is not None:
        return type in (A, AAAA, CNAME) or (not service.endpoints and type != ANY)
    # A type that is nowhere in the service is NODATA for every client, with scope 0.
    has_v4 = bool(down.v4) or any(endpoint.v4 for endpoint in service.endpoints)
    has_v6 = bool(down.v6) or any(endpoint.v6 for endpoint in service.endpoints)
    return (type == A and has_v4) or (type == AAAA and has_v6)


def _refer(zone: ZoneImage, outcome: Outcome, cut: bytes, node: Node) -> None:
    """RFC 1034 4.3.2 step 3b: a referral, with the glue that the zone has."""
    rrset = node[NS]
    assert isinstance(rrset, RRset)
    outcome.aa = any(record[0] == ANSWER for record in outcome.records)
    # RFC 4035 3.1.4: DS goes along in a signed zone, and only to those who set DO.
    outcome.add(AUTHORITY, cut, NS, rrset)
    _add_addresses(zone, outcome, NS, rrset, delegation=True)


def _substitute(
    outcome: Outcome, name: bytes, type: int, owner: bytes, dname: RRset | GeoRRset
) -> bytes | None:
    """RFC 6672 2.2 and 3.2: the DNAME, a CNAME made from it, and the name to go on with."""
    assert isinstance(dname, RRset)
    outcome.exact = False
    outcome.add(ANSWER, owner, DNAME, dname)
    target = name[: len(name) - len(owner)] + dname.rdatas[0]
    if len(target) > MOST_NAME_BYTES:
        outcome.rcode = YXDOMAIN
        return None
    outcome.add(ANSWER, name, CNAME, RRset(dname.ttl, (target,)))
    # RFC 1034 4.3.2 step 3a: a question for the alias itself has its answer.
    return target.lower() if type != CNAME else None


def _add_addresses(
    zone: ZoneImage, outcome: Outcome, type: int, rrset: RRset, *, delegation: bool
) -> None:
    """RFC 1034 4.3.2 step 6: addresses of the hosts that the records name, where the zone has them.

    Authoritative answers don't take what lies below a cut; referrals do: that is the glue.
    """
    at = _TARGET_AT.get(type)
    if at is None:
        return
    added: set[bytes] = set()
    for rdata in rrset.rdatas:
        host = rdata[at:].lower()
        node = zone.nodes.get(host)
        if node is None or host in added or not (delegation or not _below_cut(zone, host)):
            continue
        added.add(host)
        for address in (A, AAAA):
            found = node.get(address)
            if isinstance(found, RRset):
                outcome.add(ADDITIONAL, host, address, found)


def _below_cut(zone: ZoneImage, name: bytes) -> bool:
    names = suffixes(name)
    return any(NS in zone.nodes.get(n, {}) for n in names[: names.index(zone.apex)])
