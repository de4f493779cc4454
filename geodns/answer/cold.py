"""Queries that are out of the ordinary: correct first, fast never."""

from __future__ import annotations

from typing import NamedTuple

from dnslib import CLASS, QTYPE, RR, TXT, DNSHeader, DNSQuestion, DNSRecord

from geodns.answer.edns import MalformedOptError, Opt, parse_opt, read_opt
from geodns.answer.names import HEADER_BYTES, name_end
from geodns.answer.opts import OptTable
from geodns.answer.records import (
    ADDITIONAL_SECTION,
    MalformedMessageError,
    Record,
    records_behind,
)
from geodns.answer.resolve import FORMERR, NOT_SUPPORTED, NOTIMP, PROHIBITED, REFUSED

_IN, _CH = 1, 3
_OPT, _TKEY, _TSIG, _IXFR, _AXFR = 41, 249, 250, 251, 252
_BADVERS = 16
_QR, _OPCODE, _AA, _TC, _RD, _CD = 0x80, 0x78, 0x04, 0x02, 0x01, 0x10
_NOTIFY, _UPDATE = 4 << 3, 5 << 3

HAND_OVER = b""
"""In place of a reply: what no table holds, for the process that keeps keys and zones."""
_VERSION_NAMES = (b"\7version\4bind\0", b"\7version\6server\0")
_PLAIN_OPT = Opt(0, 0, do=False)
_IDENTITY_NAMES = (b"\2id\6server\0", b"\x08hostname\4bind\0")


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
    packet: bytes, host: str, identity: Identity, opts: OptTable, *, hand_over: bool = False
) -> ColdQuery | bytes | str:
    """A query of a host to be answered, a finished reply, or the reason for silence.

    Or HAND_OVER, where there is somebody to hand transfers, signed queries, NOTIFY and UPDATE to.
    """
    if len(packet) < HEADER_BYTES:
        return "short"
    # RFC 1035 4.1.1: only QR 0 is a query; a reply to a reply could go on for ever.
    if packet[2] & _QR:
        return "reply"
    if packet[2] & _OPCODE:
        if hand_over and packet[2] & _OPCODE in (_NOTIFY, _UPDATE):
            return HAND_OVER
        return _not_implemented(packet, host, opts)
    if packet[4:6] != b"\0\x01":
        # RFC 9619 4: a QUERY has exactly one question; anything else gets FORMERR.
        return error_reply(packet, FORMERR)
    end = name_end(packet, HEADER_BYTES)
    if end < 0 or end + 4 > len(packet):
        return error_reply(packet, FORMERR)
    question = packet[HEADER_BYTES : end + 4]
    try:
        records = records_behind(packet, end + 4)
    except MalformedMessageError:
        return _broken(packet, end + 4)
    if hand_over and _is_for_others(question, records):
        return HAND_OVER
    return _read_records(packet, host, records, question, identity, opts)


def _is_for_others(question: bytes, records: list[Record]) -> bool:
    """A transfer, or a query that is signed and wants a signed reply (RFC 8945 5.3)."""
    type, qclass = question[-4:-2], question[-2:]
    if int.from_bytes(qclass, "big") != _IN:
        return False
    signed = any(each.type == _TSIG and each.section == ADDITIONAL_SECTION for each in records)
    return signed or int.from_bytes(type, "big") in (_IXFR, _AXFR)


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


def _read_records(
    packet: bytes,
    host: str,
    records: list[Record],
    question: bytes,
    identity: Identity,
    opts: OptTable,
) -> ColdQuery | bytes:
    found = [record for record in records if record.type == _OPT]
    misplaced = any(record.section != ADDITIONAL_SECTION or not record.root for record in found)
    # RFC 6891 6.1.1: more than one OPT, or one that isn't in the additional section, is FORMERR.
    if len(found) > 1 or misplaced:
        return error_reply(packet, FORMERR, question, _PLAIN_OPT)
    opt: Opt | None = None
    if found:
        (record,) = found
        # RFC 6891 6.1.3: BADVERS, with the highest version that is implemented. What the options
        # of another version look like is not known, so they are not judged.
        if record.ttl >> 16 & 0xFF:
            plain = Opt(0, 0, do=bool(record.ttl & 0x8000))
            return error_reply(packet, _BADVERS, question, plain)
        try:
            read = read_opt(record.qclass, record.ttl, record.rdata, opts.rules)
        except MalformedOptError:
            return error_reply(packet, FORMERR, question, _PLAIN_OPT)
        opt = opts.finish(read, host)
    return _read_question(packet, question, opt, identity)


def _read_question(
    packet: bytes, question: bytes, opt: Opt | None, identity: Identity
) -> ColdQuery | bytes:
    type = int.from_bytes(question[-4:-2], "big")
    qclass = int.from_bytes(question[-2:], "big")
    if qclass == _CH:
        reply = _identify(packet, question, opt, identity)
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


def _identify(packet: bytes, question: bytes, opt: Opt | None, identity: Identity) -> bytes | None:
    """RFC 4892 3: who answers, as TXT in class CH; None where there is nothing to say.

    What is in it is bounded by the configuration: it fits into the least UDP size.
    """
    name = question[:-4].lower()
    value = identity.version if name in _VERSION_NAMES else ""
    value = identity.name if name in _IDENTITY_NAMES else value
    if not value or int.from_bytes(question[-4:-2], "big") not in (QTYPE.TXT, QTYPE.ANY):
        return None
    record = DNSRecord.parse(packet[:4] + b"\0\1\0\0\0\0\0\0" + question)
    header = DNSHeader(id=record.header.id, qr=1, aa=1, ra=0, rd=record.header.rd)
    reply = DNSRecord(header, q=DNSQuestion(record.q.qname, record.q.qtype, CLASS.CH))
    reply.add_answer(RR(record.q.qname, QTYPE.TXT, CLASS.CH, ttl=0, rdata=TXT(value)))
    packed = bytes(reply.pack())
    if opt is None:
        return packed
    # RFC 6891 6.1.1: a reply to a query with an OPT record has one, whatever was asked.
    return packed[:10] + b"\0\1" + packed[12:] + opt.record()


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
