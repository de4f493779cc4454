"""Rules about names that records point to: they have addresses and don't go in circles."""

from __future__ import annotations

from collections.abc import Iterator

import dns.name
import dns.rdata
import dns.rdatatype
import dns.rdtypes.ANY.CNAME
import dns.rdtypes.ANY.MX
import dns.rdtypes.ANY.NS
import dns.rdtypes.IN.SRV
from dns.rdatatype import RdataType

from geodns.problem import Problem
from geodns.zone.content import Node
from geodns.zone.delegation import delegations, enclosing_cut
from geodns.zone.draft import Draft
from geodns.zone.names import is_below_or_at


def _target(rdata: dns.rdata.Rdata) -> dns.name.Name:
    if isinstance(rdata, dns.rdtypes.ANY.MX.MX):
        return rdata.exchange.canonicalize()
    assert isinstance(
        rdata, dns.rdtypes.ANY.NS.NS | dns.rdtypes.IN.SRV.SRV | dns.rdtypes.ANY.CNAME.CNAME
    )
    return rdata.target.canonicalize()


def _existing(draft: Draft) -> set[dns.name.Name]:
    """All names that exist, empty non-terminals included (RFC 4592 2.2.2), if wildcards matter."""
    names: set[dns.name.Name] = {draft.origin}
    if any(name.is_wild() for name in draft.nodes):
        for name in draft.nodes:
            while name not in names:
                names.add(name)
                name = name.parent()
    return names


def _node(draft: Draft, existing: set[dns.name.Name], name: dns.name.Name) -> Node | None:
    """What answers for a name of the zone: its node, or a wildcard's (RFC 4592 3.3.1)."""
    if name in draft.nodes or name in existing:
        return draft.nodes.get(name)
    while name not in existing:
        name = name.parent()
    return draft.nodes.get(dns.name.Name((b"*", *name.labels)))


def unusable_targets(draft: Draft) -> Iterator[Problem]:
    """NS, MX and SRV must name something that has addresses, not an alias."""
    cuts = delegations(draft)
    existing = _existing(draft)
    for owner, rdata, spot in draft.pointers:
        target = _target(rdata)
        if not is_below_or_at(target, draft.origin) or enclosing_cut(draft, cuts, target):
            continue
        kind = dns.rdatatype.to_text(rdata.rdtype)
        node = _node(draft, existing, target)
        if node is not None and RdataType.CNAME in node.rdatasets:
            # RFC 2181 10.3: an NS or MX "must not be an alias"; RFC 2782: so must SRV's target
            yield spot.problem(
                "target-is-cname",
                f"{owner} {kind} names {target}, which is a CNAME",
                "name the CNAME's target",
                # Mail may still arrive; of such a name server most resolvers find no address.
                "error" if rdata.rdtype == RdataType.NS else "warning",
            )
        elif not _has_address(node):
            yield spot.problem(
                "target-without-address",
                f"{owner} {kind} names {target}, which has no address in this zone",
                f"add an A or AAAA record for {target}",
                "warning",
            )


def _has_address(node: Node | None) -> bool:
    return node is not None and (
        node.geo is not None or RdataType.A in node.rdatasets or RdataType.AAAA in node.rdatasets
    )


def cname_loops(draft: Draft) -> Iterator[Problem]:
    """RFC 1034 3.6.2: "CNAME chains should be followed and CNAME loops signalled as an error"."""
    done: set[dns.name.Name] = set()
    for owner, rdtype in draft.spots:
        if rdtype != RdataType.CNAME or owner in done:
            continue
        path: dict[dns.name.Name, None] = {}
        name: dns.name.Name | None = owner
        while name is not None and name not in done and name not in path:
            path[name] = None
            name = _alias_of(draft, name)
        if name is not None and name in path:
            yield draft.spot(name, RdataType.CNAME).problem(
                "cname-loop", f"the CNAME of {name} leads back to itself", severity="warning"
            )
        done.update(path)


def _alias_of(draft: Draft, name: dns.name.Name) -> dns.name.Name | None:
    node = draft.nodes.get(name)
    rdataset = node.rdatasets.get(RdataType.CNAME) if node else None
    return _target(next(iter(rdataset))) if rdataset else None


TARGET_RULES = (unusable_targets, cname_loops)
