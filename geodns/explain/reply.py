"""Asks the engine with a real packet, and reads its reply."""

from __future__ import annotations

from ipaddress import ip_network

import dns.edns
import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset

from geodns import __version__
from geodns.answer.cold import Identity
from geodns.answer.edns import PAYLOAD
from geodns.answer.engine import Engine
from geodns.answer.image import Image
from geodns.answer.service import States
from geodns.explain.explanation import Record
from geodns.explain.question import Network, Question

Message = dns.message.Message


def ask(image: Image, states: States, question: Question, *, stream: bool) -> Message:
    """The engine's reply; ``stream``: over TCP, where nothing is cut off."""
    client = question.client
    options: list[dns.edns.Option] = []
    if client.subnet:
        options.append(dns.edns.ECSOption(str(client.address), client.network.prefixlen))
    query = dns.message.make_query(
        question.name, question.type, use_edns=0, payload=PAYLOAD, options=options
    )
    engine = Engine(image, Identity("", __version__), states=states, stream=stream)
    reply = engine.respond(query.to_wire(), str(client.address))
    assert reply is not None  # only replies and fragments are met with silence
    return dns.message.from_wire(reply)


def is_truncated(message: Message) -> bool:
    """Whether the TC bit is set."""
    return bool(message.flags & dns.flags.TC)


def is_authoritative(message: Message) -> bool:
    """Whether the AA bit is set."""
    return bool(message.flags & dns.flags.AA)


def rcode_text(message: Message) -> str:
    """The rcode's name, the bits of an OPT record included."""
    return dns.rcode.to_text(message.rcode())


def records(section: list[dns.rrset.RRset]) -> tuple[Record, ...]:
    """The records of a section, in order."""
    return tuple(
        Record(str(rrset.name), rrset.ttl, dns.rdatatype.to_text(rrset.rdtype), rdata.to_text())
        for rrset in section
        for rdata in rrset
    )


def scope_length(message: Message) -> int | None:
    """The scope prefix length of the reply's client subnet, None where it has none."""
    for option in message.options:
        if isinstance(option, dns.edns.ECSOption):
            return int(option.scopelen)
    return None


def scope_network(question: Question, length: int) -> Network:
    """What a scope covers: RFC 7871 7.2.1, the network of that length around the address."""
    return ip_network((question.client.address, length), strict=False)
