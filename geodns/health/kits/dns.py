"""The ``dns`` check: a query, and the rcode and records that must come back."""

from __future__ import annotations

import asyncio
import secrets
import socket
from typing import Annotated, Literal, Self

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdata
import dns.rdataclass
import dns.rdatatype
from pydantic import AfterValidator, Field, model_validator

from geodns.config.base import Flag, Settings
from geodns.config.values import AbsoluteName, Address
from geodns.config.wording import Words
from geodns.health.kits.kit import ConnectingCheck, Kit, Port
from geodns.health.probe import ProbeError, Result, Seen, conclude
from geodns.health.wire import Wire
from geodns.wording import shown

_MOST_STRAY = 16  # datagrams that answer something else, before the probe gives up
_HEADER = 12  # bytes
_PAYLOAD = 1232  # bytes: RFC 9715 3.2, what passes nearly everywhere without fragments


def _record_type(value: str) -> str:
    try:
        dns.rdatatype.from_text(value)
    except (dns.exception.DNSException, ValueError) as error:
        raise ValueError(f"{shown(value)} is not a record type; write A, AAAA, SOA …") from error
    return value.upper()


def _rcode(value: str) -> str:
    try:
        dns.rcode.from_text(value)
    except (dns.exception.DNSException, ValueError) as error:
        raise ValueError(
            f"{shown(value)} is not an rcode; write NOERROR, NXDOMAIN, REFUSED …"
        ) from error
    return value.upper()


class Question(Settings):
    """What is asked."""

    name: AbsoluteName = Field(description="the name asked for, with the final dot")
    type: Annotated[str, AfterValidator(_record_type), Words("a record type as in AAAA")] = Field(
        "SOA", description="the record type asked for"
    )


class DnsCheck(ConnectingCheck):
    """A DNS query, and what must come back."""

    type: Literal["dns"] = Field(description="the protocol")
    port: Port = Field(53, description="where to ask")
    transport: Literal["udp", "tcp"] = Field(
        "udp", description="an answer that is cut off is asked for again over TCP"
    )
    query: Question = Field(description="what is asked")
    recursion: Flag = Field(False, description="ask for recursion, as of a resolver")
    rcode: Annotated[str, AfterValidator(_rcode), Words("an rcode as in NXDOMAIN")] = Field(
        "NOERROR", description="the rcode expected"
    )
    answer: Annotated[str, Words("a record's data as in 192.0.2.1")] | None = Field(
        None, description="data that one of the answer's records must have"
    )

    @model_validator(mode="after")
    def _answer_fits(self) -> Self:
        if self.answer is not None:
            try:
                _data(self.query.type, self.answer)
            except (dns.exception.DNSException, ValueError) as error:
                raise ValueError(
                    f"answer: {shown(self.answer)} is not the data of a record of type "
                    f"{self.query.type}"
                ) from error
        return self


def _data(record_type: str, text: str) -> dns.rdata.Rdata:
    # Not relative to the root: such a name equals none of those that come in answers.
    return dns.rdata.from_text(
        dns.rdataclass.IN, record_type, text, origin=dns.name.root, relativize=False
    )


class DnsProber:
    """Asks once, and again over TCP where the answer is cut off."""

    def __init__(self, check: DnsCheck) -> None:
        self._check = check
        self._type = dns.rdatatype.from_text(check.query.type)
        self._rcode = dns.rcode.from_text(check.rcode)
        self._data = None if check.answer is None else _data(check.query.type, check.answer)

    async def __call__(self, address: Address) -> Result:
        return await conclude(lambda: self._attempt(address), self._check.timeout)

    async def _attempt(self, address: Address) -> Seen:
        query = dns.message.make_query(
            self._check.query.name, self._type, use_edns=0, payload=_PAYLOAD
        )
        query.id = secrets.randbits(16)
        if not self._check.recursion:
            query.flags &= ~dns.flags.RD
        if self._check.transport == "udp":
            wire = await self._over_udp(query, address)
            if not _is_cut_off(wire):
                return self._judge(_parsed(wire, query))
        return self._judge(_parsed(await self._over_tcp(query, address), query))

    async def _over_udp(self, query: dns.message.Message, address: Address) -> bytes:
        family = socket.AF_INET if address.version == 4 else socket.AF_INET6
        loop = asyncio.get_running_loop()
        with socket.socket(family, socket.SOCK_DGRAM) as asking:
            asking.setblocking(False)
            # Connected: the kernel drops what others send, and reports a port that is closed.
            asking.connect((str(address), self._check.port))
            await loop.sock_sendall(asking, query.to_wire())
            for _ in range(_MOST_STRAY):
                wire = await loop.sock_recv(asking, 65535)
                if wire[:2] == query.id.to_bytes(2):
                    return wire
        raise ProbeError("only answers to something else came")

    async def _over_tcp(self, query: dns.message.Message, address: Address) -> bytes:
        with Wire(address) as wire:
            await wire.connect(self._check.port, self._check.connect_timeout)
            # RFC 1035 4.2.2: a message is preceded by its length in two bytes.
            await wire.send(query.to_wire(prepend_length=True))
            length = int.from_bytes(await wire.exactly(2))
            return await wire.exactly(length)

    def _judge(self, answer: dns.message.Message) -> Seen:
        got = dns.rcode.to_text(answer.rcode())
        if answer.rcode() != self._rcode:
            raise ProbeError(f"{got}, expected {self._check.rcode}")
        if self._data is None:
            return Seen(got)
        records = [data for rrset in answer.answer for data in rrset]
        if self._data not in records:
            raise ProbeError(f"{got}, but {self._check.answer} is not among the answers")
        return Seen(f"{got}, with {self._check.answer}")


def _is_cut_off(wire: bytes) -> bool:
    """RFC 2181 9: what came with TC is ignored, so it is not parsed: it may end anywhere."""
    return len(wire) >= _HEADER and bool(int.from_bytes(wire[2:4]) & dns.flags.TC)


def _parsed(wire: bytes, query: dns.message.Message) -> dns.message.Message:
    try:
        answer = dns.message.from_wire(wire, ignore_trailing=True, raise_on_truncation=False)
    except (dns.exception.DNSException, ValueError) as error:
        raise ProbeError("not a valid DNS answer") from error
    if not query.is_response(answer):
        raise ProbeError("the answer is to another question")
    return answer


KIT = Kit(
    DnsCheck,
    DnsProber,
    "an answer with the expected rcode and, if asked for, the record",
    "one UDP socket or connection",
)
