"""From a question to what stands in the zones: RFC 1034 4.3.2 with 2308, 4592, 6604 and 6672."""

from __future__ import annotations

from dataclasses import dataclass, field

from geodns.answer.additional import additions, glue
from geodns.answer.body import ANSWER, AUTHORITY
from geodns.answer.image import GEO, GeoRRset, Image, Node, RRset, ZoneImage
from geodns.answer.names import MOST_NAME_BYTES, suffixes
from geodns.answer.tree import contains, descend, source

A, NS, CNAME, SOA, PTR, MX, AAAA, SRV, DNAME, DS, ANY = 1, 2, 5, 6, 12, 15, 28, 33, 39, 43, 255
HINFO, HTTPS = 13, 65
NOERROR, FORMERR, SERVFAIL, NXDOMAIN, NOTIMP, REFUSED, YXDOMAIN = 0, 1, 2, 3, 4, 5, 6
# extended errors: RFC 8914 4
PROHIBITED, NOT_AUTHORITATIVE, NOT_SUPPORTED, INVALID_DATA = 18, 20, 21, 24
_MOST_CHAIN = 16  # aliases followed in one answer; a longer chain is somebody's mistake
_RRSIG, _NSEC = 46, 47
# RFC 4035 2.5: these may stand beside a CNAME, so a question for them is not led on by it.
_BESIDE_AN_ALIAS = frozenset((_RRSIG, _NSEC))
_AT_AN_ALIAS = _BESIDE_AN_ALIAS | {CNAME}
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

    def deny(self, rcode: int, ttl: int | None = None) -> None:
        """Makes it negative: RFC 2308 3, the SOA's TTL is the lower of its own and minimum.

        RFC 2308 5: how long the answer is kept is told by that TTL; ``ttl`` is a shorter one.
        """
        zone = self.zone
        assert zone is not None
        self.rcode = rcode
        soa = zone.nodes[zone.apex].get(SOA)
        if isinstance(soa, RRset):
            self.add(
                AUTHORITY,
                zone.apex,
                SOA,
                RRset(zone.negative_ttl if ttl is None else ttl, soa.rdatas),
            )


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
    if not zone.nodes:
        # RFC 8914 4.25: "its most recent zone being too old or having expired". To say that it has
        # no such name, or that it is not ours (RFC 1034 4.3.5), would be believed.
        return Outcome(rcode=SERVFAIL, aa=False, zone=zone, error=INVALID_DATA)
    outcome = Outcome(zone=zone, exact=name in zone.nodes)
    seen = {name}
    for _ in range(_MOST_CHAIN):
        following = _step(image, zone, outcome, name, type)
        if following is None or following in seen or not contains(zone, following):
            break
        seen.add(following)
        name = following
    return outcome


def _step(image: Image, zone: ZoneImage, outcome: Outcome, name: bytes, type: int) -> bytes | None:
    """Answers for one owner name; returns the name to go on with, where it is an alias."""
    cut, renamed, encloser = descend(zone, name)
    # RFC 4035 3.1.4.1: at a cut, only DS is the parent's.
    if cut is not None and not (cut == name and type == DS):
        _refer(zone, outcome, cut)
        return None
    if renamed is not None:
        return _substitute(outcome, name, type, renamed, zone.nodes[renamed][DNAME])
    node = source(zone, name, encloser)
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
    if isinstance(alias, GeoRRset) and type not in (*_BESIDE_AN_ALIAS, ANY):
        outcome.geo = GeoPart(alias.service, name, alias.ttl)
        return None
    if isinstance(alias, RRset) and type not in _AT_AN_ALIAS:
        outcome.add(ANSWER, name, CNAME, alias)
        return alias.rdatas[0].lower() if type != ANY else None
    if type == ANY and node:
        # RFC 8482 4.2: a synthesised HINFO is a whole answer to ANY.
        outcome.add(ANSWER, name, HINFO, RRset(_ANY_TTL, (_ANY_HINFO,)))
        return None
    rrset = node.get(type) if type != GEO else None
    if isinstance(rrset, GeoRRset):
        outcome.geo = GeoPart(rrset.service, name, rrset.ttl)
        return None
    if not isinstance(rrset, RRset):
        outcome.deny(NOERROR)
        return None
    outcome.add(ANSWER, name, type, rrset)
    for addition in additions(zone, name, type, rrset):
        outcome.add(*addition)
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


def _refer(zone: ZoneImage, outcome: Outcome, cut: bytes) -> None:
    """RFC 1034 4.3.2 step 3b: a referral, with the glue that the zone has."""
    rrset = zone.nodes[cut][NS]
    assert isinstance(rrset, RRset)
    outcome.aa = any(record[0] == ANSWER for record in outcome.records)
    # RFC 4035 3.1.4: DS goes along in a signed zone, and only to those who set DO.
    outcome.add(AUTHORITY, cut, NS, rrset)
    for addition in glue(zone, cut, rrset):
        outcome.add(*addition)


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
