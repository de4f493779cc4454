"""Asks a primary for the SOA of a zone: over UDP, or TCP where that is not enough, or TLS."""

from __future__ import annotations

import asyncio
import socket
from contextlib import suppress
from typing import NamedTuple

import dns.exception
import dns.flags
import dns.message
import dns.opcode
import dns.rcode
import dns.rdatatype
import dns.rdtypes.ANY.SOA
import dns.tsig

from geodns.replication.inbound import Limits, Primary
from geodns.replication.secondary.errors import PrimaryError
from geodns.replication.secondary.requests import EXPIRE, soa_question
from geodns.replication.secondary.streams import Stream

_WAITS = (1.0, 2.0, 4.0)
"""Seconds for an answer over UDP to each attempt; then TCP is tried, which may be let through."""
_LONGEST = 65_535
_EXPIRE_BYTES = 4


class Serial(NamedTuple):
    """A primary's. ``expire``: for how many seconds its own copy holds (RFC 7314); None: unsaid."""

    serial: int
    expire: int | None


async def ask(
    apex: bytes, primary: Primary, limits: Limits, waits: tuple[float, ...] = _WAITS
) -> Serial:
    """The serial that a primary has. Raises PrimaryError."""
    try:
        return await _ask(apex, primary, limits, waits, edns=True)
    except _NoEdnsError:
        return await _ask(apex, primary, limits, waits, edns=False)


class _NoEdnsError(PrimaryError):
    """RFC 6891 7: who does not know EDNS says FORMERR or NOTIMP."""


async def _ask(
    apex: bytes, primary: Primary, limits: Limits, waits: tuple[float, ...], *, edns: bool
) -> Serial:
    query = soa_question(apex, primary.key, edns=edns)
    if primary.tls is None:
        answer = await _over_udp(query, primary, waits)
        if answer is not None:
            return _serial(apex, answer, edns=edns)
    async with await Stream.open(primary, limits) as stream:
        await stream.send(query.to_wire())
        packet = await stream.receive()
    answer = _proven(query, packet, primary.key) or _refusal(query, packet)
    if answer is None:
        unsigned = "" if primary.key is None else ", or one that is not signed well"
        raise PrimaryError(f"it sends a message that is no answer{unsigned}")
    return _serial(apex, answer, edns=edns)


async def _over_udp(
    query: dns.message.Message, primary: Primary, waits: tuple[float, ...]
) -> dns.message.Message | None:
    """The answer; None: there is none, or it is to be asked for over TCP."""
    loop = asyncio.get_running_loop()
    family = socket.AF_INET6 if ":" in primary.address else socket.AF_INET
    packet = query.to_wire()
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as bound:
            bound.setblocking(False)
            if primary.source is not None:
                bound.bind((primary.source, 0))
            await loop.sock_connect(bound, (primary.address, primary.port))
            for wait in waits:
                with suppress(TimeoutError):
                    async with asyncio.timeout(wait):
                        await loop.sock_sendall(bound, packet)
                        while True:
                            received = await loop.sock_recv(bound, _LONGEST)
                            answer = _proven(query, received, primary.key)
                            if answer is not None:
                                return None if answer.flags & dns.flags.TC else answer
                            if _refusal(query, received) is not None:
                                # RFC 8945 5.3 leaves some refusals unsigned, so anybody may have
                                # sent it. Knot DNS refuses SOA queries of catalogs so, over UDP.
                                return None
    except OSError as error:
        raise PrimaryError(f"it can't be reached: {error.strerror or error}") from error
    return None


def _proven(
    query: dns.message.Message, packet: bytes, key: dns.tsig.Key | None
) -> dns.message.Message | None:
    """The answer to a query, signed well where the query was signed; None: it is not that."""
    try:
        answer = dns.message.from_wire(
            packet, keyring=False if key is None else key, request_mac=query.mac
        )
    except dns.tsig.BadTime as error:
        raise PrimaryError("its signature is of another time; compare the clocks") from error
    except (dns.exception.DNSException, ValueError):
        return None  # anybody can send anything to an open port
    is_signed = key is None or answer.had_tsig
    return answer if is_signed and query.is_response(answer) else None


def _refusal(query: dns.message.Message, packet: bytes) -> dns.message.Message | None:
    """An answer that says no more than that something is wrong; None: it is not that."""
    try:
        answer = dns.message.from_wire(packet, keyring=False)
    except (dns.exception.DNSException, ValueError):
        return None
    if answer.rcode() == dns.rcode.NOERROR:
        return None
    # NSD leaves out the question where the signature is wrong.
    bare = not answer.question and answer.id == query.id and bool(answer.flags & dns.flags.QR)
    return answer if bare or query.is_response(answer) else None


def _serial(apex: bytes, answer: dns.message.Message, *, edns: bool) -> Serial:
    rcode = answer.rcode()
    if edns and rcode in (dns.rcode.FORMERR, dns.rcode.NOTIMP) and answer.edns < 0:
        raise _NoEdnsError("it does not know EDNS")
    if rcode == dns.rcode.NOTAUTH and answer.tsig_error:
        reason = dns.rcode.to_text(dns.rcode.Rcode(answer.tsig_error), tsig=True)
        raise PrimaryError(f"it refuses our signature: {reason}")
    if rcode != dns.rcode.NOERROR:
        raise PrimaryError(f"it answers {dns.rcode.to_text(rcode)}")
    found = [
        rdata.serial
        for rrset in answer.answer
        if rrset.rdtype == dns.rdatatype.SOA and rrset.name.to_digestable() == apex
        for rdata in rrset
        if isinstance(rdata, dns.rdtypes.ANY.SOA.SOA)
    ]
    if len(found) != 1:
        raise PrimaryError("it answers without the SOA of the zone")
    if not answer.flags & dns.flags.AA:
        # A primary whose own copy has expired, or a resolver.
        raise PrimaryError("it answers without authority for the zone")
    return Serial(found[0], _expire(answer))


def _expire(answer: dns.message.Message) -> int | None:
    for option in answer.options:
        if option.otype == EXPIRE:
            data = option.to_wire()
            if data is not None and len(data) == _EXPIRE_BYTES:
                return int.from_bytes(data, "big")
    return None
