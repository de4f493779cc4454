"""Answers what workers hand over: transfers, signed queries, and what is not implemented.

RFC 5936 for AXFR; an IXFR is answered with the whole zone, which RFC 1995 4 allows ("If incremental
zone transfer is not available, the entire zone is returned").
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterable
from ipaddress import ip_address
from itertools import chain
from typing import NamedTuple

import dns.message
import dns.opcode
import dns.rdatatype

from geodns.answer.cold import error_reply
from geodns.answer.names import HEADER_BYTES, name_end
from geodns.answer.resolve import FORMERR, NOTIMP, REFUSED
from geodns.config.replication import Peer, Transfer
from geodns.replication.messages import messages
from geodns.replication.tsig import Keyring, Request, read
from geodns.replication.zones import Zone, open_zone
from geodns.server.answering import HandedQuery
from geodns.zone.serial import newer

_NOTAUTH = 9
_TC = 0x02
_LEAST_PAYLOAD = 512
_MESSAGES_A_BATCH = 2
"""64 KiB: to make it holds up the event loop for a few milliseconds."""


class Basis(NamedTuple):
    """What is in use: the image's file descriptor, the settings and the keys."""

    image: int
    transfer: Transfer
    keys: Keyring


def permits(peers: Iterable[Peer], host: str, key: str | None) -> bool:
    """Whether one of the peers is who asks, from this host and signed with this key (None: not)."""
    address = ip_address(host.partition("%")[0])
    mapped = getattr(address, "ipv4_mapped", None)
    address = address if mapped is None else mapped
    return any(
        (peer.network is None or address in peer.network)
        and (peer.key is None or peer.key.lower() == key)
        for peer in peers
    )


class Transfers:
    """``basis`` gives what is in use now; ``wall`` the time in seconds since 1970.

    ``tell`` is told of each transfer: the zone, who asks for it, and how it ended.
    """

    def __init__(
        self,
        basis: Callable[[], Basis],
        tell: Callable[[str, str, str], None],
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._basis = basis
        self._tell = tell
        self._wall = wall

    async def answer(self, query: HandedQuery) -> AsyncIterator[tuple[bytes, ...]]:
        """The reply, in batches of messages."""
        basis = self._basis()
        request = read(query.packet, basis.keys, int(self._wall()))
        if isinstance(request, bytes):
            yield (request,)
            return
        if request.message.opcode() != dns.opcode.QUERY:
            yield (_signed(request, error_reply(query.packet, NOTIMP)),)
            return
        (question,) = request.message.question
        if question.rdtype not in (dns.rdatatype.AXFR, dns.rdatatype.IXFR):
            if query.reply is not None:
                yield (_within(request, query),)
            return
        for batch in self._transfer(basis, request, query):
            yield batch
            await asyncio.sleep(0)

    def _transfer(
        self, basis: Basis, request: Request, query: HandedQuery
    ) -> Iterable[tuple[bytes, ...]]:
        (question,) = request.message.question
        name, wire = question.name.to_text().lower(), _question(query.packet)
        incremental = question.rdtype == dns.rdatatype.IXFR
        if not incremental and query.transport == "udp":
            # RFC 5936 4.2 leaves AXFR over UDP without a meaning.
            return [(_signed(request, error_reply(query.packet, FORMERR, wire)),)]
        if not permits(basis.transfer.allow_of(name), query.host, request.key):
            self._tell(name, query.host, "refused")
            return [(_signed(request, error_reply(query.packet, REFUSED, wire)),)]
        zone = open_zone(basis.image, question.name.to_digestable())
        if zone is None:
            # RFC 5936 2.2.1: a server that is not authoritative for the zone says NotAuth.
            return [(_signed(request, error_reply(query.packet, _NOTAUTH, wire)),)]
        if incremental and not _is_behind(request.message, zone, query.transport):
            return [(_signed(request, _single(query.packet, wire, zone)),)]
        return self._whole(request, query, zone)

    def _whole(
        self, request: Request, query: HandedQuery, zone: Zone
    ) -> Iterable[tuple[bytes, ...]]:
        """RFC 5936 2.2: the SOA, all other records in any order, and the SOA again."""
        (question,) = request.message.question
        records = chain((zone.soa,), zone.records(), (zone.soa,))
        batch: list[bytes] = []
        count, done = 0, False
        try:
            for message in messages(query.packet[:2], _question(query.packet), records):
                batch.append(_signed(request, message))
                count += 1
                if len(batch) == _MESSAGES_A_BATCH:
                    yield tuple(batch)
                    batch = []
            done = True
            if batch:
                yield tuple(batch)
        finally:
            how = f"serial {zone.serial} in {count} messages" if done else "broken off"
            self._tell(question.name.to_text().lower(), query.host, how)


def _is_behind(message: dns.message.Message, zone: Zone, transport: str) -> bool:
    """Whether who asks for IXFR gets records. RFC 1995 3: the query has the SOA of what it has.

    RFC 1995 2: "If the UDP reply does not fit, the query is responded to with a single SOA record
    of the server's current version to inform the client that a TCP query should be initiated."
    """
    held = [
        int(rdata.serial)
        for rrset in message.authority
        if rrset.rdtype == dns.rdatatype.SOA
        for rdata in rrset
    ]
    return transport != "udp" and (not held or newer(zone.serial, held[0]))


def _single(packet: bytes, question: bytes, zone: Zone) -> bytes:
    (message,) = messages(packet[:2], question, (zone.soa,))
    return message


def _question(packet: bytes) -> bytes:
    return packet[HEADER_BYTES : name_end(packet, HEADER_BYTES) + 4]


def _signed(request: Request, message: bytes) -> bytes:
    """RFC 8945 5.3: the reply to a signed request is signed."""
    return message if request.signer is None else request.signer.sign(message)


def _within(request: Request, query: HandedQuery) -> bytes:
    """The signed reply of a worker, within what fits into a UDP reply.

    RFC 8945 5.3: where the signature makes it too long, TC is set, and only the question and the
    signature are left.
    """
    assert query.reply is not None
    limit = max(_LEAST_PAYLOAD, request.message.payload)
    if request.signer is None:
        return query.reply
    reply = query.reply
    if query.transport == "udp" and len(reply) + request.signer.length > limit:
        head = reply[:2] + bytes((reply[2] | _TC, reply[3])) + b"\0\1" + bytes(6)
        reply = head + _question(query.packet)
    return request.signer.sign(reply)
