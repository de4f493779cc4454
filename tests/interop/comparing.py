"""Asks servers the same questions and holds their replies against each other."""

from __future__ import annotations

import socket
from collections.abc import Iterable, Mapping
from typing import NamedTuple

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset
from plain_zones import Question
from yardsticks import Address

Record = tuple[str, int, str, str]
"""(owner, TTL, type, data) in lower case"""


class Reply(NamedTuple):
    """What is compared; records in no order. A truncated reply has none: they are to be ignored."""

    rcode: str
    aa: bool
    tc: bool
    flags: tuple[bool, ...]  # RD, RA, AD, CD, EDNS, DO
    answer: frozenset[Record]
    authority: frozenset[Record]
    additional: frozenset[Record]

    def aliases(self) -> dict[str, str]:
        """Owner and target of each CNAME in the answer."""
        return {owner: data for owner, _, type, data in self.answer if type == "CNAME"}


PARTS = Reply._fields


class Case(NamedTuple):
    """A question, this server's reply, and those of the others by name."""

    question: Question
    ours: Reply
    theirs: Mapping[str, Reply]

    def chain(self) -> list[str]:
        """The names that this server's answer goes through, the one that was asked for first."""
        aliases = self.ours.aliases()
        names = [str(self.question.name).lower()]
        while names[-1] in aliases and len(names) == len(set(names)):
            names.append(aliases[names[-1]])
        return names

    def __str__(self) -> str:
        replies = {"geodns": self.ours, **self.theirs}
        return "\n  ".join((str(self.question), *(f"{n}: {r}" for n, r in replies.items())))


def ask_all(at: Address, questions: Iterable[Question]) -> list[Reply]:
    """The replies of a server over UDP, in the order of the questions."""
    with socket.socket(type=socket.SOCK_DGRAM) as client:
        client.settimeout(60.0)
        client.connect(at)
        replies = []
        for number, question in enumerate(questions):
            query = _query(question, number % 65536)
            client.send(query.to_wire() + question.rest)
            reply = dns.message.from_wire(client.recv(65535))
            assert query.is_response(reply), question
            replies.append(_read(reply))
    return replies


def _query(question: Question, id: int) -> dns.message.Message:
    edns = 0 if question.size is not None else -1
    size = question.size or 0
    query = dns.message.make_query(question.name, question.type, use_edns=edns, payload=size)
    query.id = id
    query.flags = (dns.flags.RD if question.rd else 0) | (dns.flags.CD if question.cd else 0)
    if question.do:
        query.ednsflags |= dns.flags.DO
    return query


def _read(reply: dns.message.Message) -> Reply:
    sections = reply.answer, reply.authority, reply.additional
    tc = bool(reply.flags & dns.flags.TC)
    # RFC 2181 9: what is left in a truncated reply is to be ignored.
    records = (frozenset[Record]() if tc else _records(section) for section in sections)
    header = (dns.flags.RD, dns.flags.RA, dns.flags.AD, dns.flags.CD)
    return Reply(
        dns.rcode.to_text(reply.rcode()),
        bool(reply.flags & dns.flags.AA),
        tc,
        (
            *(bool(reply.flags & flag) for flag in header),
            reply.edns == 0,
            bool(reply.ednsflags & dns.flags.DO),
        ),
        *records,
    )


def _records(section: list[dns.rrset.RRset]) -> frozenset[Record]:
    return frozenset(
        (
            str(rrset.name).lower(),
            rrset.ttl,
            dns.rdatatype.to_text(rrset.rdtype),
            str(rdata).lower(),
        )
        for rrset in section
        for rdata in rrset
    )
