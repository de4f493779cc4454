"""Settings of dynamic update (RFC 2136): who may change which records of which zone."""

from __future__ import annotations

from typing import Annotated

import dns.exception
import dns.name
import dns.rdatatype
from dns.rdatatype import RdataType
from pydantic import AfterValidator, Field

from geodns.config.base import Settings
from geodns.config.replication import Peer
from geodns.config.values import AbsoluteName, Duration
from geodns.config.wording import Words
from geodns.wording import shown

KEPT_TYPES = frozenset(
    RdataType[name]
    for name in ("SOA", "NS", "DNAME", "DS", "CDS", "DNSKEY", "CDNSKEY", "RRSIG", "NSEC")
) | {RdataType.NSEC3, RdataType.NSEC3PARAM}
"""What only a rule allows that names it: a mistake in these takes a whole zone away."""


def _parse_pattern(value: str) -> str:
    """``@``, or a relative name in which ``*`` stands for labels. Raises ValueError."""
    if value == "@":
        return value
    try:
        name = dns.name.from_text(value, origin=None)
    except (dns.exception.DNSException, UnicodeError) as error:
        raise ValueError(f"{shown(value)} is not a name: {error}") from error
    if name.is_absolute():
        raise ValueError(f"{shown(value)} must be relative to the zone; @ is the zone's own name")
    return value.lower()


def _parse_type(value: str) -> str:
    try:
        rdtype = dns.rdatatype.from_text(value)
    except (dns.exception.DNSException, ValueError):
        rdtype = RdataType.ANY
    if dns.rdatatype.is_metatype(rdtype):
        raise ValueError(f"{shown(value)} is not a type of record; write it as in TXT")
    return rdtype.name if value.upper() in RdataType.__members__ else value.upper()


class UpdateRule(Peer):
    """Somebody, and what they may change. Text is a network, which may change everything."""

    names: tuple[Annotated[str, AfterValidator(_parse_pattern), Words("a relative name")], ...] = (
        Field(
            ("@", "*"),
            min_length=1,
            description="names, relative to the zone: @ is the zone's own, * one or more labels",
        )
    )
    types: tuple[Annotated[str, AfterValidator(_parse_type), Words("a type")], ...] | None = Field(
        None, description="types of records; none: all but NS, SOA, DNAME and those of DNSSEC"
    )

    def allows(self, labels: tuple[bytes, ...], rdtype: RdataType) -> bool:
        """Whether records of a type at a name may be changed; labels are relative to the zone."""
        if self.types is None:
            fits = rdtype not in KEPT_TYPES
        else:
            fits = rdtype in map(dns.rdatatype.from_text, self.types)
        return fits and any(_matches(pattern, labels) for pattern in self.names)


def _matches(pattern: str, labels: tuple[bytes, ...]) -> bool:
    if pattern == "@":
        return not labels
    return _fits(dns.name.from_text(pattern, origin=None).labels, labels)


def _fits(pattern: tuple[bytes, ...], labels: tuple[bytes, ...]) -> bool:
    if not pattern:
        return not labels
    if not labels:
        return False
    if pattern[0] == b"*":
        return any(_fits(pattern[1:], labels[count:]) for count in range(1, len(labels) + 1))
    return pattern[0] == labels[0] and _fits(pattern[1:], labels[1:])


class UpdatePolicy(Settings):
    """Dynamic update (RFC 2136)."""

    zones: dict[AbsoluteName, tuple[UpdateRule, ...]] = Field(
        {}, description="by zone, with the final dot: who may change what; none: nobody"
    )
    wait: Duration = Field(
        1.5,
        description="how long an update that is kept on disk waits to be answered by all workers "
        "before its sender is told",
    )
    most: int = Field(
        100_000,
        ge=1,
        description="how many record sets of a zone updates may have written, those among them "
        "that they deleted; what goes beyond is refused",
    )

    def rules_of(self, zone: str) -> tuple[UpdateRule, ...]:
        """Those of a zone, by its name in lower case with the final dot."""
        return next((rules for name, rules in self.zones.items() if name.lower() == zone), ())
