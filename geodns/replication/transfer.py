"""Answers what workers hand over: transfers, signed queries, and what is not implemented.

RFC 5936 for AXFR, RFC 1995 for IXFR.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from ipaddress import ip_address
from itertools import chain, islice
from typing import NamedTuple

import dns.message
import dns.opcode
import dns.rdatatype

from geodns.answer.cold import error_reply
from geodns.answer.edns import FIXED_BYTES, PAYLOAD
from geodns.answer.names import HEADER_BYTES, name_end
from geodns.answer.resolve import FORMERR, NOTIMP, REFUSED
from geodns.config.replication import Peer, Transfer
from geodns.replication.difference import Difference
from geodns.replication.messages import Record, messages
from geodns.replication.tsig import Keyring, Request, plain_opt, read
from geodns.replication.zones import Zone, open_zone
from geodns.server.answering import HandedQuery
from geodns.zone.serial import newer

_NOTAUTH, _BADVERS = 9, 16
_TC = 0x02
_ARCOUNT = slice(10, 12)
_LEAST_PAYLOAD = 512
_MESSAGES_A_BATCH = 2
"""64 KiB: to make it holds up the event loop for a few milliseconds."""


class Basis(NamedTuple):
    """What is in use: the image's file descriptor, the settings and the keys."""

    image: int
    transfer: Transfer
    keys: Keyring


def permits(peers: Iterable[Peer], host: str, key: str | None, *, tls: bool = False) -> bool:
    """Whether one of the peers is who asks, from this host and signed with this key (None: not).

    ``tls``: over TLS. RFC 9103 9.3.3 lets a primary demand it, of some or of all.
    """
    address = ip_address(host.partition("%")[0])
    mapped = getattr(address, "ipv4_mapped", None)
    address = address if mapped is None else mapped
    return any(
        (peer.network is None or address in peer.network)
        and (peer.key is None or peer.key.lower() == key)
        and (tls or not peer.tls)
        for peer in peers
    )


class Transfers:
    """``basis`` gives what is in use now; ``wall`` the time in seconds since 1970.

    ``difference`` gives what changed in the zone at an apex from one serial to another, None where
    that is not known. ``tell`` is told of each transfer: the zone, who asks, and how it ended.
    ``update`` answers an UPDATE, given the name of the key that it is signed with; ``notice`` a
    NOTIFY, where zones are copied from elsewhere: None, where they are not.
    """

    def __init__(
        self,
        basis: Callable[[], Basis],
        difference: Callable[[bytes, int, int], Awaitable[Difference | None]],
        tell: Callable[[str, str, str], None],
        update: Callable[[HandedQuery, str | None], Awaitable[bytes]],
        wall: Callable[[], float] = time.time,
        notice: Callable[[Request, HandedQuery], bytes] | None = None,
    ) -> None:
        self._basis = basis
        self._difference = difference
        self._tell = tell
        self._update = update
        self._wall = wall
        self._notice = notice

    async def answer(self, query: HandedQuery) -> AsyncIterator[tuple[bytes, ...]]:
        """The reply, in batches of messages."""
        basis = self._basis()
        request = read(query.packet, basis.keys, int(self._wall()))
        if isinstance(request, bytes):
            yield (request,)
            return
        if request.message.edns > 0:
            # RFC 6891 6.1.3: "If a responder does not implement the VERSION level of the request,
            # then it MUST respond with RCODE=BADVERS."
            wire = _question(query.packet) if len(request.message.question) == 1 else b""
            bad = error_reply(query.packet, _BADVERS, wire, plain_opt(request))
            yield (_signed(request, bad),)
            return
        if request.message.opcode() == dns.opcode.UPDATE:
            yield (_signed(request, await self._update(query, request.key)),)
            return
        if request.message.opcode() == dns.opcode.NOTIFY and self._notice is not None:
            yield (_signed(request, self._notice(request, query)),)
            return
        if request.message.opcode() != dns.opcode.QUERY:
            yield (_signed(request, error_reply(query.packet, NOTIMP)),)
            return
        (question,) = request.message.question
        if question.rdtype not in (dns.rdatatype.AXFR, dns.rdatatype.IXFR):
            if query.reply is not None:
                yield (_within(request, query),)
            return
        for batch in await self._transfer(basis, request, query):
            yield batch
            await asyncio.sleep(0)

    async def _transfer(
        self, basis: Basis, request: Request, query: HandedQuery
    ) -> Iterable[tuple[bytes, ...]]:
        (question,) = request.message.question
        name, wire = question.name.to_text().lower(), _question(query.packet)
        incremental = question.rdtype == dns.rdatatype.IXFR
        if not incremental and query.transport == "udp":
            # RFC 5936 4.2 leaves AXFR over UDP without a meaning.
            return [(_signed(request, error_reply(query.packet, FORMERR, wire)),)]
        over_tls = query.transport == "tls"
        if not permits(basis.transfer.allow_of(name), query.host, request.key, tls=over_tls):
            self._tell(name, query.host, "refused")
            return [(_signed(request, error_reply(query.packet, REFUSED, wire)),)]
        zone = open_zone(basis.image, question.name.to_digestable())
        if zone is None:
            # RFC 5936 2.2.1: a server that is not authoritative for the zone says NotAuth.
            return [(_signed(request, error_reply(query.packet, _NOTAUTH, wire)),)]
        if incremental:
            return await self._incremental(request, query, zone)
        return self._whole(request, query, zone)

    async def _incremental(
        self, request: Request, query: HandedQuery, zone: Zone
    ) -> Iterable[tuple[bytes, ...]]:
        """RFC 1995 4: what has changed since the serial that the query has, if that is known."""
        held = _serial_held(request.message)
        if held is not None and not newer(zone.serial, held):
            return [_single(request, query, zone)]
        difference = None
        if held is not None:
            difference = await self._difference(zone.apex, held, zone.serial)
        if difference is None or difference.after != zone.soa:
            if query.transport == "udp":
                return [_single(request, query, zone)]
            # "If incremental zone transfer is not available, the entire zone is returned."
            return self._whole(request, query, zone)
        if query.transport == "udp" and not _fits(request, query, difference):
            return [_single(request, query, zone)]
        how = f"serial {zone.serial} from {held}"
        return self._stream(request, query, difference.records(), how)

    def _whole(
        self, request: Request, query: HandedQuery, zone: Zone
    ) -> Iterable[tuple[bytes, ...]]:
        """RFC 5936 2.2: the SOA, all other records in any order, and the SOA again."""
        records = chain((zone.soa,), zone.records(), (zone.soa,))
        return self._stream(request, query, records, f"serial {zone.serial}")

    def _stream(
        self, request: Request, query: HandedQuery, records: Iterable[Record], how: str
    ) -> Iterable[tuple[bytes, ...]]:
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
            outcome = f"{how} in {count} messages" if done else "broken off"
            self._tell(_name(request), query.host, outcome)


