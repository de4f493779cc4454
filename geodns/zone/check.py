"""Checks a zone as a whole: what no single record can show to be wrong."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator

import dns.name
import dns.rdatatype
from dns.rdatatype import RdataType

from geodns.problem import Problem
from geodns.wording import did_you_mean
from geodns.zone.delegation import DELEGATION_RULES
from geodns.zone.draft import Draft
from geodns.zone.names import is_below_or_at
from geodns.zone.targets import TARGET_RULES

Rule = Callable[[Draft], Iterator[Problem]]
_MANY = 100  # sets of fewer records are not added up: it would take as long as reading them
_MOST_BYTES, _FIXED_BYTES = 65535, 12
# RFC 4035 2.5, RFC 2181 10.1: DNSSEC's records may stand beside a CNAME
_BESIDE_CNAME = frozenset((RdataType.CNAME, RdataType.RRSIG, RdataType.NSEC, RdataType.KEY))


def check_zone(draft: Draft, services: Collection[str] | None, *, needs_soa: bool) -> None:
    """Adds all that the rules find to the draft's problems, then sorts them by position.

    ``services``: the names that GEO may have; None: any.
    """
    if draft.nodes or not draft.problems:
        found = draft.problems
        for rule in RULES:
            found.extend(rule(draft))
        if needs_soa:
            found.extend(missing_soa(draft))
        if services is not None:
            found.extend(undefined_services(draft, services))
    draft.problems.sort(key=lambda item: (item.file != draft.file, item.line, item.column))


def undefined_services(draft: Draft, services: Collection[str]) -> Iterator[Problem]:
    """A GEO record must name a service that is defined."""
    for owner, node in draft.nodes.items():
        if node.geo is not None and node.geo.service not in services:
            spot = draft.spot(owner)
            yield Problem(
                "undefined-service",
                f"{owner} names the service {node.geo.service!r}, which is not defined",
                spot.file,
                node.geo.line,
                node.geo.column,
                did_you_mean(node.geo.service, services),
            )


def missing_soa(draft: Draft) -> Iterator[Problem]:
    """RFC 1035 5.2: "exactly one SOA RR should be present at the top of the zone"."""
    if (draft.origin, RdataType.SOA) not in draft.spots:
        yield draft.spot(draft.origin, RdataType.SOA).problem(
            "missing-soa", f"the zone has no SOA record at {draft.origin}"
        )


def missing_ns(draft: Draft) -> Iterator[Problem]:
    """RFC 1034 4.2.1: a zone's data holds the NS records of its top node."""
    if (draft.origin, RdataType.NS) not in draft.spots:
        yield draft.spot(draft.origin, RdataType.NS).problem(
            "missing-ns",
            f"the zone has no NS record at {draft.origin}",
            "name_servers in geodns.yaml gives zones in YAML theirs"
            if draft.file.suffix in (".yaml", ".yml")
            else None,
        )


def misplaced_soa(draft: Draft) -> Iterator[Problem]:
    """An SOA stands only at the apex."""
    for (owner, rdtype), spot in draft.spots.items():
        if rdtype == RdataType.SOA and owner != draft.origin:
            yield spot.problem(
                "soa-not-at-apex", f"{owner} has an SOA; only the apex {draft.origin} can have one"
            )


def cname_beside_other_data(draft: Draft) -> Iterator[Problem]:
    """RFC 1034 3.6.2: "If a CNAME RR is present at a node, no other data should be present"."""
    for owner, node in draft.nodes.items():
        if RdataType.CNAME not in node.rdatasets and not node.dynamic:
            continue
        types = node.types()
        if RdataType.CNAME not in types:
            continue
        others = [dns.rdatatype.to_text(kind) for kind in types - _BESIDE_CNAME]
        if node.geo is not None:
            others.append("GEO")
        if others:
            yield draft.spot(owner, RdataType.CNAME).problem(
                "cname-beside-other-data",
                f"{owner} has a CNAME and also {', '.join(sorted(others))}; a CNAME stands alone",
            )


