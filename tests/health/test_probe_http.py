"""HTTP and HTTPS probes against real servers on loopback, hostile ones included."""

from __future__ import annotations

import asyncio
import os
import ssl
import tracemalloc
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from health_servers import HOST, Authority, Handler, http, saying, serving

from geodns.config.settings import HttpCheck
from geodns.errors import GeodnsError
from geodns.health.probe import Result, SeenLoad
from geodns.health.probe_http import HttpProber, status_ranges

LONG, SHORT = 30.0, 0.3  # timeouts: never reached; meant to be reached


async def probe(port: int, **settings: Any) -> Result:
    check = HttpCheck.model_validate({"type": "http", "port": port, "timeout": LONG, **settings})
    prober = HttpProber(check)
    while True:
        result = await prober(ip_address(HOST))
        if result.conclusive:  # on a machine that stood still, again
            return result


def probe_once(handler: Handler, tls: ssl.SSLContext | None = None, **settings: Any) -> Result:
    async def whole() -> Result:
        async with serving(handler, tls=tls) as port:
            return await probe(port, **settings)

    return asyncio.run(whole())


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@pytest.mark.parametrize(
    ("answer", "expect", "ok", "detail"),
    [
        (http(), {}, True, "HTTP 200"),
        (http("204 No Content", b""), {"status": 204}, True, "HTTP 204"),
        (http("204 No Content", b""), {"status": "200-299"}, True, "HTTP 204"),
        (http("404 Not Found"), {"status": [200, 404]}, True, "HTTP 404"),
        (http("503 Busy"), {}, False, "HTTP 503, expected 200"),
        (http("503 Busy"), {"status": "200-299"}, False, "HTTP 503, expected 200-299"),
        (http("503 Busy"), {"status": [200, 204]}, False, "HTTP 503, expected 200 or 204"),
        (http("302 Found", b"", "Location: /"), {}, False, "HTTP 302, expected 200"),
        (http("302 Found", b"", "Location: http://[bad"), {"status": 302}, True, "HTTP 302"),
        (http(body=b"all is well"), {"body": "well"}, True, "HTTP 200"),
        (http(body="grün".encode()), {"body": "grün"}, True, "HTTP 200"),
        (
            http(body=b"all is well"),
            {"body": "good"},
            False,
            "HTTP 200, but the body lacks the expected text",
        ),
        (http(body=b"x" * 65532 + b"well" + b"x" * 100), {"body": "well"}, True, "HTTP 200"),
        (
            http(body=b"x" * 65533 + b"well" + b"x" * 100),
            {"body": "well"},
            False,
            "HTTP 200, but the first 64 KiB of the body lacks the expected text",
        ),
        (
            http("200 OK", b"packed", "Content-Encoding: gzip"),
            {"body": "packed"},
            True,
            "HTTP 200",
        ),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nwe\r\n2\r\nll\r\n0\r\n\r\n",
            {"body": "well"},
            True,
            "HTTP 200",
        ),
        (b"HTTP/1.0 200 OK\r\n\r\nuntil the end", {"body": "the end"}, True, "HTTP 200"),
        (
            b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nfine",
            {"body": "well"},
            False,
            "connection broke off within the body",
        ),
        (b"", {}, False, "connection closed before an answer"),
    ],
)
def test_status_and_body_decide(
    answer: bytes, expect: dict[str, Any], ok: bool, detail: str
) -> None:
    result = probe_once(saying(answer), expect=expect)
    assert (result.ok, result.detail) == (ok, detail)
    assert 0 < result.duration < LONG


def test_the_request_goes_to_the_address_and_names_the_host() -> None:
    requests: list[bytes] = []

    async def whole() -> None:
        async with serving(saying(http(), requests)) as port:
            await probe(port, path="/healthz?full=1", host="www.example.test")
            await probe(port, method="HEAD")
        named, plain = (request.decode().split("\r\n") for request in requests)
        assert named[0] == "GET /healthz?full=1 HTTP/1.1"
        assert "Host: www.example.test" in named
        assert "Accept-Encoding: identity" in named
        assert plain[0] == "HEAD / HTTP/1.1"
        assert f"Host: {HOST}:{port}" in plain

    asyncio.run(whole())


