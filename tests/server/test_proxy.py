"""PROXY v2 headers, made by hand: parsed, believed from balancers alone, over UDP, TCP and TLS."""

from __future__ import annotations

import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator

import certificates
import dns.message
import pytest
from building import image, query
from hypothesis import given
from hypothesis import strategies as st
from streams import HANDSHAKE, LIMITS, PATIENCE, Running, framed, ids

from geodns.answer.cold import Identity
from geodns.answer.image import Image
from geodns.server.connections import ConnectionLimits
from geodns.server.face import EngineOptions, Face
from geodns.server.proxy import SIGNATURE, Balancers, Header, ProxyError, parse
from geodns.server.sockets import open_sockets
from geodns.server.udp import end_udp, serve_udp
from geodns.socket_address import SocketAddress

_WWW = query("www.example.test")
_TOKYO, _AMERICA = "30.0.0.9", "50.0.0.9"
_LOCAL, _PROXY = 0x20, 0x21
_TLV = b"\x04\0\3abc"  # PP2_TYPE_NOOP


def header(source: str, *, command: int = _PROXY, protocol: int = 2, more: bytes = b"") -> bytes:
    """The header that a balancer at 127.0.0.1 sends for a client."""
    if ":" in source:
        family, kind, here = socket.AF_INET6, 0x20, "::1"
    else:
        family, kind, here = socket.AF_INET, 0x10, "127.0.0.1"
    addresses = socket.inet_pton(family, source) + socket.inet_pton(family, here)
    return raw(command, kind | protocol, addresses + struct.pack(">HH", 4711, 53) + more)


def raw(command: int, kind: int, rest: bytes) -> bytes:
    return SIGNATURE + bytes((command, kind)) + len(rest).to_bytes(2, "big") + rest


LOCAL = raw(_LOCAL, 0, b"")
MALFORMED = {
    "no signature": b"\r\n\r\n\0\r\nQUIX\n" + header(_TOKYO)[12:],
    "version 1": b"PROXY TCP4 30.0.0.9 127.0.0.1 4711 53\r\n",
    "version 3": header(_TOKYO, command=0x31),
    "unknown command": header(_TOKYO, command=0x22),
    "unknown protocol": header(_TOKYO, protocol=3),
    "unknown family": raw(_PROXY, 0x42, bytes(12)),
    "unix sockets": raw(_PROXY, 0x31, bytes(216)),
    "addresses too short": raw(_PROXY, 0x12, bytes(11)),
    "IPv6 addresses too short": raw(_PROXY, 0x22, bytes(35)),
    "longer than any": raw(_PROXY, 0x12, bytes(5000)),
}


@pytest.mark.parametrize(
    ("data", "source"),
    [
        (header("192.0.2.7"), "192.0.2.7"),
        (header("192.0.2.7", protocol=1), "192.0.2.7"),
        (header("192.0.2.7", more=_TLV), "192.0.2.7"),
        (header("2001:db8::7"), "2001:db8::7"),
        (header("::ffff:192.0.2.7"), "192.0.2.7"),
        (LOCAL, None),
        (raw(_LOCAL, 0xFF, b"whatever"), None),
        (raw(_PROXY, 0, b""), None),
    ],
    ids=["v4", "v4 over TCP", "with a TLV", "v6", "mapped", "local", "odd local", "unspecified"],
)
def test_a_header_says_whose_query_follows(data: bytes, source: str | None) -> None:
    assert parse(data + _WWW) == Header(len(data), source)


@pytest.mark.parametrize("data", MALFORMED.values(), ids=MALFORMED.keys())
def test_what_is_no_header_is_refused(data: bytes) -> None:
    with pytest.raises(ProxyError):
        parse(data)


@pytest.mark.parametrize("whole", [header("192.0.2.7", more=_TLV), header("2001:db8::7"), LOCAL])
def test_a_header_that_is_cut_anywhere_is_refused(whole: bytes) -> None:
    for length in range(len(whole)):
        with pytest.raises(ProxyError):
            parse(whole[:length])


