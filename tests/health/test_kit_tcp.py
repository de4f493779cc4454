"""What TCP checks send and expect, against real servers on loopback, hostile ones included."""

from __future__ import annotations

import asyncio
import errno
import socket
import tracemalloc
from typing import Any

import pytest
from health_servers import HOST, Handler, serving
from hypothesis import given
from hypothesis import strategies as st
from probing import LONG, SHORT, black_hole, cancelled_leaves_nothing, judged

from geodns.health.kits.octets import parse_octets
from geodns.health.kits.tcp import TcpCheck, TcpProber
from geodns.health.probe import Result

_LIMIT = 65536


def check(port: int, **settings: Any) -> TcpCheck:
    return TcpCheck.model_validate({"type": "tcp", "port": port, "timeout": LONG, **settings})


def probe(handler: Handler, host: str = HOST, **settings: Any) -> Result:
    async def whole() -> Result:
        async with serving(handler, host=host) as port:
            return await judged(TcpProber(check(port, **settings)), host)

    return asyncio.run(whole())


def banner(said: bytes, pause: float | None = None) -> Handler:
    """Say this and close; byte by byte with a pause."""

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for piece in [said] if pause is None else [bytes([byte]) for byte in said]:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(pause or 0)

    return handler


@pytest.mark.parametrize("host", [HOST, "::1"])
@pytest.mark.parametrize(
    ("settings", "heard"),
    [
        ({"send": "PING\r\n", "expect": "+PONG"}, b"PING\r\n"),
        ({"send": {"hex": "50 49 4e 47"}, "expect": {"hex": "2b504f"}}, b"PING"),
        ({"send": "grün", "expect": "PONG"}, "grün".encode()),
    ],
)
def test_what_is_sent_arrives_and_the_answer_decides(
    host: str, settings: dict[str, Any], heard: bytes
) -> None:
    seen: list[bytes] = []

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(await reader.readexactly(len(heard)))
        writer.write(b"+PONG\r\n")
        await writer.drain()
        await reader.read()

    result = probe(handler, host, **settings)
    assert (result.ok, result.detail) == (True, "answered as expected")
    assert seen == [heard]


LACKS = "the answer lacks what is expected"
TOO_FAR = "the first 64 KiB of the answer lack what is expected"


@pytest.mark.parametrize(
    ("said", "ok", "detail"),
    [
        (b"220 ready", True, "answered as expected"),
        (b"x" * (_LIMIT - 5) + b"ready" + b"x" * 99, True, "answered as expected"),
        (b"x" * (_LIMIT - 4) + b"ready" + b"x" * 99, False, TOO_FAR),
        (b"x" * (_LIMIT - 4) + b"read", False, TOO_FAR),
        (b"421 busy", False, LACKS),
        (b"rea", False, LACKS),
        (bytes(range(256)), False, LACKS),
        (b"", False, "closed without an answer"),
    ],
)
def test_the_text_must_stand_in_the_first_64_kib(said: bytes, ok: bool, detail: str) -> None:
    result = probe(banner(said), expect="ready")
    assert (result.ok, result.detail) == (ok, detail)


def test_a_text_that_comes_byte_by_byte_is_found() -> None:
    assert probe(banner(b"rere ready", 0.001), expect="ready").ok


def test_an_answer_byte_by_byte_is_cut_by_the_timeout() -> None:
    result = probe(banner(b"x" * 1000, 0.05), expect="ready", timeout=SHORT)
    assert (result.ok, result.detail) == (False, "no answer in 0.3 s")


def test_an_endless_answer_takes_little_memory() -> None:
    async def flood(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            writer.write(b"x" * _LIMIT)
            await writer.drain()

    tracemalloc.start()
    try:
        result = probe(flood, expect="ready")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (result.ok, result.detail) == (False, TOO_FAR)
    assert peak < 8 * 2**20


def test_a_server_that_reads_nothing_is_only_waited_for_if_an_answer_is_expected() -> None:
    with black_hole() as port:
        sent = asyncio.run(judged(TcpProber(check(port, send="x" * 16384))))
        waited = asyncio.run(judged(TcpProber(check(port, expect="ready", timeout=SHORT))))
    assert (sent.ok, sent.detail) == (True, "connected")
    assert (waited.ok, waited.detail) == (False, "no answer in 0.3 s")


def test_a_connection_that_does_not_open_is_cut_by_its_own_limit() -> None:
    async def whole() -> Result:
        # A full backlog: the kernel drops further SYNs, as an unreachable host would.
        with socket.create_server((HOST, 0), backlog=0) as server:
            crowd = [socket.socket() for _ in range(8)]
            try:
                for one in crowd:
                    one.setblocking(False)
                    assert one.connect_ex(server.getsockname()) in {0, errno.EINPROGRESS}
                made = check(server.getsockname()[1], connect_timeout=SHORT)
                return await judged(TcpProber(made))
            finally:
                for one in crowd:
                    one.close()

    result = asyncio.run(whole())
    assert (result.ok, result.detail) == (False, "no connection in 0.3 s")


def test_a_cancelled_probe_leaves_nothing_open() -> None:
    with black_hole() as port:
        prober = TcpProber(check(port, expect="ready"))
        asyncio.run(cancelled_leaves_nothing(lambda: judged(prober)))


@given(st.binary(min_size=1, max_size=99))
def test_bytes_can_be_written_in_hexadecimal(octets: bytes) -> None:
    assert parse_octets({"hex": octets.hex()}) == octets
    assert parse_octets({"hex": octets.hex(" ").upper()}) == octets


@pytest.mark.parametrize(
    "value",
    ["", {"hex": ""}, {"hex": 50}, {"hex": "5"}, {"hex": "zz"}, {"text": "a"}, 5, "x" * 16385],
)
def test_what_is_neither_text_nor_hexadecimal_is_refused(value: Any) -> None:
    with pytest.raises(ValueError, match="send"):
        check(1, send=value)
