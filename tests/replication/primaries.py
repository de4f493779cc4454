"""A primary on loopback in the event loop of a test, made of dnspython; it can misbehave."""

from __future__ import annotations

import asyncio
import random
import ssl
from collections.abc import Callable, Iterable, Sequence
from types import TracebackType
from typing import Any, Self

import dns.edns
import dns.exception
import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset
import dns.tsig
from random_zones import ORIGIN, Set, Version, steps, whole, written

from geodns.replication.inbound import Primary, Tls
from geodns.replication.secondary.requests import EXPIRE

Mishap = Callable[[list[bytes]], list[bytes] | None]
"""What is sent in place of a reply's messages; None: nothing, and the connection stays open."""
CLOSE: list[bytes] = []


class FakePrimary:
    """Serves the last of its versions under every name, and differences between them.

    ``asked`` has the queries in their order, as "SOA udp" or "IXFR tcp"; ``mishaps`` go by these.
    """

    def __init__(
        self,
        versions: Sequence[Version],
        key: dns.tsig.Key | None = None,
        tls: ssl.SSLContext | None = None,
        host: str = "127.0.0.1",
    ) -> None:
        self.host = host
        self.versions = list(versions)
        self.key = key
        self.asked: list[str] = []
        self.ids: list[int] = []
        self.mishaps: dict[str, Mishap] = {}
        self.refuses: dict[str, dns.rcode.Rcode] = {}
        self.expire: int | None = None
        self.knows_edns = True
        self._tls = tls
        self._open: set[asyncio.Task[Any]] = set()

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._server = await asyncio.start_server(self._serve, self.host, 0, ssl=self._tls)
        self.port = self._server.sockets[0].getsockname()[1]
        self._udp, _ = await loop.create_datagram_endpoint(
            lambda: _Datagrams(self), local_addr=(self.host, self.port)
        )
        return self

    async def __aexit__(
        self,
        type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._udp.close()
        self._server.close()
        for task in self._open:
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)

    def primary(self, key: dns.tsig.Key | None = None, tls: Tls | None = None) -> Primary:
        """As it is to be asked."""
        return Primary(self.host, self.port, key or self.key, tls)

    def replies(self, packet: bytes, transport: str) -> list[bytes] | None:
        """To one query."""
        keyring = False if self.key is None else {self.key.name: self.key}
        try:
            query = dns.message.from_wire(packet, keyring=keyring)
        except dns.exception.DNSException:
            query = dns.message.from_wire(packet, keyring=False)
            query.tsig = None
            refusal = dns.message.make_response(query)
            refusal.set_rcode(dns.rcode.NOTAUTH)
            return [refusal.to_wire()]
        kind = f"{dns.rdatatype.to_text(query.question[0].rdtype)} {transport}"
        self.asked.append(kind)
        self.ids.append(query.id)
        packets = self._packets(query, kind)
        mishap = self.mishaps.get(kind)
        return packets if mishap is None else mishap(packets)

    def _packets(self, query: dns.message.Message, kind: str) -> list[bytes]:
        rcode = self.refuses.get(kind)
        if query.edns >= 0 and not self.knows_edns:
            rcode = dns.rcode.FORMERR
        if self.key is not None and not query.had_tsig:
            rcode = dns.rcode.REFUSED
        if rcode is not None:
            refusal = dns.message.make_response(query)
            refusal.use_edns(False)
            refusal.set_rcode(rcode)
            return [refusal.to_wire()]
        chance = random.Random(2)
        key = self.key if query.had_tsig else None
        last = self.versions[-1]
        match query.question[0].rdtype:
            case dns.rdatatype.SOA:
                return [self._soa(query)]
            case dns.rdatatype.IXFR:
                held = int(query.authority[0][0].serial)
                serials = [version.serial for version in self.versions]
                if held == last.serial:
                    return written(query, _moved(query, [last.soa]), chance, key)
                if held in serials:
                    since = self.versions[serials.index(held) :]
                    return written(query, _moved(query, steps(since)), chance, key)
        return written(query, _moved(query, whole(last)), chance, key)

    def _soa(self, query: dns.message.Message) -> bytes:
        reply = dns.message.make_response(query)
        reply.flags |= dns.flags.AA
        reply.answer = [
            dns.rrset.from_rdata(*each) for each in _moved(query, [self.versions[-1].soa])
        ]
        if self.expire is not None:
            option = dns.edns.GenericOption(EXPIRE, self.expire.to_bytes(4, "big"))
            reply.use_edns(0, options=[option])
        return reply.to_wire()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._open.add(task)
        transport = "tcp" if self._tls is None else "tls"
        try:
            while True:
                length = int.from_bytes(await reader.readexactly(2), "big")
                packets = self.replies(await reader.readexactly(length), transport)
                if packets is None:
                    await asyncio.sleep(3600)
                for packet in packets or ():
                    writer.write(len(packet).to_bytes(2, "big") + packet)
                await writer.drain()
                if not packets:
                    return
        except (asyncio.IncompleteReadError, asyncio.CancelledError, OSError):
            return
        finally:
            self._open.discard(task)
            writer.close()


def _moved(query: dns.message.Message, records: Iterable[Set]) -> list[Set]:
    """As records of the zone that is asked for."""
    apex = query.question[0].name
    return [
        (owner.relativize(ORIGIN).derelativize(apex), ttl, rdata) for owner, ttl, rdata in records
    ]


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, primary: FakePrimary) -> None:
        self._primary = primary

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def datagram_received(self, data: bytes, addr: Any) -> None:
        for packet in self._primary.replies(data, "udp") or ():
            self._transport.sendto(packet, addr)