@given(st.binary(max_size=80).map(lambda rest: SIGNATURE + rest) | st.binary(max_size=80))
def test_any_bytes_are_a_header_or_a_proxy_error(data: bytes) -> None:
    try:
        found = parse(data)
    except ProxyError:
        return
    assert 16 <= found.length <= len(data)


def test_networks_say_who_is_a_balancer() -> None:
    balancers = Balancers(["127.0.0.2/32", "2001:db8::/32"])
    found = {host: balancers.has(host) for host in ("127.0.0.2", "127.0.0.1", "2001:db8::1", "::1")}
    assert found == {"127.0.0.2": True, "127.0.0.1": False, "2001:db8::1": True, "::1": False}
    assert balancers
    assert not Balancers(())


# --- over UDP ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Image:
    return image(tmp_path_factory.mktemp("proxy"))


@pytest.fixture
def face(made: Image) -> Face:
    return Face(made, EngineOptions(Identity("ns1.demo"), accept_client_subnet=True, stream=False))


@pytest.fixture
def udp(face: Face) -> Iterator[SocketAddress]:
    """A UDP server to which 127.0.0.2 is a balancer."""
    sockets = open_sockets([SocketAddress("127.0.0.1", 0)], 1)
    bound = sockets.workers[0].udp[0]
    thread = threading.Thread(target=serve_udp, args=(bound, face, Balancers(["127.0.0.2"])))
    thread.start()
    yield sockets.addresses[0]
    end_udp(bound)
    thread.join(PATIENCE)
    sockets.close()


Ask = Callable[[bytes], bytes]


@pytest.fixture(params=["127.0.0.2", "127.0.0.1"])
def peer(request: pytest.FixtureRequest, udp: SocketAddress) -> Iterator[socket.socket]:
    with socket.socket(type=socket.SOCK_DGRAM) as client:
        client.settimeout(PATIENCE)
        client.bind((request.param, 0))
        client.connect(udp)
        yield client


def address(reply: bytes) -> str:
    return str(dns.message.from_wire(reply).answer[0][0])


@pytest.mark.parametrize("peer", ["127.0.0.2"], indirect=True)
def test_a_datagram_is_answered_as_the_client_that_its_header_names(peer: socket.socket) -> None:
    found = {}
    for source in (_TOKYO, _AMERICA):
        peer.send(header(source) + _WWW)
        reply = peer.recv(4096)
        assert not reply.startswith(SIGNATURE)
        found[source] = address(reply)
    assert found[_TOKYO] != found[_AMERICA]


@pytest.mark.parametrize("peer", ["127.0.0.2"], indirect=True)
def test_local_datagrams_are_the_balancers_own(peer: socket.socket, face: Face) -> None:
    peer.send(LOCAL + _WWW)
    assert dns.message.from_wire(peer.recv(4096)).answer
    assert face.counts().dropped == {}


@pytest.mark.parametrize("peer", ["127.0.0.2"], indirect=True)
def test_datagrams_without_a_good_header_are_dropped_and_counted(
    peer: socket.socket, face: Face
) -> None:
    for data in (_WWW, *(data + _WWW for data in MALFORMED.values())):
        peer.send(data[:4096])
    peer.send(header(_TOKYO) + b"\0\1" + _WWW[2:])
    assert peer.recv(4096)[:2] == b"\0\1"
    assert face.counts().dropped == {"proxy header": 1 + len(MALFORMED)}


@pytest.mark.parametrize("peer", ["127.0.0.1"], indirect=True)
def test_nobody_elses_header_is_believed(peer: socket.socket) -> None:
    peer.send(_WWW)
    assert dns.message.from_wire(peer.recv(4096)).answer
    peer.send(header(_TOKYO) + _WWW)
    peer.send(b"\0\2" + _WWW[2:])
    # Read as a DNS message, a header is one with a reserved opcode: whatever comes, no answer.
    replies = [peer.recv(4096)]
    while replies[-1][:2] != b"\0\2":
        replies.append(peer.recv(4096))
    assert all(reply[3] & 15 for reply in replies[:-1])


# --- over TCP and TLS -------------------------------------------------------------------------


