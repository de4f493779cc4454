"""Limits on the connections of one client, over real sockets."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest
from building import image, query
from streams import FIRST, HANDSHAKE, IDLE, Client, Running, framed, ids

from geodns.answer.cold import Identity
from geodns.answer.image import Image
from geodns.server.connections import Connection, ConnectionLimits, Connections, Stage
from geodns.server.face import EngineOptions, Face

_WWW = query("www.example.test")
_PER_CLIENT = 3
_LIMITS = ConnectionLimits(
    most=100, per_client=_PER_CLIENT, handshake=HANDSHAKE, first_query=FIRST, idle=IDLE
)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Image:
    return image(tmp_path_factory.mktemp("limits"))


@pytest.fixture
def running(made: Image) -> Iterator[Running]:
    made_running = Running(made, _LIMITS)
    yield made_running
    made_running.close()


@pytest.fixture
def face(made: Image) -> Face:
    return Face(made, EngineOptions(Identity("ns1.demo"), accept_client_subnet=True, stream=True))


def from_host(running: Running, host: str) -> Client:
    """A client with another of the loopback addresses."""
    client = Client(running.address, source=host)
    running.clients.append(client)
    return client


def test_a_client_has_so_many_connections_and_others_have_theirs(running: Running) -> None:
    first = [running.client() for _ in range(_PER_CLIENT)]
    refused = from_host(running, "127.0.0.1")
    running.until(lambda: refused.ended, refused)
    assert running.face.counts().dropped == {"client limit": 1}
    other = from_host(running, "127.0.0.2")
    for client in (*first, other):
        client.send(framed(_WWW))
        assert ids(running.replies(client, 1)) == [7]
    assert len(running.server) == _PER_CLIENT + 1


def test_a_connection_that_ends_makes_room_for_the_next(running: Running) -> None:
    for _ in range(3 * _PER_CLIENT):
        client = running.client()
        client.send(framed(_WWW))
        assert ids(running.replies(client, 1)) == [7]
        client.socket.shutdown(socket.SHUT_WR)
        running.until(lambda: len(running.server) == 0)
    assert running.face.counts().dropped == {}


class _Table:
    """The table of connections alone, with sockets that are connected to nobody."""

    def __init__(self, face: Face) -> None:
        self.connections = Connections(_LIMITS, lambda: 0.0)
        self._face = face
        self.opened: list[socket.socket] = []

    def admits(self, host: str) -> bool:
        self.opened.append(socket.socket())
        connection = Connection(self.opened[-1], host, self._face)
        if not self.connections.admit(connection):
            return False
        self.connections.enter(connection, Stage.SILENT)
        return True


@pytest.fixture
def table(face: Face) -> Iterator[_Table]:
    made = _Table(face)
    yield made
    for each in made.opened:
        each.close()


def test_one_ipv6_site_is_one_client(table: _Table) -> None:
    # RFC 6177: a site has a /56 or a /48, so single addresses are as many as anybody likes.
    hosts = ["2001:db8:0:100::1", "2001:db8:0:1ff::2", "2001:db8:0:142:ffff::"]
    assert all(table.admits(host) for host in hosts)
    assert not table.admits("2001:db8:0:17f::9")
    assert table.admits("2001:db8:0:200::1")


def test_ipv4_addresses_are_clients_of_their_own(table: _Table) -> None:
    assert all(table.admits("192.0.2.1") for _ in range(_PER_CLIENT))
    assert not table.admits("192.0.2.1")
    assert table.admits("192.0.2.2")


def test_a_link_local_address_is_counted_whatever_its_interface(table: _Table) -> None:
    assert all(table.admits(f"fe80::1%eth{number}") for number in range(_PER_CLIENT))
    assert not table.admits("fe80::1%eth9")


def test_what_has_left_is_not_remembered(table: _Table) -> None:
    for number in range(50):
        assert table.admits(f"192.0.2.{number}")
    for connection in table.connections:
        table.connections.remove(connection)
    assert len(table.connections) == 0
    assert table.connections.clients == 0
