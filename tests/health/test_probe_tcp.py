"""TCP probes against real sockets, and how errors become details."""

from __future__ import annotations

import asyncio
import errno
import os
import socket
import time
from ipaddress import ip_address

import pytest
from health_servers import HOST, serving

from geodns.config.settings import HttpCheck, TcpCheck
from geodns.health.kits.tcp import TcpProber
from geodns.health.probe import ProbeError, Result, Seen, conclude, describe, printable
from geodns.health.probe_http import HttpProber
from geodns.health.probes import make_prober


async def probe(port: int, timeout: float = 30.0) -> Result:
    return await TcpProber(TcpCheck(type="tcp", port=port, timeout=timeout))(ip_address(HOST))


def test_a_connection_that_opens_is_a_success_and_is_closed() -> None:
    async def whole() -> None:
        ended: asyncio.Queue[bytes] = asyncio.Queue()

        async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            ended.put_nowait(await reader.read())

        async with serving(handler) as port:
            result = await probe(port)
            assert (result.ok, result.detail) == (True, "connected")
            assert await asyncio.wait_for(ended.get(), 30) == b""

    asyncio.run(whole())


def test_a_closed_port_refuses() -> None:
    with socket.create_server((HOST, 0)) as server:
        port = server.getsockname()[1]
    result = asyncio.run(probe(port))
    assert (result.ok, result.detail) == (False, "connection refused")


def test_a_connection_that_does_not_open_is_cut_by_the_timeout() -> None:
    async def whole() -> None:
        # A full backlog: the kernel drops further SYNs, as an unreachable host would.
        with socket.create_server((HOST, 0), backlog=0) as server:
            address = server.getsockname()
            crowd = [socket.socket() for _ in range(8)]
            for one in crowd:
                one.setblocking(False)
                assert one.connect_ex(address) in {0, errno.EINPROGRESS}
            while not (result := await probe(address[1], timeout=0.2)).conclusive:
                pass
            for one in crowd:
                one.close()
        assert (result.ok, result.detail) == (False, "no answer in 0.2 s")

    asyncio.run(whole())


def test_each_check_kind_has_its_prober() -> None:
    assert isinstance(make_prober(TcpCheck(type="tcp", port=1)), TcpProber)
    assert isinstance(make_prober(HttpCheck(type="http")), HttpProber)
    assert isinstance(make_prober(HttpCheck(type="https")), HttpProber)


@pytest.mark.parametrize("code", [errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM])
def test_running_out_of_something_here_is_not_the_endpoints_fault(code: int) -> None:
    async def attempt() -> Seen:
        raise OSError(code, os.strerror(code))

    result = asyncio.run(conclude(attempt, 30))
    assert (result.ok, result.conclusive) == (False, False)
    assert result.detail.startswith("not probed: ")


def test_a_process_that_stood_still_does_not_blame_the_endpoint() -> None:
    async def attempt() -> Seen:
        asyncio.get_running_loop().call_soon(time.sleep, 0.8)  # as a long compile would
        await asyncio.sleep(3600)
        return Seen("never")

    result = asyncio.run(conclude(attempt, 0.1))
    assert (result.ok, result.conclusive) == (False, False)
    assert result.detail.startswith("not probed: this process stood still for ")


def test_whatever_an_attempt_raises_becomes_a_result() -> None:
    async def attempt() -> Seen:
        raise ValueError("odd\x1b[31m bytes\nand more")

    result = asyncio.run(conclude(attempt, 30))
    assert (result.ok, result.detail) == (False, "ValueError: odd?[31m bytes")


def test_cancellation_is_not_a_result() -> None:
    async def whole() -> None:
        async def attempt() -> Seen:
            await asyncio.sleep(3600)
            return Seen("never")

        task = asyncio.create_task(conclude(attempt, 3600))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(whole())


@pytest.mark.parametrize(
    ("error", "detail"),
    [
        (ConnectionRefusedError(errno.ECONNREFUSED, "x"), "connection refused"),
        (ConnectionResetError(errno.ECONNRESET, "x"), "connection reset"),
        (OSError(errno.ENETUNREACH, "x"), "network is unreachable"),
        (OSError(errno.EHOSTUNREACH, "x"), "no route to host"),
        (TimeoutError(errno.ETIMEDOUT, "x"), "connection timed out"),
        (ProbeError("HTTP 503, expected 200"), "HTTP 503, expected 200"),
        (KeyError(), "KeyError"),
    ],
)
def test_errors_are_short_sentences(error: Exception, detail: str) -> None:
    assert describe(error) == detail


def test_details_are_cut() -> None:
    assert len(printable("x" * 1000)) == 160
