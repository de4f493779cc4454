"""What a question is in the zones, in words: made from the resolver's own outcome."""

from __future__ import annotations

from typing import NamedTuple

import dns.name
import dns.rdatatype

from geodns.answer.body import ANSWER, AUTHORITY
from geodns.answer.image import GEO, GeoRRset, Image, ZoneImage
from geodns.answer.names import suffixes, wildcard
from geodns.answer.resolve import (
    ANY,
    CNAME,
    DNAME,
    HINFO,
    NS,
    NXDOMAIN,
    SOA,
    YXDOMAIN,
    Outcome,
    resolve,
)
from geodns.explain.explanation import Alias, ZoneFinding, ZoneKind

_SPECIAL = frozenset((41, 249, 250, 251, 252))  # OPT, TKEY, TSIG, IXFR, AXFR: no record of a name


class _Chain(NamedTuple):
    """The aliases that were followed, where they lead, and the records behind them."""

    aliases: tuple[Alias, ...]
    end: bytes
    rest: tuple[int, ...]


def find_in_zones(image: Image, name: bytes, type: int) -> tuple[ZoneFinding, Outcome]:
    """What the zones of an image say of a name in lower-case wire form and a type."""
    if type in _SPECIAL:
        sentence = f"{_word(type)} is no type of record that is looked up in a zone"
        return ZoneFinding(None, "special", text(name), None, (), None, sentence), Outcome()
    outcome = resolve(image, name, type)
    zone = outcome.zone
    if zone is None:
        sentence = f"no zone of this configuration holds {text(name)}, so it is refused"
        return ZoneFinding(None, "refused", text(name), None, (), None, sentence), outcome
    if not zone.nodes:
        sentence = (
            f"{text(zone.apex)} is copied from a primary, and was never copied, or has expired:"
            " it is answered with an error of the server"
        )
        finding = ZoneFinding(text(zone.apex), "unavailable", text(name), None, (), None, sentence)
        return finding, outcome
    chain = _follow(zone, outcome, name, type)
    source = source_of(zone, chain.end)
    service = image.services[outcome.geo.service].name if outcome.geo else None
    kind = _kind(outcome, chain)
    finding = ZoneFinding(
        zone=text(zone.apex),
        kind=kind,
        name=text(chain.end),
        source=text(source) if source is not None else None,
        aliases=chain.aliases,
        service=service,
        sentence=_sentence(kind, image, zone, outcome, chain, type),
    )
    return finding, outcome


def text(name: bytes) -> str:
    """A wire name in presentation form, with the final dot."""
    return dns.name.from_wire(name, 0)[0].to_text()


def source_of(zone: ZoneImage, name: bytes) -> bytes | None:
    """The node that answers for a name: itself, or the wildcard of its closest encloser."""
    if name in zone.nodes:
        return name
    for ancestor in suffixes(name)[1:]:
        if ancestor in zone.nodes:
            # RFC 4592 3.3.1: the source of synthesis is the asterisk under the closest encloser.
            found = wildcard(ancestor)
            return found if found in zone.nodes else None
    return None


def _follow(zone: ZoneImage, outcome: Outcome, name: bytes, type: int) -> _Chain:
    aliases: list[Alias] = []
    rest: list[int] = []
    substituted: bytes | None = None  # the owner of a DNAME, whose CNAME comes next
    for section, owner, record_type, _, rdatas in outcome.records:
        if section != ANSWER:
            continue
        if record_type == DNAME and owner != name:
            substituted = owner
        elif record_type == CNAME and (substituted is not None or type not in (CNAME, ANY)):
            source = substituted if substituted is not None else source_of(zone, owner)
            aliases.append(
                Alias(
                    owner=text(owner),
                    kind="CNAME" if substituted is None else "DNAME",
                    source=text(source if source is not None else owner),
                    target=text(rdatas[0]),
                )
            )
            name, substituted = rdatas[0].lower(), None
        else:
            rest.append(record_type)
    return _Chain(tuple(aliases), name, tuple(rest))


def _kind(outcome: Outcome, chain: _Chain) -> ZoneKind:
    if outcome.geo is not None:
        return "service"
    if outcome.rcode == NXDOMAIN:
        return "nxdomain"
    if outcome.rcode == YXDOMAIN:
        return "yxdomain"
    authority = {record[2] for record in outcome.records if record[0] == AUTHORITY}
    if NS in authority:
        return "referral"
    if SOA in authority:
        return "nodata"
    return "static" if chain.rest else "alias"


def _sentence(
    kind: ZoneKind, image: Image, zone: ZoneImage, outcome: Outcome, chain: _Chain, type: int
) -> str:
    name = text(chain.end)
    match kind:
        case "service":
            assert outcome.geo is not None
            return f"answered from the service {image.services[outcome.geo.service].name}"
        case "static" if type == ANY and chain.rest == (HINFO,):
            return "ANY gets one record that stands for all (RFC 8482), the same for every client"
        case "static":
            return "a record of the zone: the answer is the same for every client"
        case "nxdomain":
            return f"there is no {name} in the zone, and no wildcard for it"
        case "yxdomain":
            return "the name that the DNAME makes would be longer than 255 bytes"
        case "referral":
            cut = next(record[1] for record in outcome.records if record[0] == AUTHORITY)
            return f"{text(cut)} is delegated: a referral to its name servers"
        case "nodata":
            return _why_no_data(image, zone, chain.end, type)
    if zone.apex not in suffixes(chain.end):
        return f"the alias leads out of the zone, to {name}: the resolver goes on there"
    return f"the aliases lead round in a circle, or are too many: they end at {name}"


def _why_no_data(image: Image, zone: ZoneImage, name: bytes, type: int) -> str:
    source = source_of(zone, name)
    node = zone.nodes.get(source, {}) if source is not None else {}
    geo = node.get(GEO)
    if isinstance(geo, GeoRRset):
        service = image.services[geo.service].name
        return f"the service {service} has no {_word(type)} at any endpoint, nor has the zone"
    if not node:
        return f"{text(name)} has no records, there are only names below it"
    there = ", ".join(_word(type) for type in sorted(node))
    return f"{text(name)} has no {_word(type)}, only {there}"


def _word(type: int) -> str:
    return dns.rdatatype.to_text(dns.rdatatype.RdataType.make(type))
