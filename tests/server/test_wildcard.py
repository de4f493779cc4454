"""Sockets of all addresses: a reply comes from the address that was asked."""

from __future__ import annotations

import socket
import subprocess
import threading
from collections.abc import Iterator

import dns.message
import pytest
from building import image, query
from programs import program
from streams import PATIENCE

from geodns.answer.cold import Identity
from geodns.answer.image import Image
from geodns.server.face import EngineOptions, Face
from geodns.server.sockets import Sockets, open_sockets
from geodns.server.udp import end_udp, serve_udp
from geodns.socket_address import SocketAddress

_WWW = query("www.example.test")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Image:
    return image(tmp_path_factory.mktemp("wildcard"))


@pytest.fixture
def face(made: Image) -> Face:
    return Face(made, EngineOptions(Identity("ns1.demo"), accept_client_subnet=True, stream=False))


@pytest.fixture
def sockets() -> Iterator[Sockets]:
    opened = open_sockets([SocketAddress("0.0.0.0", 0), SocketAddress("::", 0)], 1)
    yield opened
    opened.close()


@pytest.fixture
def serving(sockets: Sockets, face: Face) -> Iterator[Sockets]:
    bound = sockets.workers[0].udp
    threads = [threading.Thread(target=serve_udp, args=(each, face)) for each in bound]
    for thread in threads:
        thread.start()
    yield sockets
    for each in bound:
        end_udp(each)
    for thread in threads:
        thread.join(PATIENCE)
        assert not thread.is_alive()


def replies(client: socket.socket, count: int) -> set[tuple[int, str]]:
    """The id of each reply and the address that it came from."""
    client.settimeout(PATIENCE)
    found = set()
    for _ in range(count):
        reply, peer = client.recvfrom(4096)
        assert dns.message.from_wire(reply).answer
        found.add((int.from_bytes(reply[:2], "big"), peer[0]))
    return found


def test_a_reply_leaves_from_the_ipv4_address_that_was_asked(serving: Sockets) -> None:
    port = serving.addresses[0].port
    asked = {(number, f"127.{number}.0.5") for number in range(20)}
    with socket.socket(type=socket.SOCK_DGRAM) as client:
        client.bind(("127.0.0.1", 0))
        for number, host in asked:
            client.sendto(number.to_bytes(2, "big") + _WWW[2:], (host, port))
        assert replies(client, len(asked)) == asked


def test_a_reply_leaves_from_the_ipv6_address_that_was_asked(serving: Sockets) -> None:
    port = serving.addresses[1].port
    hosts = ["::1", *_more_ipv6()]
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as client:
        for number, host in enumerate(hosts):
            client.sendto(number.to_bytes(2, "big") + _WWW[2:], (host, port))
        assert replies(client, len(hosts)) == set(enumerate(hosts))


def _more_ipv6() -> list[str]:
    """Other IPv6 addresses of this machine that need no interface to be named."""
    with open("/proc/net/if_inet6", encoding="ascii") as file:  # noqa: PTH123 - no regular file
        packed = [bytes.fromhex(line.split()[0]) for line in file]
    found = [socket.inet_ntop(socket.AF_INET6, address) for address in packed]
    return [address for address in found if not address.startswith("fe80") and address != "::1"]


def test_what_had_arrived_is_answered_from_its_address_and_then_it_ends(
    sockets: Sockets, face: Face
) -> None:
    bound = sockets.workers[0].udp[0]
    port = sockets.addresses[0].port
    with socket.socket(type=socket.SOCK_DGRAM) as client:
        client.bind(("127.0.0.1", 0))
        client.sendto(b"", ("127.0.0.6", port))
        client.sendto(b"\0\1" + _WWW[2:], ("127.0.0.6", port))
        end_udp(bound)
        serve_udp(bound, face)
        assert replies(client, 1) == {(1, "127.0.0.6")}
    assert face.counts().dropped == {"short": 1}


def test_a_socket_of_one_address_is_told_no_destinations() -> None:
    opened = open_sockets([SocketAddress("127.0.0.1", 0)], 1)
    try:
        (bound,) = opened.workers[0].udp
        with socket.socket(type=socket.SOCK_DGRAM) as client:
            client.sendto(_WWW, opened.addresses[0])
        assert bound.recvmsg(4096, 1024)[1] == []
    finally:
        opened.close()


@pytest.mark.interop
@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.5", "127.99.1.2"])
def test_dig_sees_no_reply_from_an_unexpected_source(serving: Sockets, host: str) -> None:
    # dig passes over replies from another address than it asked.
    port = str(serving.addresses[0].port)
    command = [str(program("dig")), f"@{host}", "-p", port, "+short", "+tries=1"]
    done = subprocess.run(
        [*command, "www.example.test"], capture_output=True, text=True, check=True, timeout=PATIENCE
    )
    assert "unexpected source" not in done.stdout
    assert done.stdout.count(".") == 3
