"""Rules about delegations: names that belong to another zone, and the glue that leads to it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import dns.name
import dns.rdatatype
import dns.rdtypes.ANY.NS
from dns.rdatatype import RdataType

from geodns.problem import Problem
from geodns.zone.draft import Draft, Spot
from geodns.zone.names import is_below_or_at

Cuts = dict[tuple[bytes, ...], dns.name.Name]
_ADDRESSES = (RdataType.A, RdataType.AAAA)
# RFC 4035 2.2 to 2.4: what the parent's side of a delegation holds
_AT_A_CUT = frozenset((RdataType.NS, RdataType.DS, RdataType.NSEC, RdataType.RRSIG))


def delegations(draft: Draft) -> Cuts:
    """The names that are delegated to other zones."""
    return {
        owner.labels: owner
        for owner, rdtype in draft.spots
        if rdtype == RdataType.NS and owner != draft.origin
    }


def enclosing_cut(draft: Draft, cuts: Cuts, name: dns.name.Name) -> dns.name.Name | None:
    """The topmost delegation at or above a name of the zone; None: the zone has authority."""
    if cuts:
        labels = name.labels
        for start in range(len(labels) - len(draft.origin.labels) - 1, -1, -1):
            cut = cuts.get(labels[start:])
            if cut is not None:
                return cut
    return None


def _glue(draft: Draft, cuts: Cuts) -> Iterator[tuple[dns.name.Name, dns.name.Name, Spot]]:
    """(delegation, name server, spot) where the addresses can only come from this zone."""
    for owner, rdata, spot in draft.pointers:
        if owner.labels in cuts and isinstance(rdata, dns.rdtypes.ANY.NS.NS):
            target = rdata.target.canonicalize()
            if is_below_or_at(target, draft.origin) and enclosing_cut(draft, cuts, target):
                yield owner, target, spot


def _has_address(draft: Draft, name: dns.name.Name) -> bool:
    node = draft.nodes.get(name)
    return node is not None and any(rdtype in node.rdatasets for rdtype in _ADDRESSES)


def missing_glue(draft: Draft) -> Iterator[Problem]:
    """RFC 1034 4.2.1: glue is needed where a name server's name is below the cut.

    A delegation that loses one of its servers so is odd; one that loses them all is broken.
    """
    missing = [
        (cut, target, spot)
        for cut, target, spot in _glue(draft, delegations(draft))
        if not _has_address(draft, target)
    ]
    lost = Counter(cut for cut, _, _ in missing)
    for cut, target, spot in missing:
        yield spot.problem(
            "missing-glue",
            f"the delegation {cut} has the name server {target}, which has no address here",
            f"add an A or AAAA record for {target}",
            "error" if lost[cut] == len(draft.nodes[cut].rdatasets[RdataType.NS]) else "warning",
        )


def occluded(draft: Draft) -> Iterator[Problem]:
    """RFC 2136 7.18, RFC 1034 4.2.1: data at or below a cut other than glue is never answered."""
    cuts = delegations(draft)
    if not cuts:
        return
    glue = {target for _, target, _ in _glue(draft, cuts)}
    for (name, rdtype), spot in draft.spots.items():
        cut = enclosing_cut(draft, cuts, name)
        if cut is None or (name in glue and rdtype in _ADDRESSES):
            continue
        if name == cut and (rdtype is None or rdtype in _AT_A_CUT):
            continue
        kind = "GEO" if rdtype is None else dns.rdatatype.to_text(rdtype)
        where = "at" if name == cut else "below"
        yield spot.problem(
            "occluded",
            f"{name} {kind} is {where} the delegation {cut} and is never answered from here",
            severity="warning",
        )


def geo_at_delegation(draft: Draft) -> Iterator[Problem]:
    """A delegated name is the other zone's to answer, so it can't be tied to a service."""
    for cut in delegations(draft).values():
        if draft.nodes[cut].geo is not None:
            yield draft.spot(cut).problem(
                "geo-at-delegation", f"{cut} is delegated to other name servers and can't be GEO"
            )


def dname_at_delegation(draft: Draft) -> Iterator[Problem]:
    """RFC 6672 2.3, 2.4: a DNAME can't stand beside NS records except at the apex."""
    for cut in delegations(draft).values():
        if RdataType.DNAME in draft.nodes[cut].rdatasets:
            yield draft.spot(cut, RdataType.DNAME).problem(
                "dname-at-delegation",
                f"{cut} is delegated to other name servers and can't be DNAME",
            )


def misplaced_ds(draft: Draft) -> Iterator[Problem]:
    """RFC 4035 2.4: a DS stands only at a delegation, never at the apex."""
    for (owner, rdtype), spot in draft.spots.items():
        if rdtype != RdataType.DS:
            continue
        if owner == draft.origin or RdataType.NS not in draft.nodes[owner].rdatasets:
            yield spot.problem(
                "misplaced-ds",
                f"{owner} has DS but is not a delegation; DS stands in the parent, beside NS",
                severity="warning",
            )


DELEGATION_RULES = (
    missing_glue,
    occluded,
    geo_at_delegation,
    dname_at_delegation,
    misplaced_ds,
)