def test_each_probe_opens_a_connection_of_its_own_and_closes_it() -> None:
    async def whole() -> None:
        opened, closed = 0, asyncio.Semaphore(0)

        async def keep_alive(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            nonlocal opened
            opened += 1
            while await reader.readuntil(b"\r\n\r\n"):
                writer.write(http())
                try:
                    await reader.readexactly(1)
                except (asyncio.IncompleteReadError, OSError):
                    closed.release()
                    return

        async with serving(keep_alive) as port:
            for _ in range(3):
                assert (await probe(port)).ok
            assert opened == 3
            for _ in range(3):
                await asyncio.wait_for(closed.acquire(), LONG)

    asyncio.run(whole())


async def _hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await asyncio.sleep(3600)


async def _drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    while True:
        writer.write(b"x")
        await writer.drain()
        await asyncio.sleep(0.01)


async def _drip_headers(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nX-Long: ")
    while True:
        writer.write(b"x")
        await writer.drain()
        await asyncio.sleep(0.01)


@pytest.mark.parametrize("handler", [_hang, _drip, _drip_headers])
def test_the_timeout_is_for_the_whole_probe(handler: Handler) -> None:
    result = probe_once(handler, timeout=SHORT, expect={"body": "never there"})
    assert (result.ok, result.detail) == (False, "no answer in 0.3 s")
    assert result.duration >= SHORT - 0.01


def test_a_tls_handshake_that_hangs_is_cut_by_the_timeout() -> None:
    result = probe_once(_hang, type="https", timeout=SHORT)
    assert (result.ok, result.detail) == (False, "no answer in 0.3 s")


async def _reset(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(10)  # the rest stays unread, so that closing resets
    writer.transport.abort()


def test_a_reset_connection_is_a_failure_that_is_named() -> None:
    result = probe_once(_reset)
    assert not result.ok
    assert result.detail in {"connection reset", "connection closed before an answer"}


def test_a_closed_port_refuses() -> None:
    async def whole() -> None:
        async with serving(_hang) as port:
            pass
        result = await probe(port)
        assert (result.ok, result.detail) == (False, "connection refused")

    asyncio.run(whole())


@pytest.mark.parametrize(
    "answer",
    [
        b"\x00\xff\x1b[31mgarbage\r\n\r\n" * 20,
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"HTTP/1.1 2000 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzzz\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"y" * 100_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 " + b"y" * 100_000 + b"\r\n\r\n",
    ],
)
def test_garbage_is_a_failure_with_a_printable_detail(answer: bytes) -> None:
    result = probe_once(saying(answer), expect={"body": "never there"})
    assert not result.ok
    assert result.detail.isprintable()
    assert 0 < len(result.detail) <= 160


async def _flood(writer: asyncio.StreamWriter, start: bytes, piece: bytes) -> None:
    writer.write(start)
    while True:
        writer.write(piece)
        await writer.drain()


async def _endless_headers(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await _flood(writer, b"HTTP/1.1 200 OK\r\n", b"X: " + b"y" * 8000 + b"\r\n")


async def _endless_body(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await _flood(writer, b"HTTP/1.1 200 OK\r\n\r\n", b"y" * 65536)


async def _endless_trailers(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    start = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n"
    await _flood(writer, start, b"X: " + b"y" * 8000 + b"\r\n")


async def _endless_answers(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await _flood(writer, b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 100)


@pytest.mark.parametrize(
    "handler", [_endless_headers, _endless_body, _endless_trailers, _endless_answers]
)
def test_an_endless_answer_takes_little_memory(handler: Handler) -> None:
    tracemalloc.start()
    try:
        result = probe_once(handler, timeout=1.0, expect={"body": "never there"})
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert not result.ok
    assert peak < 8 * 2**20


def test_a_certificate_is_verified_against_the_address_or_the_host(authority: Authority) -> None:
    for name, host in [(HOST, None), ("www.example.test", "www.example.test")]:
        result = probe_once(
            saying(http()), authority.context(name), type="https", host=host, ca=authority.file
        )
        assert (result.ok, result.detail) == (True, "HTTP 200")


def test_the_port_in_a_host_is_not_part_of_the_name_on_the_certificate(
    authority: Authority,
) -> None:
    requests: list[bytes] = []
    result = probe_once(
        saying(http(), requests),
        authority.context("www.example.test"),
        type="https",
        host="www.example.test:8443",
        ca=authority.file,
    )
    assert result.ok
    assert b"Host: www.example.test:8443\r\n" in requests[0]


@pytest.mark.parametrize(
    ("name", "days", "trusted", "detail"),
    [
        ("www.example.test", -1, True, "certificate has expired"),
        (
            "other.example.test",
            10,
            True,
            "Hostname mismatch, certificate is not valid for 'www.example.test'",
        ),
        ("www.example.test", 10, False, "unable to get local issuer certificate"),
    ],
)
def test_a_certificate_that_does_not_hold_is_refused(
    authority: Authority, name: str, days: int, trusted: bool, detail: str
) -> None:
    result = probe_once(
        saying(http()),
        authority.context(name, days=days),
        type="https",
        host="www.example.test",
        ca=authority.file if trusted else None,
    )
    assert (result.ok, result.detail) == (False, detail)


def test_plain_http_behind_an_https_check_is_a_tls_failure(authority: Authority) -> None:
    async def plain(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(100)
        writer.write(http("400 Bad Request"))
        await writer.drain()

    result = probe_once(plain, type="https", ca=authority.file)
    assert not result.ok
    assert result.detail.startswith("TLS failed: ")


def test_authorities_that_can_not_be_read_are_an_error_at_once(tmp_path: Path) -> None:
    missing, empty = tmp_path / "missing.pem", tmp_path / "empty.pem"
    empty.write_text("nothing\n")
    for file in (missing, empty):
        check = HttpCheck(type="https", ca=file)
        with pytest.raises(GeodnsError, match=f"{file.name}: the authorities to trust can't be"):
            HttpProber(check)


def test_a_changed_file_of_authorities_is_read_anew(authority: Authority, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    stranger = Authority(other)
    tls = authority.context(HOST)
    assert not probe_once(saying(http()), tls, type="https", ca=stranger.file).ok
    stranger.file.write_bytes(authority.file.read_bytes())
    os.utime(stranger.file, (1, 1))  # even if the disk's clock is coarse
    assert probe_once(saying(http()), tls, type="https", ca=stranger.file).ok


@pytest.mark.parametrize(
    ("status", "ranges"),
    [
        (200, ((200, 200),)),
        ((200, 404), ((200, 200), (404, 404))),
        ("204", ((204, 204),)),
        ("200-299", ((200, 299),)),
        ("200 - 299", ((200, 299),)),
    ],
)
def test_expected_statuses_are_numbers_lists_and_ranges(
    status: int | tuple[int, ...] | str, ranges: tuple[tuple[int, int], ...]
) -> None:
    assert status_ranges(status) == ranges


JSON = {"json": "$.load.current"}
HEADER = {"header": "X-Load"}
TOLD = b'{"load": {"current": 930}}'


@pytest.mark.parametrize(
    ("answer", "load", "seen"),
    [
        (http(body=TOLD), JSON, SeenLoad(930.0)),
        (http("200 OK", b"", "x-load: 12.5"), HEADER, SeenLoad(12.5)),
        (http(), JSON, SeenLoad(None, "the body is not JSON")),
        (http(), HEADER, SeenLoad(None, "the answer has no header X-Load")),
        (
            http("200 OK", b"", "X-Load: lots"),
            HEADER,
            SeenLoad(None, "'lots' is not a load; it must be a number of at least 0"),
        ),
        (
            http(body=b" " * 70_000 + TOLD),
            JSON,
            SeenLoad(None, "the body is longer than 64 KiB"),
        ),
        (http(body=TOLD + b" " * (65_536 - len(TOLD))), JSON, SeenLoad(930.0)),
    ],
)
def test_a_load_is_read_or_there_is_a_reason_and_the_endpoint_is_healthy_either_way(
    answer: bytes, load: dict[str, str], seen: SeenLoad
) -> None:
    result = probe_once(saying(answer), load=load)
    assert (result.ok, result.load) == (True, seen)


def test_a_load_is_read_beside_an_expected_text() -> None:
    result = probe_once(saying(http(body=TOLD)), load=JSON, expect={"body": "load"})
    assert (result.ok, result.load) == (True, SeenLoad(930.0))


def test_a_failed_check_tells_no_load() -> None:
    result = probe_once(saying(http("503 Busy", TOLD)), load=JSON)
    assert (result.ok, result.load) == (False, None)


def test_a_body_that_ends_too_soon_is_a_failure() -> None:
    broken = b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n" + TOLD
    result = probe_once(saying(broken), load=JSON)
    assert (result.ok, result.detail) == (False, "connection broke off within the body")
