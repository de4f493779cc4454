"""Catalog zones (RFC 9432), which list zones, so that secondaries configure themselves. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import blake2b
from pathlib import Path

import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdataset
import dns.rdatatype

from geodns.zone.content import Node, Zone

_TTL = 0  # RFC 9432 4.1 has it in its example: nobody is to keep these records as answers
_TIMERS = "3600 600 2147483646 0"
"""RFC 9432 4.1: refresh and retry as for any zone; it must not expire before its members do."""
_LABEL_BYTES = 16
_ZONES = dns.name.Name((b"zones",))
_LONGEST_LABEL = dns.name.Name((b"0" * 2 * _LABEL_BYTES,))


def member_label(zone: dns.name.Name) -> str:
    """The label that a zone has in catalogs, always the same for a zone.

    RFC 9432 4.1: it is unique within the catalog, and one that has changed means that the zone was
    removed and added again, with all that was known of it forgotten.
    """
    return blake2b(zone.to_digestable(), digest_size=_LABEL_BYTES).hexdigest()


def fits(catalog: dns.name.Name) -> bool:
    """Whether names of members fit below the catalog's."""
    try:
        _LONGEST_LABEL.concatenate(_ZONES).concatenate(catalog)
    except dns.name.NameTooLong:
        return False
    return True


def catalog_zone(
    catalog: dns.name.Name, members: Iterable[dns.name.Name], file: Path, serial: int
) -> Zone:
    """The catalog that lists these zones; ``file`` is where it is set. Its serial is automatic."""
    # RFC 9432 4: "there is no requirement to be able to query the catalog zone via recursive
    # nameservers", and "a single NS RR with an NSDNAME field containing the absolute name
    # 'invalid.' is RECOMMENDED."
    nodes = {
        catalog: Node(
            {
                dns.rdatatype.SOA: _record("SOA", f"invalid. invalid. {serial} {_TIMERS}"),
                dns.rdatatype.NS: _record("NS", "invalid."),
            }
        ),
        # RFC 9432 4.2.1: "the value of the TXT record MUST be '2'"
        dns.name.Name((b"version",)).concatenate(catalog): Node(
            {dns.rdatatype.TXT: _record("TXT", '"2"')}
        ),
    }
    below = _ZONES.concatenate(catalog)
    for member in members:
        owner = dns.name.Name((member_label(member).encode(),)).concatenate(below)
        nodes[owner] = Node({dns.rdatatype.PTR: _record("PTR", member.to_text())})
    return Zone(catalog, nodes, file, automatic_serial=True)


def _record(type: str, text: str) -> dns.rdataset.Rdataset:
    rdtype = dns.rdatatype.from_text(type)
    rdata = dns.rdata.from_text(dns.rdataclass.IN, rdtype, text)
    return dns.rdataset.from_rdata(_TTL, rdata)
