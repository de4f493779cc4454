"""The UDP loop over a real socket: what it answers, what it survives, how it ends."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import dns.message
import pytest
from building import image, query

from geodns.answer.cold import Identity
from geodns.answer.image import Image
from geodns.server.face import EngineOptions, Face
from geodns.server.sockets import open_sockets
from geodns.server.udp import end_udp, serve_udp
from geodns.socket_address import SocketAddress

_PATIENCE = 30.0


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Image:
    return image(tmp_path_factory.mktemp("udp"))


@pytest.fixture
def face(made: Image) -> Face:
    return Face(made, EngineOptions(Identity("ns1.demo"), accept_client_subnet=True, stream=False))


@pytest.fixture(params=["127.0.0.1", "::1"])
def bound(request: pytest.FixtureRequest) -> Iterator[socket.socket]:
    sockets = open_sockets([SocketAddress(request.param, 0)], 1)
    yield sockets.workers[0].udp[0]
    sockets.close()


@pytest.fixture
def client(bound: socket.socket) -> Iterator[socket.socket]:
    with socket.socket(bound.family, socket.SOCK_DGRAM) as made:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        made.settimeout(_PATIENCE)
        made.connect(bound.getsockname()[:2])
        yield made


@pytest.fixture
def serving(bound: socket.socket, face: Face) -> Iterator[Callable[[], threading.Thread]]:
    threads: list[threading.Thread] = []

    def start() -> threading.Thread:
        thread = threading.Thread(target=serve_udp, args=(bound, face), daemon=True)
        threads.append(thread)
        thread.start()
        return thread

    yield start
    end_udp(bound)
    for thread in threads:
        thread.join(_PATIENCE)
        assert not thread.is_alive()


def numbered(count: int) -> list[bytes]:
    packet = query("www.example.test")
    return [number.to_bytes(2, "big") + packet[2:] for number in range(count)]


def test_what_had_arrived_is_answered_and_then_it_ends(
    bound: socket.socket, client: socket.socket, face: Face
) -> None:
    # All of it is in the socket before the loop begins, and so is the end.
    packets = numbered(200)
    for packet in packets:
        client.send(packet)
    end_udp(bound)
    serve_udp(bound, face)
    assert {client.recv(4096)[:2] for _ in packets} == {packet[:2] for packet in packets}


def test_a_waiting_loop_ends_at_once(
    bound: socket.socket, serving: Callable[[], threading.Thread], client: socket.socket
) -> None:
    thread = serving()
    client.send(query("www.example.test"))
    client.recv(4096)
    end_udp(bound)
    thread.join(_PATIENCE)
    assert not thread.is_alive()


def test_empty_datagrams_are_silence_and_no_end(
    serving: Callable[[], threading.Thread], client: socket.socket, face: Face
) -> None:
    serving()
    for _ in range(3):
        client.send(b"")
    client.send(query("www.example.test"))
    assert dns.message.from_wire(client.recv(4096)).answer
    assert face.counts().dropped == {"short": 3}


def test_news_reach_the_next_packet(
    serving: Callable[[], threading.Thread], client: socket.socket, face: Face, tmp_path: Path
) -> None:
    serving()
    name = query("fresh.example.test")
    client.send(name)
    assert dns.message.from_wire(client.recv(4096)).rcode().name == "NXDOMAIN"
    face.post(
        image(tmp_path, zone='"": {type: NS, value: ns.x.}\nfresh: {type: A, value: 192.0.2.9}')
    )
    client.send(name)
    assert str(dns.message.from_wire(client.recv(4096)).answer[0][0]) == "192.0.2.9"


class _Unsendable:
    """A socket whose first sends fail, as a full queue or a missing route makes them."""

    def __init__(self, bound: socket.socket, failures: int) -> None:
        self._bound = bound
        self._failures = failures
        self.recvfrom = bound.recvfrom
        self.fileno = bound.fileno
        self.family = bound.family
        self.getsockname = bound.getsockname
        self.getsockopt = bound.getsockopt

    def sendto(self, data: bytes, peer: object) -> int:
        self._failures -= 1
        if self._failures >= 0:
            raise OSError(101, "Network is unreachable")
        return self._bound.sendto(data, peer)  # type: ignore[call-overload, no-any-return]


def test_a_reply_that_cannot_be_sent_does_not_end_the_loop(
    bound: socket.socket, client: socket.socket, face: Face
) -> None:
    for packet in numbered(5):
        client.send(packet)
    end_udp(bound)
    serve_udp(_Unsendable(bound, 3), face)  # type: ignore[arg-type]
    assert [client.recv(4096)[:2] for _ in range(2)] == [b"\0\3", b"\0\4"]
    assert face.counts().dropped == {"send": 3}
    assert face.counts().queries == {(1, 0): 5}


def test_a_query_longer_than_any_is_a_format_error(
    serving: Callable[[], threading.Thread], client: socket.socket
) -> None:
    serving()
    packet = bytearray(query("www.example.test", edns=True) + b"\0\x0c" + (5000).to_bytes(2, "big"))
    packet[-6:-4] = (5004).to_bytes(2, "big")  # RDLENGTH: one option, RFC 7830's padding
    client.send(packet + bytes(5000))
    assert dns.message.from_wire(client.recv(4096)).rcode().name == "FORMERR"