@pytest.fixture
def behind(made: Image) -> Iterator[Running]:
    """A TCP server that has nobody but balancers as peers."""
    limits = ConnectionLimits(LIMITS.most, 2, LIMITS.handshake, LIMITS.first_query, LIMITS.idle)
    running = Running(made, limits, balancers=Balancers(["127.0.0.0/8"]))
    yield running
    running.close()


def test_a_connection_is_its_clients_whatever_pieces_the_header_comes_in(behind: Running) -> None:
    found = {}
    for source in (_TOKYO, _AMERICA):
        client = behind.client()
        for byte in header(source, more=_TLV):
            client.send(bytes((byte,)))
            behind.turn()
        client.send(framed(_WWW))
        found[source] = address(behind.replies(client, 1)[0])
    assert found[_TOKYO] != found[_AMERICA]


def test_header_and_queries_may_come_at_once(behind: Running) -> None:
    client = behind.client()
    client.send(header(_TOKYO) + framed(_WWW, 1) + framed(_WWW, 2))
    assert ids(behind.replies(client, 2)) == [1, 2]


@pytest.mark.parametrize("data", [framed(_WWW), *MALFORMED.values()], ids=["none", *MALFORMED])
def test_a_connection_without_a_good_header_is_closed(behind: Running, data: bytes) -> None:
    client = behind.client()
    client.send(data + framed(_WWW))
    behind.until(lambda: client.ended, client)
    assert client.replies == []
    assert behind.face.counts().dropped == {"proxy header": 1}
    assert len(behind.server) == 0


def test_a_header_that_does_not_come_is_not_waited_for(behind: Running) -> None:
    client = behind.client()
    client.send(header(_TOKYO)[:20])
    behind.settle()
    behind.now += HANDSHAKE + 1
    behind.until(lambda: client.ended, client)
    assert len(behind.server) == 0


def test_clients_behind_a_balancer_are_limited_and_the_balancer_is_not(behind: Running) -> None:
    sources = [_TOKYO, _TOKYO, _AMERICA]
    clients = [behind.client() for _ in sources]
    for client, source in zip(clients, sources, strict=True):
        client.send(header(source) + framed(_WWW))
        assert ids(behind.replies(client, 1)) == [7]
    own = behind.client()
    own.send(LOCAL + framed(_WWW))
    assert ids(behind.replies(own, 1)) == [7]
    third = behind.client()
    third.send(header(_TOKYO) + framed(_WWW))
    behind.until(lambda: third.ended, third)
    assert third.replies == []
    assert behind.face.counts().dropped == {"client limit": 1}


@pytest.mark.parametrize("inside", [False, True], ids=["before the handshake", "within TLS"])
@pytest.mark.parametrize("together", [False, True], ids=["alone", "with the query"])
def test_over_tls_the_header_is_the_first_thing(made: Image, inside: bool, together: bool) -> None:
    pair = certificates.make()
    running = Running(made, balancers=Balancers(["127.0.0.1"]), certificate=pair.pem)
    trust = ssl.create_default_context(cadata=pair.certificate.decode())

    def ask() -> bytes:
        plain = socket.create_connection(running.address, PATIENCE)
        first = header(_TOKYO) if inside else b""
        if not inside:
            plain.sendall(header(_TOKYO))
        with trust.wrap_socket(plain, server_hostname=certificates.NAME) as client:
            for part in [first + framed(_WWW)] if together else [first, framed(_WWW)]:
                client.sendall(part)
            return client.recv(4096)

    try:
        reply = running.during(ask)
    finally:
        running.close()
    assert address(reply[2:]) == "192.0.2.21"


def test_over_tls_a_balancer_without_a_header_is_closed(made: Image) -> None:
    pair = certificates.make()
    running = Running(made, balancers=Balancers(["127.0.0.1"]), certificate=pair.pem)
    trust = ssl.create_default_context(cadata=pair.certificate.decode())

    def ask() -> bytes:
        plain = socket.create_connection(running.address, PATIENCE)
        with trust.wrap_socket(plain, server_hostname=certificates.NAME) as client:
            client.sendall(framed(_WWW))
            return client.recv(4096)

    try:
        assert running.during(ask) == b""
        assert running.face.counts().dropped == {"proxy header": 1}
    finally:
        running.close()
