"""TLS probes against real servers on loopback, hostile ones included."""

from __future__ import annotations

import asyncio
import re
import ssl
import time
from pathlib import Path
from typing import Any

import pytest
from health_servers import HOST, Authority, Handler, serving
from probing import LONG, SHORT, black_hole, cancelled_leaves_nothing, judged

from geodns.errors import GeodnsError
from geodns.health.kits.tls import TlsCheck, TlsProber
from geodns.health.probe import Result

NAME = "www.example.test"


def check(port: int, **settings: Any) -> TlsCheck:
    return TlsCheck.model_validate({"type": "tls", "port": port, "timeout": LONG, **settings})


async def _listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()


def probe(
    handler: Handler = _listen,
    tls: ssl.SSLContext | None = None,
    host: str = HOST,
    **settings: Any,
) -> Result:
    async def whole() -> Result:
        async with serving(handler, tls=tls, host=host) as port:
            return await judged(TlsProber(check(port, **settings)), host)

    return asyncio.run(whole())


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@pytest.mark.parametrize("host", [HOST, "::1"])
def test_a_certificate_for_the_address_is_a_success_and_its_end_is_told(
    authority: Authority, host: str
) -> None:
    result = probe(tls=authority.context(host), host=host, ca=authority.file)
    assert (result.ok, result.detail) == (True, "TLSv1.3")
    assert result.expires == pytest.approx(time.time() + 20 * 86400, abs=3600)


def test_the_server_name_is_asked_for_and_verified(authority: Authority) -> None:
    asked: list[str | None] = []
    context = authority.context(NAME)
    context.sni_callback = lambda _socket, name, _context: asked.append(name)
    assert probe(tls=context, server_name=NAME, ca=authority.file).ok
    assert asked == [NAME]


def test_an_older_version_of_tls_is_told(authority: Authority) -> None:
    context = authority.context(HOST)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    assert probe(tls=context, ca=authority.file).detail == "TLSv1.2"


@pytest.mark.parametrize(
    ("name", "days", "trusted", "detail"),
    [
        (NAME, -1, True, "certificate has expired"),
        (
            "other.example.test",
            9,
            True,
            f"Hostname mismatch, certificate is not valid for '{NAME}'",
        ),
        (NAME, 9, False, "unable to get local issuer certificate"),
    ],
)
def test_a_certificate_that_does_not_hold_fails_unless_any_is_taken(
    authority: Authority, name: str, days: int, trusted: bool, detail: str
) -> None:
    context = authority.context(name, days=days)
    ca = authority.file if trusted else None
    result = probe(tls=context, server_name=NAME, ca=ca)
    assert (result.ok, result.detail) == (False, detail)
    lax = probe(tls=context, server_name=NAME, ca=ca, verify=False)
    assert (lax.ok, lax.detail, lax.expires) == (True, "TLSv1.3", None)


def test_a_certificate_that_expires_soon_is_a_success_with_a_warning(authority: Authority) -> None:
    context = authority.context(HOST, days=20)
    result = probe(tls=context, ca=authority.file, certificate_warning="30d")
    assert result.ok
    assert re.fullmatch(r"TLSv1\.3; the certificate expires in (19|20) days", result.detail)


@pytest.mark.parametrize(
    ("offered", "spoken", "detail"),
    [
        (["h2"], ["h2", "http/1.1"], "TLSv1.3"),
        (["h3", "http/1.1"], ["http/1.1"], "TLSv1.3"),
        (["h2"], None, "the server takes none of h2"),
    ],
)
def test_one_of_the_protocols_offered_must_be_taken(
    authority: Authority, offered: list[str], spoken: list[str] | None, detail: str
) -> None:
    context = authority.context(HOST)
    if spoken is not None:
        context.set_alpn_protocols(spoken)
    result = probe(tls=context, ca=authority.file, alpn=offered)
    assert (result.ok, result.detail) == (detail == "TLSv1.3", detail)


async def _close(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(4096)


async def _garbage(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(4096)
    writer.write(b"SSH-2.0-OpenSSH_9.2\r\n\x1b[31m" + bytes(range(256)))
    await writer.drain()


async def _endless(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """One handshake message of 16 MiB, in records of 16 KiB."""
    writer.write(b"\x16\x03\x03\x40\x00\x02\xff\xff\xff" + bytes(16380))
    while True:
        writer.write(b"\x16\x03\x03\x40\x00" + bytes(16384))
        await writer.drain()


async def _empty_records(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while True:
        writer.write(b"\x14\x03\x03\x00\x01\x01" * 1000)
        await writer.drain()


@pytest.mark.parametrize("handler", [_close, _garbage, _endless, _empty_records])
def test_what_is_no_handshake_is_a_failure_with_a_printable_detail(handler: Handler) -> None:
    result = probe(handler)
    assert not result.ok
    assert result.detail.isprintable()
    assert result.detail.startswith(("TLS failed: ", "connection "))


async def _drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"\x16\x03\x03\x40\x00\x02\x00\x3f\xfc")
    while True:
        writer.write(b"\0")
        await writer.drain()
        await asyncio.sleep(0.01)


def test_a_handshake_byte_by_byte_is_cut_by_the_timeout() -> None:
    result = probe(_drip, timeout=SHORT)
    assert (result.ok, result.detail) == (False, "no answer in 0.3 s")


def test_the_limit_for_connecting_does_not_count_the_handshake() -> None:
    with black_hole() as port:
        prober = TlsProber(check(port, timeout=SHORT, connect_timeout=SHORT / 3))
        result = asyncio.run(judged(prober))
    assert (result.ok, result.detail) == (False, "no answer in 0.3 s")


def test_a_closed_port_refuses() -> None:
    with black_hole() as port:
        pass
    result = asyncio.run(judged(TlsProber(check(port))))
    assert (result.ok, result.detail) == (False, "connection refused")


def test_a_cancelled_probe_leaves_nothing_open() -> None:
    with black_hole() as port:
        prober = TlsProber(check(port))
        asyncio.run(cancelled_leaves_nothing(lambda: judged(prober)))


def test_authorities_that_can_not_be_read_are_an_error_at_once(tmp_path: Path) -> None:
    with pytest.raises(GeodnsError, match=r"missing\.pem: the authorities to trust can't be read"):
        TlsProber(check(1, ca=tmp_path / "missing.pem"))
