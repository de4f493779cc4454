"""Hostile bytes at the port of DNS over TLS: cut and changed handshakes, garbage within TLS."""

from __future__ import annotations

import random
import socket
import ssl
from collections.abc import Iterator

import certificates
import dns.message
import pytest
from building import image, query
from certificates import Pair
from streams import PATIENCE, Client, Running, framed

from geodns.answer.image import Image

pytestmark = pytest.mark.slow
_NS1 = framed(query("ns1.example.test"))


@pytest.fixture(scope="module")
def pair() -> Pair:
    return certificates.make()


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Image:
    return image(tmp_path_factory.mktemp("hostile-tls"))


@pytest.fixture
def running(made: Image, pair: Pair) -> Iterator[Running]:
    """A server that, after all that a test does, still answers and has nothing left open."""
    made_running = Running(made, certificate=pair.pem)
    yield made_running
    try:
        assert made_running.during(lambda: _ask(made_running, pair, _NS1))
        made_running.until(lambda: len(made_running.server) == 0)
        assert made_running.face.counts().dropped.keys() <= {"handshake", "short", "reply"}
    finally:
        made_running.close()


def _hello() -> bytes:
    """The first flight of a TLS client."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    trust = ssl.create_default_context()
    client = trust.wrap_bio(incoming, outgoing, server_hostname=certificates.NAME)
    with pytest.raises(ssl.SSLWantReadError):
        client.do_handshake()
    return outgoing.read()


def _ask(running: Running, pair: Pair, data: bytes) -> list[dns.message.Message]:
    """Sends bytes within TLS; the replies until the end, each of which must parse."""
    trust = ssl.create_default_context(cadata=pair.certificate.decode())
    received = b""
    with (
        socket.create_connection(running.address, PATIENCE) as plain,
        trust.wrap_socket(plain, server_hostname=certificates.NAME) as client,
    ):
        client.sendall(data)
        while len(received) < 2 or len(received) < 2 + int.from_bytes(received[:2], "big"):
            more = client.recv(1 << 16)
            if not more:
                break
            received += more
    found = []
    while len(received) > 2:
        end = 2 + int.from_bytes(received[:2], "big")
        found.append(dns.message.from_wire(received[2:end]))
        received = received[end:]
    return found


def _send(running: Running, data: bytes) -> None:
    client = Client(running.address)
    client.send(data)
    client.socket.shutdown(socket.SHUT_WR)
    running.clients.append(client)
    running.until(lambda: client.ended, client)
    running.clients.remove(client)
    client.socket.close()


def test_handshakes_that_are_cut_anywhere(running: Running) -> None:
    hello = _hello()
    for length in range(0, len(hello), 3):
        _send(running, hello[:length])


def test_handshakes_with_changed_bytes(running: Running) -> None:
    generator = random.Random(21)
    for _ in range(300):
        hello = bytearray(_hello())
        for _ in range(generator.randrange(1, 6)):
            hello[generator.randrange(len(hello))] = generator.randrange(256)
        _send(running, bytes(hello))


def test_random_bytes_in_place_of_a_handshake(running: Running) -> None:
    generator = random.Random(22)
    for _ in range(300):
        _send(running, generator.randbytes(generator.randrange(600)))


@pytest.mark.parametrize("data", [b"\0\0", b"\0\5abcde", framed(b"\0\0\x81" + bytes(30))])
def test_what_is_no_query_within_tls_ends_the_connection(
    running: Running, pair: Pair, data: bytes
) -> None:
    assert running.during(lambda: _ask(running, pair, data)) == []