def _name(request: Request) -> str:
    return request.message.question[0].name.to_text().lower()


def _serial_held(message: dns.message.Message) -> int | None:
    """RFC 1995 3: "the Authority section containing the SOA record of client's version"."""
    held = (
        int(rdata.serial)
        for rrset in message.authority
        if rrset.rdtype == dns.rdatatype.SOA
        for rdata in rrset
    )
    return next(held, None)


def _single(request: Request, query: HandedQuery, zone: Zone) -> tuple[bytes, ...]:
    """The SOA alone, for who has it, and for who should come again over TCP.

    RFC 1995 2: "If the UDP reply does not fit, the query is responded to with a single SOA record
    of the server's current version to inform the client that a TCP query should be initiated."
    """
    (message,) = messages(query.packet[:2], _question(query.packet), (zone.soa,))
    return (_signed(request, message),)


def _fits(request: Request, query: HandedQuery, difference: Difference) -> bool:
    """Whether one datagram holds it."""
    written = messages(query.packet[:2], _question(query.packet), difference.records())
    first, *more = islice(written, 2)
    signature = 0 if request.signer is None else request.signer.length
    return not more and len(first) + FIXED_BYTES + signature <= _room(request.message)


def _room(message: dns.message.Message) -> int:
    """The most bytes of a datagram to who sent this."""
    return min(PAYLOAD, max(_LEAST_PAYLOAD, message.payload))


def _question(packet: bytes) -> bytes:
    return packet[HEADER_BYTES : name_end(packet, HEADER_BYTES) + 4]


def _signed(request: Request, message: bytes) -> bytes:
    """A message of a reply, with its OPT record and its signature, where it needs them.

    RFC 8945 5.3: the reply to a signed request is signed.
    """
    opt = plain_opt(request)
    if opt is not None and message[_ARCOUNT] == b"\0\0":
        # RFC 6891 6.1.1: "If an OPT record is present in a received request, compliant responders
        # MUST include an OPT record in their respective responses."
        message = message[:10] + b"\0\1" + message[12:] + opt.record()
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
