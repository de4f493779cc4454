"""HTTP probes: redirects, patterns, headers, names apart and the limit for connecting."""

from __future__ import annotations

import asyncio
import errno
import socket
import ssl
from pathlib import Path
from typing import Any

import pytest
from health_servers import HOST, Authority, Handler, http, saying, serving
from probing import LONG, SHORT, black_hole, cancelled_leaves_nothing, judged

from geodns.health.kits.http import HttpCheck
from geodns.health.probe import Result
from geodns.health.probe_http import HttpProber

NAME = "www.example.test"


def check(port: int, **settings: Any) -> HttpCheck:
    return HttpCheck.model_validate({"type": "http", "port": port, "timeout": LONG, **settings})


def probe(
    handler: Handler, tls: ssl.SSLContext | None = None, at: str = HOST, **settings: Any
) -> Result:
    async def whole() -> Result:
        async with serving(handler, tls=tls, host=at) as port:
            return await judged(HttpProber(check(port, **settings)), at)

    return asyncio.run(whole())


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


def paths(answers: dict[str, bytes], seen: list[str]) -> Handler:
    """Answer each path with its bytes; ``seen`` gets method, path and Host of each request."""

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        lines = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        method, path, _ = lines[0].split(" ")
        (host,) = (line[6:] for line in lines if line.startswith("Host: "))
        seen.append(f"{method} {path} {host}")
        writer.write(answers.get(path, http("404 Not Found")))
        await writer.drain()

    return handler


def moved(location: str, status: str = "302 Found") -> bytes:
    return http(status, b"", f"Location: {location}")


@pytest.mark.parametrize("host", [HOST, "::1"])
def test_redirects_are_followed_as_far_as_allowed(host: str) -> None:
    answers = {"/": moved("/a?b=1"), "/a?b=1": moved("c"), "/c": http()}
    for redirects, ok, detail in [
        (2, True, "HTTP 200"),
        (1, False, "HTTP 302, expected 200"),
        (0, False, "HTTP 302, expected 200"),
    ]:
        seen: list[str] = []
        result = probe(paths(answers, seen), at=host, redirects=redirects)
        assert (result.ok, result.detail) == (ok, detail)
        assert [one.split(" ")[1] for one in seen] == ["/", "/a?b=1", "/c"][: redirects + 1]


def test_a_redirect_that_is_expected_is_not_followed() -> None:
    result = probe(saying(moved("/a")), redirects=3, expect={"status": 302})
    assert (result.ok, result.detail) == (True, "HTTP 302")


def test_a_redirect_in_a_circle_ends() -> None:
    seen: list[str] = []
    result = probe(paths({"/": moved("/")}, seen), redirects=10)
    assert (result.ok, len(seen)) == (False, 11)


@pytest.mark.parametrize(
    ("status", "method", "then"),
    [
        ("301 Moved", "POST", "GET"),
        ("302 Found", "POST", "GET"),
        ("303 See Other", "POST", "GET"),
        ("307 Temporary", "POST", "POST"),
        ("308 Permanent", "POST", "POST"),
        ("303 See Other", "OPTIONS", "GET"),
        ("302 Found", "OPTIONS", "OPTIONS"),
        ("303 See Other", "HEAD", "HEAD"),
    ],
)
def test_the_method_after_a_redirect_follows_the_rfc(status: str, method: str, then: str) -> None:
    seen: list[str] = []
    answers = {"/": moved("/a", status), "/a": http(body=b"")}
    assert probe(paths(answers, seen), redirects=1, method=method).ok
    assert [one.split(" ")[0] for one in seen] == [method, then]


@pytest.mark.parametrize(
    ("location", "detail"),
    [
        ("http://other.example.test/", "HTTP 302 to another host: http://other.example.test/"),
        ("//other.example.test/", "HTTP 302 to another host: //other.example.test/"),
        (f"ftp://{NAME}/", f"HTTP 302 to another host: ftp://{NAME}/"),
        ("http://[bad/", "HTTP 302 to http://[bad/, which is no address"),
        (f"http://{NAME}:99999/", f"HTTP 302 to http://{NAME}:99999/, which is no address"),
        ("/" + "x" * 3000, "HTTP 302 without a location that can be followed"),
        ("", "HTTP 302 without a location that can be followed"),
    ],
)
def test_a_redirect_elsewhere_is_a_failure(location: str, detail: str) -> None:
    result = probe(saying(moved(location)), redirects=3, host=NAME)
    assert (result.ok, result.detail) == (False, detail)


def test_a_redirect_to_another_port_names_that_port() -> None:
    async def whole() -> None:
        first: list[str] = []
        second: list[str] = []
        async with serving(paths({"/a": http()}, second)) as other:
            location = f"http://{NAME.upper()}:{other}/a"
            async with serving(paths({"/": moved(location)}, first)) as port:
                made = check(port, redirects=1, host=f"{NAME}:8080")
                assert (await judged(HttpProber(made))).ok
        assert first == [f"GET / {NAME}:8080"]
        assert second == [f"GET /a {NAME}:{other}"]

    asyncio.run(whole())


def test_a_redirect_keeps_the_host_while_it_stays_where_it_is() -> None:
    seen: list[str] = []
    answers = {"/": moved("/a"), "/a": http()}
    assert probe(paths(answers, seen), redirects=1, host=f"{NAME}:8080").ok
    assert seen == [f"GET / {NAME}:8080", f"GET /a {NAME}:8080"]


