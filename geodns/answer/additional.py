"""What is worth adding to an answer: glue, and addresses of the hosts that records name."""

from __future__ import annotations

from collections.abc import Iterator

from geodns.answer.body import ADDITIONAL, GLUE
from geodns.answer.image import Node, RRset, ZoneImage
from geodns.answer.names import name_end, suffixes
from geodns.answer.tree import contains, descend, source

_A, _NS, _MX, _AAAA, _SRV, _SVCB, _HTTPS = 1, 2, 15, 28, 33, 64, 65
_HOST_AT = {_NS: 0, _MX: 2, _SRV: 6, _SVCB: 2, _HTTPS: 2}
"""Where in the rdata the host name stands whose addresses are worth adding."""
_ADDRESSES = (_A, _AAAA)
_SERVICE_BINDINGS = frozenset((_SVCB, _HTTPS))
_ROOT = b"\0"

Addition = tuple[int, bytes, int, RRset]
"""(section, owner, type, RRset)"""


def additions(zone: ZoneImage, owner: bytes, type: int, rrset: RRset) -> Iterator[Addition]:
    """RFC 1034 4.3.2 step 6: what the zone has on the hosts that an answer's records name."""
    if type not in _HOST_AT:
        return
    seen: set[tuple[bytes, int]] = {(owner, type)}
    for rdata in rrset.rdatas:
        host, types = _wanted(owner, type, rdata)
        node = _any(zone, host) if type == _NS else _authoritative(zone, host)
        for wanted in types:
            found = node.get(wanted) if node is not None else None
            if isinstance(found, RRset) and (host, wanted) not in seen:
                seen.add((host, wanted))
                yield ADDITIONAL, host, wanted, found


def _wanted(owner: bytes, type: int, rdata: bytes) -> tuple[bytes, tuple[int, ...]]:
    at = _HOST_AT[type]
    host = rdata[at : name_end(rdata, at)].lower()
    if type not in _SERVICE_BINDINGS:
        return host, _ADDRESSES
    if rdata[:at] == b"\0\0":
        # RFC 9460 4.1: in AliasMode the target's own SVCB records are the next to be asked for.
        return host, (type, *_ADDRESSES)
    # RFC 9460 2.5.2: in ServiceMode the target "." is the owner itself.
    return owner if host == _ROOT else host, _ADDRESSES


def _authoritative(zone: ZoneImage, host: bytes) -> Node | None:
    """What answers for a host by the zone's own authority: nothing from below a cut or DNAME."""
    if not contains(zone, host):
        return None
    descent = descend(zone, host)
    if descent.cut is not None or descent.renamed is not None:
        return None
    return source(zone, host, descent.encloser)


def _any(zone: ZoneImage, host: bytes) -> Node | None:
    """The same, and glue: who asks for name servers can't do without it."""
    return zone.nodes.get(host) or _authoritative(zone, host)


def glue(zone: ZoneImage, cut: bytes, rrset: RRset) -> Iterator[Addition]:
    """The addresses that go along with a referral, those that it can't do without first."""
    hosts = dict.fromkeys(rdata.lower() for rdata in rrset.rdatas)
    # RFC 9471 3.1: all glue for in-domain name servers MUST be there, else TC; 3.2: sibling glue
    # SHOULD be, and addresses that the zone has authority over are as good.
    in_domain = [host for host in hosts if _is_below(host, cut)]
    others = [host for host in hosts if not _is_below(host, cut)]
    for section, names in ((GLUE, in_domain), (ADDITIONAL, others)):
        for host in names:
            node = _any(zone, host)
            for type in _ADDRESSES:
                found = node.get(type) if node is not None else None
                if isinstance(found, RRset):
                    yield section, host, type, found


def _is_below(host: bytes, cut: bytes) -> bool:
    return host.endswith(cut) and cut in suffixes(host)
