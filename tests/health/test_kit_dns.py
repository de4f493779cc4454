"""DNS probes against real servers on loopback, hostile ones included."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest
from health_servers import HOST, Handler, serving
from probing import LONG, SHORT, black_hole, cancelled_leaves_nothing, deaf_datagrams, judged

from geodns.health.kits.dns import DnsCheck, DnsProber
from geodns.health.probe import Result

NAME = "www.example.test."
Reply = Callable[[dns.message.Message], list[bytes]]


def check(port: int, **settings: Any) -> DnsCheck:
    query = {"name": NAME, "type": "A"}
    return DnsCheck.model_validate(
        {"type": "dns", "port": port, "timeout": LONG, "query": query, **settings}
    )


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, reply: Reply) -> None:
        self._reply = reply

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def datagram_received(self, data: bytes, addr: Any) -> None:
        for wire in self._reply(dns.message.from_wire(data)):
            self._transport.sendto(wire, addr)


@asynccontextmanager
async def asked(reply: Reply, host: str, port: int = 0) -> AsyncIterator[int]:
    """Answer datagrams with what ``reply`` gives; gives the port."""
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(
        lambda: _Datagrams(reply), local_addr=(host, port)
    )
    try:
        yield transport.get_extra_info("sockname")[1]
    finally:
        transport.close()


def over_udp(reply: Reply, host: str = HOST, **settings: Any) -> Result:
    async def whole() -> Result:
        async with asked(reply, host) as port:
            return await judged(DnsProber(check(port, **settings)), host)

    return asyncio.run(whole())


def over_tcp(handler: Handler, host: str = HOST, **settings: Any) -> Result:
    async def whole() -> Result:
        async with serving(handler, host=host) as port:
            return await judged(DnsProber(check(port, transport="tcp", **settings)), host)

    return asyncio.run(whole())


def answer(query: dns.message.Message, *records: str, rcode: str = "NOERROR") -> bytes:
    made = dns.message.make_response(query)
    made.set_rcode(dns.rcode.from_text(rcode))
    kind = query.question[0].rdtype
    made.answer = [dns.rrset.from_text(NAME, 60, "IN", kind, record) for record in records]
    return made.to_wire(max_size=65535)


def framed(reply: Reply, pause: float | None = None) -> Handler:
    """Over TCP: each message with its length before it; byte by byte with a pause."""

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        query = await reader.readexactly(int.from_bytes(await reader.readexactly(2)))
        for wire in reply(dns.message.from_wire(query)):
            stream = len(wire).to_bytes(2) + wire
            for piece in [stream] if pause is None else [bytes([byte]) for byte in stream]:
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(pause or 0)

    return handler


CASES = [
    ({}, ["192.0.2.1"], "NOERROR", True, "NOERROR"),
    ({}, [], "NOERROR", True, "NOERROR"),
    ({}, [], "REFUSED", False, "REFUSED, expected NOERROR"),
    ({"rcode": "nxdomain"}, [], "NXDOMAIN", True, "NXDOMAIN"),
    ({"rcode": "BADVERS"}, [], "BADVERS", True, "BADVERS"),
    (
        {"answer": "192.0.2.2"},
        ["192.0.2.1", "192.0.2.2"],
        "NOERROR",
        True,
        "NOERROR, with 192.0.2.2",
    ),
    (
        {"answer": "192.0.2.3"},
        ["192.0.2.1"],
        "NOERROR",
        False,
        "NOERROR, but 192.0.2.3 is not among the answers",
    ),
]


@pytest.mark.parametrize("host", [HOST, "::1"])
@pytest.mark.parametrize(("settings", "records", "rcode", "ok", "detail"), CASES)
def test_rcode_and_records_decide_over_udp_and_tcp(
    settings: dict[str, Any], records: list[str], rcode: str, ok: bool, detail: str, host: str
) -> None:
    def reply(query: dns.message.Message) -> list[bytes]:
        return [answer(query, *records, rcode=rcode)]

    for result in (
        over_udp(reply, host, **settings),
        over_tcp(framed(reply), host, **settings),
    ):
        assert (result.ok, result.detail) == (ok, detail)


def test_names_in_an_answer_are_compared_without_case() -> None:
    result = over_udp(
        lambda query: [answer(query, "NS1.Example.TEST.")],
        query={"name": NAME, "type": "CNAME"},
        answer="ns1.example.test.",
    )
    assert result.ok


@pytest.mark.parametrize("recursion", [False, True])
def test_recursion_is_asked_for_where_it_is_wanted(recursion: bool) -> None:
    seen: list[dns.message.Message] = []

    def reply(query: dns.message.Message) -> list[bytes]:
        seen.append(query)
        return [answer(query)]

    assert over_udp(reply, recursion=recursion).ok
    assert bool(seen[0].flags & dns.flags.RD) is recursion
    assert (seen[0].edns, seen[0].question[0].to_text()) == (0, f"{NAME} IN A")


def _cut(query: dns.message.Message, *, within_a_record: bool) -> bytes:
    wire = bytearray(answer(query, "192.0.2.1"))
    wire[2] |= 0x02  # TC
    return bytes(wire[:-13] if within_a_record else wire)


@pytest.mark.parametrize("within_a_record", [False, True])
def test_an_answer_that_is_cut_off_is_asked_for_again_over_tcp(within_a_record: bool) -> None:
    async def whole() -> Result:
        big = framed(lambda query: [answer(query, *(f"192.0.2.{n}" for n in range(250)))])
        async with serving(big) as port:

            def cut(query: dns.message.Message) -> list[bytes]:
                return [_cut(query, within_a_record=within_a_record)]

            async with asked(cut, HOST, port):
                return await judged(DnsProber(check(port, answer="192.0.2.249")))

    result = asyncio.run(whole())
    assert (result.ok, result.detail) == (True, "NOERROR, with 192.0.2.249")


def test_an_answer_of_64_kib_is_read_to_its_end() -> None:
    def reply(query: dns.message.Message) -> list[bytes]:
        return [answer(query, *(f"10.0.{n // 250}.{n % 250}" for n in range(4000)))]

    result = over_tcp(framed(reply), answer="10.0.15.249")
    assert (result.ok, result.detail) == (True, "NOERROR, with 10.0.15.249")


def _stray(query: dns.message.Message) -> bytes:
    wire = bytearray(answer(query))
    wire[1] ^= 1
    return bytes(wire)


def test_answers_to_something_else_are_passed_over() -> None:
    result = over_udp(lambda query: [_stray(query)] * 10 + [b"", b"x", answer(query)])
    assert (result.ok, result.detail) == (True, "NOERROR")


def test_a_flood_of_answers_to_something_else_is_a_failure() -> None:
    result = over_udp(lambda query: [_stray(query)] * 16)
    assert (result.ok, result.detail) == (False, "only answers to something else came")


def _other_question(query: dns.message.Message) -> bytes:
    other = dns.message.make_query("other.example.test.", "A", id=query.id)
    return answer(other)


@pytest.mark.parametrize(
    ("reply", "detail"),
    [
        (lambda query: [query.to_wire()], "the answer is to another question"),
        (lambda query: [_other_question(query)], "the answer is to another question"),
        (
            lambda query: [query.id.to_bytes(2) + b"\x80\0" + b"\xff" * 300],
            "not a valid DNS answer",
        ),
        (lambda query: [query.id.to_bytes(2)], "not a valid DNS answer"),
        (lambda query: [answer(query, "192.0.2.1")[:-13]], "not a valid DNS answer"),
    ],
)
def test_wrong_answers_and_garbage_are_failures(reply: Reply, detail: str) -> None:
    for result in (over_udp(reply), over_tcp(framed(reply))):
        assert (result.ok, result.detail) == (False, detail)


@pytest.mark.parametrize("said", [b"", b"\0", b"\0\x40abc"])
def test_a_connection_that_ends_within_the_answer_is_a_failure(said: bytes) -> None:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(int.from_bytes(await reader.readexactly(2)))
        writer.write(said)

    result = over_tcp(handler)
    assert (result.ok, result.detail) == (False, "connection closed within the answer")


def test_an_answer_byte_by_byte_is_put_together_or_cut_by_the_timeout() -> None:
    def reply(query: dns.message.Message) -> list[bytes]:
        return [answer(query, "192.0.2.1")]

    assert over_tcp(framed(reply, 0.001)).ok
    result = over_tcp(framed(reply, 0.1), timeout=SHORT)
    assert (result.ok, result.detail) == (False, "no answer in 0.3 s")


def test_nobody_that_answers_is_cut_by_the_timeout() -> None:
    with deaf_datagrams() as udp, black_hole() as tcp:
        for port, transport in [(udp, "udp"), (tcp, "tcp")]:
            prober = DnsProber(check(port, transport=transport, timeout=SHORT))
            result = asyncio.run(judged(prober))
            assert (result.ok, result.detail) == (False, "no answer in 0.3 s")


@pytest.mark.parametrize("host", [HOST, "::1"])
def test_a_closed_port_refuses(host: str) -> None:
    with deaf_datagrams(host) as udp, black_hole(host) as tcp:
        pass
    for port, transport in [(udp, "udp"), (tcp, "tcp")]:
        result = asyncio.run(judged(DnsProber(check(port, transport=transport)), host))
        assert (result.ok, result.detail) == (False, "connection refused")


def test_a_cancelled_probe_leaves_nothing_open() -> None:
    with deaf_datagrams() as udp, black_hole() as tcp:
        for port, transport in [(udp, "udp"), (tcp, "tcp")]:
            prober = DnsProber(check(port, transport=transport))
            asyncio.run(cancelled_leaves_nothing(partial(judged, prober)))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"query": {"name": NAME, "type": "AAAAA"}}, "'AAAAA' is not a record type"),
        ({"rcode": "FINE"}, "'FINE' is not an rcode"),
        ({"answer": "2001:db8::1"}, "is not the data of a record of type A"),
    ],
)
def test_settings_that_can_not_be_asked_for_are_refused(
    settings: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        check(53, **settings)