def test_a_redirect_to_tls_verifies_the_certificate(authority: Authority) -> None:
    async def whole(name: str) -> Result:
        async with (
            serving(saying(http()), tls=authority.context(name)) as other,
            serving(saying(moved(f"https://{NAME}:{other}/"))) as port,
        ):
            made = check(port, redirects=1, host=NAME, ca=authority.file)
            return await judged(HttpProber(made))

    assert asyncio.run(whole(NAME)).ok
    result = asyncio.run(whole("other.example.test"))
    assert result.detail.startswith("Hostname mismatch")


def test_a_password_in_a_redirect_is_left_out() -> None:
    async def whole() -> None:
        requests: list[bytes] = []
        async with serving(saying(http(), requests)) as other:
            location = f"http://user:secret@{HOST}:{other}/"
            async with serving(saying(moved(location))) as port:
                made = check(port, redirects=1, headers={"Authorization": "Bearer ours"})
                result = await judged(HttpProber(made))
        assert (result.ok, result.detail) == (True, "HTTP 200")
        assert b"Authorization: Bearer ours\r\n" in requests[0]

    asyncio.run(whole())


@pytest.mark.parametrize(
    ("body", "pattern", "ok"),
    [
        (b"status: degraded", "status: (ok|degraded)", True),
        (b"status: down", "status: (ok|degraded)", False),
        (b"a\nb", "a.b", True),
        ("grün".encode(), "^grün$", True),
        (b"\xff\xfe well", "well$", True),
        (b"", "^$", True),
        (b"x" * 65532 + b"well" + b"x" * 9, "well", True),
        (b"x" * 65533 + b"well" + b"x" * 9, "well", False),
        (b"a" * 65536, "(a*)*(a*)*b", False),
    ],
)
def test_a_pattern_is_searched_in_what_is_looked_at(body: bytes, pattern: str, ok: bool) -> None:
    result = probe(saying(http(body=body)), expect={"matches": pattern})
    assert result.ok is ok
    where = "the first 64 KiB of the body" if len(body) >= 65536 else "the body"
    fault = f"HTTP 200, but {where} doesn't match {pattern}"
    assert result.detail == ("HTTP 200" if ok else fault)


@pytest.mark.parametrize("pattern", ["(", "(?=a)", "a{1001}", ""])
def test_a_pattern_that_is_none_is_refused(pattern: str) -> None:
    with pytest.raises(ValueError, match="matches"):
        check(1, expect={"matches": pattern})


def test_headers_are_sent_and_take_the_place_of_ours() -> None:
    requests: list[bytes] = []
    headers = {"X-Probe": "yes", "user-agent": "mine/1", "Accept": "text/plain"}
    assert probe(saying(http(), requests), headers=headers).ok
    lines = requests[0].decode().lower().split("\r\n")
    for line in ("x-probe: yes", "user-agent: mine/1", "accept: text/plain"):
        assert lines.count(line) == 1
        assert sum(one.startswith(line.split(" ")[0]) for one in lines) == 1


@pytest.mark.parametrize(
    "headers",
    [{"Host": "x"}, {"content-length": "5"}, {"X:": "y"}, {"X": "a\r\nY: b"}, {"X": 5}, ["X"]],
)
def test_headers_that_can_not_be_sent_are_refused(headers: Any) -> None:
    with pytest.raises(ValueError, match="headers"):
        check(1, headers=headers)


def test_the_host_and_the_name_in_tls_may_differ(authority: Authority) -> None:
    asked: list[str | None] = []
    requests: list[bytes] = []
    context = authority.context("tls.example.test")
    context.sni_callback = lambda _socket, name, _context: asked.append(name)
    result = probe(
        saying(http(), requests),
        context,
        type="https",
        host=NAME,
        server_name="tls.example.test",
        ca=authority.file,
    )
    assert result.ok
    assert asked == ["tls.example.test"]
    assert f"Host: {NAME}\r\n".encode() in requests[0]


def test_a_certificate_for_an_ipv6_address_holds(authority: Authority) -> None:
    tls = authority.context("::1")
    assert probe(saying(http()), tls, "::1", type="https", ca=authority.file).ok


def test_any_certificate_is_taken_where_it_is_not_verified(authority: Authority) -> None:
    tls = authority.context("other.example.test", days=-1)
    result = probe(saying(http()), tls, type="https", verify=False)
    assert (result.ok, result.expires) == (True, None)


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
                return await judged(HttpProber(made))
            finally:
                for one in crowd:
                    one.close()

    result = asyncio.run(whole())
    assert (result.ok, result.detail) == (False, "no connection in 0.3 s")


@pytest.mark.parametrize("kind", ["http", "https"])
def test_the_limit_for_connecting_is_for_the_connection_alone(kind: str) -> None:
    with black_hole() as port:
        made = check(port, type=kind, timeout=SHORT, connect_timeout=SHORT / 3)
        result = asyncio.run(judged(HttpProber(made)))
    assert (result.ok, result.detail) == (False, "no answer in 0.3 s")


@pytest.mark.parametrize("kind", ["http", "https"])
def test_a_cancelled_probe_leaves_nothing_open(kind: str) -> None:
    with black_hole() as port:
        prober = HttpProber(check(port, type=kind, connect_timeout=LONG))
        asyncio.run(cancelled_leaves_nothing(lambda: judged(prober)))
