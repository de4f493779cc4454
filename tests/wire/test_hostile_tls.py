"""Hostile bytes at the port of DNS over TLS: cut and changed handshakes, garbage within TLS."""

from __future__ import annotations

import random
import socket
import ssl
from collections.abc import Iterator
from contextlib import suppress

import certificates
import dns.message
import pytest
from building import image, query
from certificates import Pair
from mutations import packets
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


class _Peer:
    """A TLS client that has its records in hand before they are sent."""

    def __init__(self, running: Running, pair: Pair) -> None:
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        trust = ssl.create_default_context(cadata=pair.certificate.decode())
        self.tls = trust.wrap_bio(self._incoming, self._outgoing, server_hostname=certificates.NAME)
        self.plain = socket.create_connection(running.address, PATIENCE)

    def records(self) -> bytes:
        """What it would send now."""
        return self._outgoing.read()

    def second_flight(self) -> bytes:
        """Says hello, and takes the server's answer; what is to be sent to end the handshake."""
        while True:
            try:
                self.tls.do_handshake()
            except ssl.SSLWantReadError:
                self.plain.sendall(self.records())
                self._incoming.write(self.plain.recv(1 << 16))
            else:
                return self.records()

    def hang_up(self) -> None:
        """Reads on to the end, whatever it is."""
        with self.plain:
            with suppress(OSError):  # the server may have been faster
                self.plain.shutdown(socket.SHUT_WR)
            with suppress(ConnectionError):
                while self.plain.recv(1 << 16):
                    pass


def _changed(generator: random.Random, data: bytes) -> bytes:
    """Cut, with changed bytes, sent twice, or nothing of it at all."""
    made = bytearray(data)
    match generator.randrange(5):
        case 0:
            del made[generator.randrange(len(made)) :]
        case 1:
            for _ in range(generator.randrange(1, 6)):
                made[generator.randrange(len(made))] = generator.randrange(256)
        case 2:
            made *= 2
        case 3:
            # A record of any type and length (RFC 8446 5.1).
            made = bytearray((generator.choice((20, 21, 22, 23, 24, 0)), 3, 3))
            made += generator.randbytes(generator.randrange(400))
        case 4:
            made = bytearray(generator.randbytes(generator.randrange(1, 300)))
    return bytes(made)


def test_garbage_within_the_handshake(running: Running, pair: Pair) -> None:
    generator = random.Random(23)

    def spoil() -> bool:
        peer = _Peer(running, pair)
        flight = peer.second_flight()
        with suppress(ConnectionError):
            peer.plain.sendall(_changed(generator, flight))
        peer.hang_up()
        return True

    for _ in range(150):
        assert running.during(spoil)


def test_garbage_on_a_connection_whose_handshake_is_done(running: Running, pair: Pair) -> None:
    generator = random.Random(24)

    def spoil() -> bool:
        peer = _Peer(running, pair)
        peer.plain.sendall(peer.second_flight())
        peer.tls.write(_NS1)
        with suppress(ConnectionError):
            peer.plain.sendall(_changed(generator, peer.records()))
        peer.hang_up()
        return True

    for _ in range(150):
        assert running.during(spoil)


def test_mutated_queries_within_tls(running: Running, pair: Pair) -> None:
    stream = packets(25, 400)
    for _ in range(400):
        packet = next(stream)
        replies = running.during(lambda packet=packet: _ask(running, pair, framed(packet)))  # type: ignore[misc]
        assert len(replies) == (len(packet) >= 12 and not packet[2] & 0x80)


@pytest.mark.parametrize("data", [b"\0\0", b"\0\5abcde", framed(b"\0\0\x81" + bytes(30))])
def test_what_is_no_query_within_tls_ends_the_connection(
    running: Running, pair: Pair, data: bytes
) -> None:
    assert running.during(lambda: _ask(running, pair, data)) == []
