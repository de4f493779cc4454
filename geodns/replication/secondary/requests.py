"""The messages that primaries are asked with: for a serial, for what has changed, for all. Pure."""

from __future__ import annotations

import secrets

import dns.edns
import dns.flags
import dns.message
import dns.name
import dns.rdataclass
import dns.rdatatype
import dns.rdtypes.ANY.SOA
import dns.rrset
import dns.tsig

EXPIRE = dns.edns.OptionType.make(9)
PAYLOAD = 1232  # no datagram of that many bytes is split on the way, nearly anywhere


def soa_question(apex: bytes, key: dns.tsig.Key | None, *, edns: bool) -> dns.message.Message:
    """For the serial; with EDNS also for how long the primary's own copy holds."""
    message = _question(apex, dns.rdatatype.SOA)
    if edns:
        # RFC 7314 3.1: "EXPIRE option in a query" is empty.
        message.use_edns(0, payload=PAYLOAD, options=[dns.edns.GenericOption(EXPIRE, b"")])
    return _signed(message, key)


def whole_question(apex: bytes, key: dns.tsig.Key | None) -> dns.message.Message:
    """AXFR (RFC 5936)."""
    return _signed(_question(apex, dns.rdatatype.AXFR), key)


def steps_question(apex: bytes, held: int, key: dns.tsig.Key | None) -> dns.message.Message:
    """IXFR from the serial that is held."""
    message = _question(apex, dns.rdatatype.IXFR)
    # RFC 1995 3: "the Authority section containing the SOA record of client's version of the zone".
    root = dns.name.root
    soa = dns.rdtypes.ANY.SOA.SOA(  # type: ignore[no-untyped-call]  # dnspython has no types here
        dns.rdataclass.IN, dns.rdatatype.SOA, root, root, held, 0, 0, 0, 0
    )
    message.authority.append(dns.rrset.from_rdata(message.question[0].name, 0, soa))
    return _signed(message, key)


def _question(apex: bytes, rdtype: dns.rdatatype.RdataType) -> dns.message.Message:
    name, _ = dns.name.from_wire(apex, 0)
    message = dns.message.make_query(name, rdtype)
    message.flags &= ~dns.flags.RD
    message.id = secrets.randbelow(1 << 16)
    return message


def _signed(message: dns.message.Message, key: dns.tsig.Key | None) -> dns.message.Message:
    if key is not None:
        message.use_tsig(key)
    return message
