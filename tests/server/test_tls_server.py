"""DNS over TLS on real sockets, in made-up time: handshakes, queries, renewals, ends."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from pathlib import Path

import certificates
import pytest
from building import image, query
from certificates import Pair
from streams import HANDSHAKE, IDLE, PATIENCE, Client, Running, framed, ids

from geodns.answer.image import Image
from geodns.server.tls import TlsError, context, read_pem

_WWW = query("www.example.test")
_MANY = query("many.example.test", "TXT")  # its reply has 2.6 kB


@pytest.fixture(scope="module")
def pair() -> Pair:
    return certificates.make()


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Image:
    return image(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def running(made: Image, pair: Pair) -> Iterator[Running]:
    made_running = Running(made, certificate=pair.pem)
    yield made_running
    made_running.close()


def trusting(pair: Pair) -> ssl.SSLContext:
    """A client's context that trusts this certificate alone."""
    made = ssl.create_default_context(cadata=pair.certificate.decode())
    made.set_alpn_protocols(["dot"])
    return made


def connected(running: Running, trust: ssl.SSLContext) -> ssl.SSLSocket:
    """A TLS connection whose handshake is done; it blocks."""

    def connect() -> ssl.SSLSocket:
        plain = socket.create_connection(running.address, PATIENCE)
        return trust.wrap_socket(
            plain, server_hostname=certificates.NAME, suppress_ragged_eofs=False
        )

    return running.during(connect)


def asked(running: Running, client: ssl.SSLSocket, packets: bytes, count: int) -> list[bytes]:
    """The replies to framed queries."""

    def ask() -> list[bytes]:
        client.sendall(packets)
        return [_read(client, int.from_bytes(_read(client, 2), "big")) for _ in range(count)]

    return running.during(ask)


def _read(client: ssl.SSLSocket, count: int) -> bytes:
    data = b""
    while len(data) < count:
        more = client.recv(count - len(data))
        assert more, "the connection has ended"
        data += more
    return data


def test_queries_are_answered_over_tls_1_3_with_its_name_in_alpn(
    running: Running, pair: Pair
) -> None:
    with connected(running, trusting(pair)) as client:
        assert client.version() == "TLSv1.3"
        assert client.selected_alpn_protocol() == "dot"
        for number in range(3):
            assert ids(asked(running, client, framed(_WWW, number), 1)) == [number]


def test_tls_1_2_is_served_too(running: Running, pair: Pair) -> None:
    trust = trusting(pair)
    trust.maximum_version = ssl.TLSVersion.TLSv1_2
    with connected(running, trust) as client:
        assert client.version() == "TLSv1.2"
        assert ids(asked(running, client, framed(_WWW), 1)) == [7]


def test_a_client_without_alpn_is_served(running: Running, pair: Pair) -> None:
    trust = ssl.create_default_context(cadata=pair.certificate.decode())
    with connected(running, trust) as client:
        assert client.selected_alpn_protocol() is None
        assert ids(asked(running, client, framed(_WWW), 1)) == [7]


def test_replies_of_many_records_arrive_whole_and_in_order(running: Running, pair: Pair) -> None:
    count = 2000  # 5 MB of replies, far more than any buffer on the way
    packets = b"".join(framed(_MANY, number) for number in range(count))
    with connected(running, trusting(pair)) as client:
        assert ids(asked(running, client, packets, count)) == list(range(count))


def test_a_stalled_handshake_is_cut_and_keeps_nobody_waiting(running: Running, pair: Pair) -> None:
    stalled, started = running.client(), running.client()
    started.send(b"\x16\x03\x01\x02\x00\x01")  # how a ClientHello begins
    with connected(running, trusting(pair)) as client:
        assert ids(asked(running, client, framed(_WWW), 1)) == [7]
        running.now += HANDSHAKE + 1
        running.until(lambda: stalled.ended and started.ended, stalled, started)
        assert running.face.counts().dropped == {"handshake": 2}
        assert ids(asked(running, client, framed(_WWW, 8), 1)) == [8]


def test_plain_dns_is_not_served_at_the_port_of_tls(running: Running) -> None:
    client = running.client()
    client.send(framed(_WWW))
    running.until(lambda: client.ended, client)
    assert client.replies == []
    assert running.face.counts().dropped == {"handshake": 1}
    assert len(running.server) == 0


def test_a_client_that_goes_away_in_its_handshake_leaves_nothing(running: Running) -> None:
    client = running.client()
    client.socket.close()
    running.until(lambda: len(running.server) == 0)
    running.clients.remove(client)


def test_the_end_of_a_connection_is_told_within_tls(running: Running, pair: Pair) -> None:
    with connected(running, trusting(pair)) as client:
        asked(running, client, framed(_WWW), 1)
        running.now += IDLE + 1
        # Without close_notify this would raise SSLEOFError: it could be an attacker's cut.
        assert running.during(lambda: client.recv(1)) == b""


def test_a_new_certificate_is_for_new_connections(running: Running, pair: Pair) -> None:
    renewed = certificates.make(serial=2)
    with connected(running, trusting(pair)) as before:
        running.server.context = context(renewed.pem)
        with connected(running, trusting(renewed)) as after:
            for client, serial in ((before, "01"), (after, "02")):
                shown = client.getpeercert()
                assert shown is not None
                assert shown["serialNumber"] == serial
                assert ids(asked(running, client, framed(_WWW), 1)) == [7]


def test_a_stop_answers_what_has_come_over_tls(running: Running, pair: Pair) -> None:
    with connected(running, trusting(pair)) as client:
        client.sendall(b"".join(framed(_WWW, number) for number in range(100)))
        running.server.stop_listening()

        def read() -> list[bytes]:
            found = [_read(client, int.from_bytes(_read(client, 2), "big")) for _ in range(100)]
            assert client.recv(1) == b""
            return found

        assert ids(running.during(read)) == list(range(100))
    assert len(running.server) == 0


def test_without_a_certificate_connections_are_turned_away(running: Running) -> None:
    running.server.context = None
    client = Client(running.address)
    running.clients.append(client)
    running.until(lambda: client.ended, client)
    assert len(running.server) == 0


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda pair: Pair(pair.certificate, certificates.make().key), "does not belong to"),
        (lambda pair: Pair(pair.certificate, b"nonsense"), "holds no PEM certificate"),
        (lambda pair: Pair(b"", pair.key), "holds no PEM certificate"),
        (lambda pair: certificates.make(passphrase=b"secret"), "without a passphrase"),
    ],
    ids=["another key", "no key", "no certificate", "encrypted key"],
)
def test_a_pair_that_cannot_be_used_is_one_sentence(
    tmp_path: Path, pair: Pair, change: object, reason: str
) -> None:
    assert callable(change)
    change(pair).write(tmp_path)
    with pytest.raises(TlsError, match=reason):
        read_pem(tmp_path / "certificate.pem", tmp_path / "key.pem")


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(TlsError, match=r"certificate\.pem can't be read: No such file"):
        read_pem(tmp_path / "certificate.pem", tmp_path / "key.pem")
