"""Queries that are out of the ordinary, read with dnslib: correct first, fast never."""

from __future__ import annotations

from typing import NamedTuple

from dnslib import CLASS, QTYPE, RR, TXT, DNSHeader, DNSQuestion, DNSRecord

from geodns.answer.edns import MalformedOptError, Opt, opt_record, parse_opt, read_opt
from geodns.answer.names import HEADER_BYTES, name_end
from geodns.answer.resolve import FORMERR, NOTIMP, REFUSED

_IN, _CH = 1, 3
_OPT, _TKEY, _TSIG, _IXFR, _AXFR = 41, 249, 250, 251, 252
_BADVERS = 16
_QR, _OPCODE, _AA, _TC, _RD, _CD = 0x80, 0x78, 0x04, 0x02, 0x01, 0x10
_UPDATE = 5 << 3
_VERSION_NAMES = ("version.bind.", "version.server.")
_IDENTITY_NAMES = ("id.server.", "hostname.bind.")


class Identity(NamedTuple):
    """How the server names itself: ``name`` to NSID and id.server, ``version`` to version.bind."""

    name: str = ""
    version: str = ""

    @property
    def nsid(self) -> bytes:
        return self.name.encode()


class ColdQuery(NamedTuple):
    """A query that can be answered from the tables: its question as sent, and its OPT record.

    ``head`` is bytes 2 to 11 of the ordinary query that it amounts to.
    """

    head: bytes
    question: bytes
    opt: Opt | None


def read_query(
    packet: bytes, identity: Identity, accept_client_subnet: bool
) -> ColdQuery | bytes | str:
    """A query to be answered, a finished reply, or the reason for silence."""
    if len(packet) < HEADER_BYTES:
        return "short"
    # RFC 1035 4.1.1: only QR 0 is a query; a reply to a reply could go on for ever.
    if packet[2] & _QR:
        return "reply"
    if packet[2] & _OPCODE:
        return _not_implemented(packet)
    if packet[4:6] != b"\0\x01":
        # RFC 9619 4: a QUERY has exactly one question; anything else gets FORMERR.
        return error_reply(packet, FORMERR)
    end = name_end(packet, HEADER_BYTES)
    if end < 0 or end + 4 > len(packet):
        return error_reply(packet, FORMERR)
    question = packet[HEADER_BYTES : end + 4]
    try:
        record = DNSRecord.parse(packet)
    # dnslib raises its DNSError for most of what is wrong, but on hostile bytes also struct.error,
    # ValueError, IndexError and others from the parsers of single types: all mean FORMERR.
    except Exception:  # noqa: BLE001
        return error_reply(packet, FORMERR, question)
    return _read_parsed(packet, record, question, identity, accept_client_subnet)


def _not_implemented(packet: bytes) -> bytes:
    """The reply to an opcode that we don't have, with question and EDNS where it looks like QUERY.

    RFC 6891 6.1.1: a reply has an OPT record where the request has one.
    """
    end = name_end(packet, HEADER_BYTES) + 4
    if packet[4:6] != b"\0\1" or end < HEADER_BYTES + 5 or end > len(packet):
        return error_reply(packet, NOTIMP)
    try:
        opt = parse_opt(packet[end:], b"", accept_client_subnet=False)
    except MalformedOptError:
        opt = None
    do = opt is not None and opt.do
    # An UPDATE has a zone in place of a question; RFC 2136 3.8 leaves its sections to us.
    question = packet[HEADER_BYTES:end] if packet[2] & _OPCODE != _UPDATE else b""
    return error_reply(packet, NOTIMP, question, edns=opt is not None, do=do)


def _read_parsed(
    packet: bytes, record: DNSRecord, question: bytes, identity: Identity, accept: bool
) -> ColdQuery | bytes:
    opts = [rr for rr in record.ar if rr.rtype == _OPT]
    misplaced = any(rr.rtype == _OPT for rr in (*record.rr, *record.auth))
    # RFC 6891 6.1.1: more than one OPT, or one that isn't in the additional section, is FORMERR.
    if len(opts) > 1 or misplaced or (opts and str(opts[0].rname) != "."):
        return error_reply(packet, FORMERR, question)
    opt: Opt | None = None
    if opts:
        try:
            opt = _read_opt(opts[0], identity, accept)
        except MalformedOptError:
            return error_reply(packet, FORMERR, question, edns=True)
        if opt.version:
            # RFC 6891 6.1.3: BADVERS, with the highest version that is implemented.
            return error_reply(packet, _BADVERS, question, edns=True, do=opt.do)
    return _read_question(packet, record, question, opt, identity)


def _read_opt(rr: RR, identity: Identity, accept: bool) -> Opt:
    options = b"".join(
        option.code.to_bytes(2, "big") + len(option.data).to_bytes(2, "big") + bytes(option.data)
        for option in rr.rdata
    )
    return read_opt(rr.rclass, rr.ttl, options, identity.nsid, accept)


def _read_question(
    packet: bytes, record: DNSRecord, question: bytes, opt: Opt | None, identity: Identity
) -> ColdQuery | bytes:
    type = int.from_bytes(question[-4:-2], "big")
    qclass = int.from_bytes(question[-2:], "big")
    do = opt is not None and opt.do
    if qclass == _CH:
        reply = _identify(record, identity)
        if reply is not None:
            return reply
    if type in (_OPT, _TKEY, _TSIG):
        return error_reply(packet, FORMERR, question, edns=opt is not None, do=do)
    if qclass != _IN or type in (_IXFR, _AXFR):
        return error_reply(packet, REFUSED, question, edns=opt is not None, do=do)
    ar = 1 if opt is not None else 0
    head = bytes((packet[2] & _RD, packet[3] & _CD, 0, 1, 0, 0, 0, 0, 0, ar))
    return ColdQuery(head, question, opt)


def _identify(record: DNSRecord, identity: Identity) -> bytes | None:
    """RFC 4892 3: who answers, as TXT in class CH; None where there is nothing to say."""
    name = str(record.q.qname).lower()
    value = identity.version if name in _VERSION_NAMES else ""
    value = identity.name if name in _IDENTITY_NAMES else value
    if not value or record.q.qtype not in (QTYPE.TXT, QTYPE.ANY):
        return None
    header = DNSHeader(id=record.header.id, qr=1, aa=1, ra=0, rd=record.header.rd)
    reply = DNSRecord(header, q=DNSQuestion(record.q.qname, record.q.qtype, CLASS.CH))
    reply.add_answer(RR(record.q.qname, QTYPE.TXT, CLASS.CH, ttl=0, rdata=TXT(value)))
    return bytes(reply.pack())


def error_reply(
    packet: bytes, rcode: int, question: bytes = b"", *, edns: bool = False, do: bool = False
) -> bytes:
    """A reply that says only what is wrong: the query's id, opcode, RD and CD, and its question.

    RFC 6891 7: there is an OPT record in the reply if the query had one that could be read.
    """
    flags = bytes((_QR | packet[2] & (_OPCODE | _RD), packet[3] & _CD | rcode & 0x0F))
    counts = bytes((0, 1 if question else 0, 0, 0, 0, 0, 0, 1 if edns else 0))
    tail = opt_record(rcode >> 4, do, 0) if edns else b""
    return packet[:2] + flags + counts + question + tail
