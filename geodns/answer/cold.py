"""Queries that are out of the ordinary, read with dnslib: correct first, fast never."""

from __future__ import annotations

from typing import NamedTuple

from dnslib import CLASS, QTYPE, RR, TXT, DNSHeader, DNSQuestion, DNSRecord

from geodns.answer.edns import EdnsRules, MalformedOptError, Opt, parse_opt, read_opt
from geodns.answer.names import HEADER_BYTES, name_end
from geodns.answer.opts import OptTable
from geodns.answer.resolve import FORMERR, NOT_SUPPORTED, NOTIMP, PROHIBITED, REFUSED

_IN, _CH = 1, 3
_OPT, _TKEY, _TSIG, _IXFR, _AXFR = 41, 249, 250, 251, 252
_BADVERS = 16
_QR, _OPCODE, _AA, _TC, _RD, _CD = 0x80, 0x78, 0x04, 0x02, 0x01, 0x10
_POINTER = 0xC0
_UPDATE = 5 << 3
_VERSION_NAMES = ("version.bind.", "version.server.")
_PLAIN_OPT = Opt(0, 0, do=False)
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
    packet: bytes, host: str, identity: Identity, opts: OptTable
) -> ColdQuery | bytes | str:
    """A query of a host to be answered, a finished reply, or the reason for silence."""
    if len(packet) < HEADER_BYTES:
        return "short"
    # RFC 1035 4.1.1: only QR 0 is a query; a reply to a reply could go on for ever.
    if packet[2] & _QR:
        return "reply"
    if packet[2] & _OPCODE:
        return _not_implemented(packet, host, opts)
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
        return _broken(packet, end + 4)
    return _read_parsed(packet, host, record, question, identity, opts)


def _broken(packet: bytes, end: int) -> bytes:
    """FORMERR for what can't be parsed behind its question.

    RFC 6891 7: with an OPT record if there was one; its beginning is enough to know.
    """
    begins_opt = packet[6:12] == b"\0\0\0\0\0\1" and packet[end : end + 3] == b"\0\0\x29"
    return error_reply(
        packet, FORMERR, packet[HEADER_BYTES:end], _PLAIN_OPT if begins_opt else None
    )


def _not_implemented(packet: bytes, host: str, opts: OptTable) -> bytes:
    """The reply to an opcode that we don't have, with question and EDNS where it looks like QUERY.

    RFC 6891 6.1.1: a reply has an OPT record where the request has one.
    """
    end = name_end(packet, HEADER_BYTES) + 4
    if packet[4:6] != b"\0\1" or end < HEADER_BYTES + 5 or end > len(packet):
        return error_reply(packet, NOTIMP)
    try:
        opt = parse_opt(packet[end:], opts.rules)
    except MalformedOptError:
        opt = _PLAIN_OPT
    if opt is not None:
        opt = opts.finish(opt, host)
    # An UPDATE has a zone in place of a question; RFC 2136 3.8 leaves its sections to us.
    question = packet[HEADER_BYTES:end] if packet[2] & _OPCODE != _UPDATE else b""
    return error_reply(packet, NOTIMP, question, opt, NOT_SUPPORTED)


def _read_parsed(
    packet: bytes,
    host: str,
    record: DNSRecord,
    question: bytes,
    identity: Identity,
    opts: OptTable,
) -> ColdQuery | bytes:
    found = [rr for rr in record.ar if rr.rtype == _OPT]
    misplaced = any(rr.rtype == _OPT for rr in (*record.rr, *record.auth))
    # RFC 6891 6.1.1: more than one OPT, or one that isn't in the additional section, is FORMERR.
    if len(found) > 1 or misplaced or (found and str(found[0].rname) != "."):
        return error_reply(packet, FORMERR, question, _PLAIN_OPT)
    opt: Opt | None = None
    behind = HEADER_BYTES + len(question)
    if found:
        # RFC 6891 6.1.3: BADVERS, with the highest version that is implemented. What the options
        # of another version look like is not known, so they are not judged.
        if found[0].ttl >> 16 & 0xFF:
            plain = Opt(0, 0, do=bool(found[0].ttl & 0x8000))
            return error_reply(packet, _BADVERS, question, plain)
        try:
            opt = opts.finish(_read_opt(packet, behind, opts.rules), host)
        except MalformedOptError:
            return error_reply(packet, FORMERR, question, _PLAIN_OPT)
    return _read_question(packet, record, question, opt, identity)


def _read_opt(packet: bytes, position: int, rules: EdnsRules) -> Opt:
    """What the first OPT record says, in a message that parses with one behind ``position``.

    dnslib passes over what is too short to be an option, and over an empty one at the very end.
    """
    while True:
        position = _behind_name(packet, position)
        type, qclass = packet[position : position + 2], packet[position + 2 : position + 4]
        ttl = int.from_bytes(packet[position + 4 : position + 8], "big")
        end = position + 10 + int.from_bytes(packet[position + 8 : position + 10], "big")
        if type == _OPT.to_bytes(2, "big"):
            return read_opt(int.from_bytes(qclass, "big"), ttl, packet[position + 10 : end], rules)
        position = end


def _behind_name(packet: bytes, position: int) -> int:
    """RFC 1035 4.1.4: a name ends with its zero byte, or with a pointer of two bytes."""
    while 0 < packet[position] < _POINTER:
        position += packet[position] + 1
    return position + (2 if packet[position] else 1)


def _read_question(
    packet: bytes, record: DNSRecord, question: bytes, opt: Opt | None, identity: Identity
) -> ColdQuery | bytes:
    type = int.from_bytes(question[-4:-2], "big")
    qclass = int.from_bytes(question[-2:], "big")
    if qclass == _CH:
        reply = _identify(record, identity)
        if reply is not None:
            return reply
    if type in (_OPT, _TKEY, _TSIG):
        return error_reply(packet, FORMERR, question, opt)
    if qclass != _IN:
        return error_reply(packet, REFUSED, question, opt, NOT_SUPPORTED)
    if type in (_IXFR, _AXFR):
        return error_reply(packet, REFUSED, question, opt, PROHIBITED)
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
    packet: bytes,
    rcode: int,
    question: bytes = b"",
    opt: Opt | None = None,
    error: int | None = None,
) -> bytes:
    """A reply that says only what is wrong: the query's id, opcode, RD and CD, and its question.

    RFC 6891 7: there is an OPT record in the reply if the query had one that could be read; it
    tells the extended error (RFC 8914).
    """
    flags = bytes((_QR | packet[2] & (_OPCODE | _RD), packet[3] & _CD | rcode & 0x0F))
    counts = bytes((0, 1 if question else 0, 0, 0, 0, 0, 0, 1 if opt is not None else 0))
    tail = opt.record(0, rcode, error) if opt is not None else b""
    return packet[:2] + flags + counts + question + tail
