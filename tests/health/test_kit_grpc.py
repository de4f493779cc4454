"""gRPC probes against a real gRPC server, and against what is none."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from concurrent import futures
from contextlib import contextmanager
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from health_servers import HOST, Authority, serving
from probing import LONG, SHORT, black_hole, cancelled_leaves_nothing, judged

from geodns.health.kits.grpc import GrpcCheck
from geodns.health.probe import Result
from geodns.health.probe_grpc import GrpcProber

SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING


@pytest.fixture
def server() -> Iterator[tuple[int, health.HealthServicer]]:
    """A gRPC server with the standard health service."""
    servicer = health.HealthServicer()
    made = grpc.server(futures.ThreadPoolExecutor(max_workers=2))
    health_pb2_grpc.add_HealthServicer_to_server(servicer, made)
    port = made.add_insecure_port(f"{HOST}:0")
    made.start()
    yield port, servicer
    made.stop(None).wait(10)


def check(port: int, **settings: Any) -> GrpcCheck:
    return GrpcCheck.model_validate({"type": "grpc", "port": port, "timeout": LONG, **settings})


def probe(port: int, **settings: Any) -> Result:
    return asyncio.run(judged(GrpcProber(check(port, **settings))))


def test_a_server_that_serves_is_up(server: tuple[int, health.HealthServicer]) -> None:
    port, servicer = server
    servicer.set("", SERVING)
    for _ in range(3):
        assert probe(port).ok


def test_one_service_of_a_server_is_asked_for(server: tuple[int, health.HealthServicer]) -> None:
    port, servicer = server
    servicer.set("", SERVING)
    servicer.set("shop.Cart", NOT_SERVING)
    servicer.set("shop.Till", SERVING)
    assert probe(port, service="shop.Till").ok
    refused = probe(port, service="shop.Cart")
    assert not refused.ok
    assert "NOT_SERVING" in refused.detail


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@contextmanager
def over_tls(authority: Authority, name: str, host: str = HOST, days: int = 20) -> Iterator[int]:
    """A gRPC server that serves, with a certificate for this name."""
    servicer = health.HealthServicer()
    servicer.set("", SERVING)
    made = grpc.server(futures.ThreadPoolExecutor(max_workers=2))
    health_pb2_grpc.add_HealthServicer_to_server(servicer, made)
    pem = authority.pem(name, days=days)
    at = f"[{host}]:0" if ":" in host else f"{host}:0"
    port = made.add_secure_port(at, grpc.ssl_server_credentials([(pem, pem)]))
    made.start()
    yield port
    made.stop(None).wait(10)


@pytest.mark.parametrize(
    "naming",
    [
        {"authority": "www.example.test"},
        {"authority": "www.example.test:8443"},
        {"authority": "other.test", "server_name": "www.example.test"},
    ],
)
def test_a_certificate_is_verified_against_the_name(
    authority: Authority, naming: dict[str, str]
) -> None:
    with over_tls(authority, "www.example.test") as port:
        result = probe(port, tls=True, ca=authority.file, **naming)
    assert (result.ok, result.detail) == (True, "SERVING")
    assert result.expires is not None


@pytest.mark.parametrize("named", [{}, {"authority": "[::1]:8443"}])
def test_a_certificate_for_an_ipv6_address_holds(
    authority: Authority, named: dict[str, str]
) -> None:
    with over_tls(authority, "::1", "::1") as port:
        prober = GrpcProber(check(port, tls=True, ca=authority.file, **named))
        assert asyncio.run(judged(prober, "::1")).ok


def test_a_certificate_that_does_not_hold_is_a_failure_unless_any_is_taken(
    authority: Authority,
) -> None:
    with over_tls(authority, "www.example.test") as port:
        wrong = probe(port, tls=True, ca=authority.file, authority="other.test")
        assert (wrong.ok, "other.test" in wrong.detail) == (False, True)
        assert not probe(port, tls=True, authority="www.example.test").ok, "by whom it trusts"
        assert probe(port, tls=True, verify=False).ok


def test_a_certificate_that_expires_soon_is_a_success_with_a_warning(authority: Authority) -> None:
    with over_tls(authority, "www.example.test", days=3) as port:
        result = probe(port, tls=True, ca=authority.file, authority="www.example.test")
    assert (result.ok, result.detail) == (True, "SERVING; the certificate expires in 2 days")


def test_a_service_that_is_not_known_is_down(server: tuple[int, health.HealthServicer]) -> None:
    result = probe(server[0], service="no.such.Service")
    assert not result.ok
    assert result.detail


def test_a_change_is_seen_by_the_next_probe(server: tuple[int, health.HealthServicer]) -> None:
    port, servicer = server
    servicer.set("", SERVING)
    assert probe(port).ok
    servicer.set("", NOT_SERVING)
    assert not probe(port).ok


def test_who_never_answers_is_down_after_the_timeout() -> None:
    with black_hole() as port:
        assert not probe(port, timeout=SHORT).ok


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        b"\0" * 100,
        b"\xff" * 100_000,
        b"\0\0\4\4\0\0\0\0\0",
    ],
)
def test_who_speaks_something_else_is_down(answer: bytes) -> None:
    async def say(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(100)
        writer.write(answer)
        await writer.drain()
        writer.close()

    async def whole() -> Result:
        async with serving(say) as port:
            return await judged(GrpcProber(check(port)))

    assert not asyncio.run(whole()).ok


def test_a_cancelled_probe_leaves_nothing_open() -> None:
    async def whole() -> None:
        with black_hole() as port:
            prober = GrpcProber(check(port))
            await cancelled_leaves_nothing(lambda: prober(ip_address(HOST)))

    asyncio.run(whole())
