"""Hostile TCP streams at a real worker: framing, garbage, resets, floods of connections."""

from __future__ import annotations

import random
import socket
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import dns.message
import pytest
from building import image, query
from mutations import packets
from workers import PATIENCE, RunningWorker

from geodns.answer.image import Image
from geodns.socket_address import SocketAddress

pytestmark = pytest.mark.slow
_RESET = b"\1\0\0\0\0\0\0\0"  # SO_LINGER with 0 seconds: closing resets


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Image:
    return image(tmp_path_factory.mktemp("hostile-tcp"))


@pytest.fixture
def worker(
    tmp_path: Path, made: Image, capfd: pytest.CaptureFixture[str]
) -> Iterator[RunningWorker]:
    with RunningWorker(tmp_path, made) as running:
        yield running
        assert _ask(running.address) == "192.0.2.53"
        assert running.statistics().dropped.keys() <= {"short", "reply", "connection limit"}
        assert running.handle.image_generation == 1  # it is the process that was started
        assert capfd.readouterr().err.splitlines() == []


def _framed(packet: bytes) -> bytes:
    return len(packet).to_bytes(2, "big") + packet


def _ask(address: SocketAddress) -> str:
    with socket.create_connection(address, PATIENCE) as client:
        client.sendall(_framed(query("ns1.example.test")))
        client.shutdown(socket.SHUT_WR)
        (reply,) = _replies(client)
        return str(reply.answer[0][0])


def _replies(client: socket.socket) -> list[dns.message.Message]:
    """All replies until the end; each must parse."""
    received = b""
    with suppress(ConnectionError):
        while data := client.recv(1 << 16):
            received += data
    found = []
    while received:
        end = 2 + int.from_bytes(received[:2], "big")
        assert len(received) >= end
        found.append(dns.message.from_wire(received[2:end]))
        received = received[end:]
    return found


def _send(client: socket.socket, data: bytes) -> None:
    # The worker may close at any byte of garbage.
    with suppress(ConnectionError):
        client.sendall(data)
        client.shutdown(socket.SHUT_WR)


def test_mutated_queries_in_frames(worker: RunningWorker) -> None:
    answered = 0
    stream = packets(11, 6000)
    for _ in range(300):
        with socket.create_connection(worker.address, PATIENCE) as client:
            _send(client, b"".join(_framed(next(stream)) for _ in range(20)))
            answered += len(_replies(client))
    assert answered > 300


def test_random_lengths_and_bytes(worker: RunningWorker) -> None:
    generator = random.Random(12)
    for _ in range(500):
        with socket.create_connection(worker.address, PATIENCE) as client:
            length = generator.choice((0, 1, 11, 12, 40, 600, 65535, generator.randrange(65536)))
            _send(client, length.to_bytes(2, "big") + generator.randbytes(generator.randrange(900)))
            _replies(client)


def test_frames_that_end_too_soon(worker: RunningWorker) -> None:
    whole = _framed(query("www.example.test"))
    for cut in range(len(whole)):
        with socket.create_connection(worker.address, PATIENCE) as client:
            _send(client, whole + whole[:cut])
            assert len(_replies(client)) == 1


def test_connections_that_are_reset_at_any_moment(worker: RunningWorker) -> None:
    whole = _framed(query("many.example.test", "TXT")) * 5
    for number in range(3000):
        client = socket.create_connection(worker.address, PATIENCE)
        with client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            if number % 3:
                with suppress(ConnectionError):
                    client.sendall(whole[: number % (len(whole) + 1)])


def test_more_connections_than_the_limit(worker: RunningWorker) -> None:
    most = worker.options.tcp_connections
    with ExitStack() as opened:
        clients = [
            opened.enter_context(socket.create_connection(worker.address, PATIENCE))
            for _ in range(most + 100)
        ]
        for client in clients[-50:]:
            client.sendall(_framed(query("ns1.example.test")))
            assert client.recv(4096)
        assert worker.statistics().connections <= most