def geo_beside_addresses(draft: Draft) -> Iterator[Problem]:
    """GEO answers A and AAAA itself, so no address can stand beside it."""
    for owner, node in draft.nodes.items():
        if node.geo is None:
            continue
        for rdtype in (RdataType.A, RdataType.AAAA):
            if rdtype in node.types():
                yield draft.spot(owner, rdtype).problem(
                    "geo-beside-address",
                    f"{owner} has a GEO record and also {rdtype.name}; GEO answers {rdtype.name}",
                    f"the GEO record is in line {draft.spot(owner).line}",
                )


def below_dname(draft: Draft) -> Iterator[Problem]:
    """RFC 6672 2.4: no records at names below the owner of a DNAME."""
    owners = {owner.labels for owner, rdtype in draft.spots if rdtype == RdataType.DNAME}
    if not owners:
        return
    for (name, rdtype), spot in draft.spots.items():
        labels = name.labels
        for start in range(1, len(labels) - len(draft.origin.labels) + 1):
            if labels[start:] in owners:
                kind = "GEO" if rdtype is None else dns.rdatatype.to_text(rdtype)
                above = dns.name.Name(labels[start:])
                yield spot.problem(
                    "below-dname", f"{name} {kind} is below the DNAME at {above}, which hides it"
                )
                break


def odd_wildcards(draft: Draft) -> Iterator[Problem]:
    """RFC 4592 4.2, 4.4: NS and DNAME at a wildcard have no agreed meaning."""
    for (owner, rdtype), spot in draft.spots.items():
        if owner.is_wild() and rdtype in {RdataType.NS, RdataType.DNAME}:
            yield spot.problem(
                "odd-wildcard",
                f"{owner} has {dns.rdatatype.to_text(rdtype)}, which has no agreed meaning at a"
                " wildcard",
                severity="warning",
            )


def unsendable(draft: Draft) -> Iterator[Problem]:
    """RFC 1035 4.2.2: a message has 65,535 bytes at most, and a set of records goes in one."""
    for (owner, rdtype), spot in draft.spots.items():
        rdataset = draft.nodes[owner].rdatasets.get(rdtype) if rdtype is not None else None
        if rdataset is None or len(rdataset) < _MANY:
            continue
        # Each has a pointer to the owner, type, class, TTL and length before its data.
        length = sum(_FIXED_BYTES + len(rdata.to_wire() or b"") for rdata in rdataset)
        if length > _MOST_BYTES:
            yield spot.problem(
                "set-too-long",
                f"the {len(rdataset)} {dns.rdatatype.to_text(rdataset.rdtype)} records of {owner}"
                f" have {length} bytes; a message can have {_MOST_BYTES}",
                "such a set is never answered, neither over UDP nor over TCP",
                "warning",
            )


def repeated_origin(draft: Draft) -> Iterator[Problem]:
    """``www.example.test`` in the file of example.test: most likely a final dot was forgotten."""
    labels = draft.origin.labels[:-1]
    if not labels:
        return
    twice = dns.name.Name((*labels, *draft.origin.labels)) if _fits_twice(labels) else None
    if twice is None:
        return
    for (owner, _), spot in draft.spots.items():
        if is_below_or_at(owner, twice):
            yield spot.problem(
                "repeated-origin",
                f"{owner} has the zone's name twice",
                "names are relative to the zone unless they end with a dot",
                "warning",
            )


def _fits_twice(labels: tuple[bytes, ...]) -> bool:
    return 2 * sum(len(label) + 1 for label in labels) < 255


RULES: tuple[Rule, ...] = (
    missing_ns,
    misplaced_soa,
    cname_beside_other_data,
    geo_beside_addresses,
    below_dname,
    odd_wildcards,
    unsendable,
    repeated_origin,
    *DELEGATION_RULES,
    *TARGET_RULES,
)
