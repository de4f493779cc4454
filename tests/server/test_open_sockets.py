"""Opening the listening sockets: which are made, and what is said when one can't be."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from geodns.server.sockets import ListenError, open_sockets
from geodns.socket_address import SocketAddress

_V4 = SocketAddress("127.0.0.1", 0)
_V6 = SocketAddress("::1", 0)


@pytest.fixture(params=[socket.SOCK_DGRAM, socket.SOCK_STREAM], ids=["udp", "tcp"])
def taken(request: pytest.FixtureRequest) -> Iterator[SocketAddress]:
    """An address whose port another program has, over one transport only."""
    with socket.socket(socket.AF_INET, request.param) as other:
        other.bind(("127.0.0.1", 0))
        if request.param == socket.SOCK_STREAM:
            other.listen()
        yield SocketAddress("127.0.0.1", other.getsockname()[1])


def _bindable(address: SocketAddress, kind: socket.SocketKind) -> bool:
    with socket.socket(socket.AF_INET, kind) as probe:
        if kind == socket.SOCK_STREAM:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(address)
        except OSError:
            return False
        return True


def test_every_worker_has_both_transports_of_every_address() -> None:
    sockets = open_sockets([_V4, _V6], 3)
    try:
        assert len(sockets.workers) == 3
        for worker in sockets.workers:
            assert [each.type for each in worker.udp] == [socket.SOCK_DGRAM] * 2
            assert [each.type for each in worker.tcp] == [socket.SOCK_STREAM] * 2
            for each in (worker.udp, worker.tcp):
                assert [one.getsockname()[:2] for one in each] == list(sockets.addresses)
    finally:
        sockets.close()


def test_port_0_becomes_one_free_port_for_all() -> None:
    sockets = open_sockets([_V4], 2)
    try:
        (address,) = sockets.addresses
        assert address.host == "127.0.0.1"
        assert address.port > 0
    finally:
        sockets.close()


def test_ipv6_sockets_leave_the_ipv4_port_to_others() -> None:
    sockets = open_sockets([SocketAddress("::", 0)], 1)
    try:
        port = sockets.addresses[0].port
        v4 = open_sockets([SocketAddress("127.0.0.1", port)], 1)
        v4.close()
    finally:
        sockets.close()


def test_a_taken_port_is_one_sentence(taken: SocketAddress) -> None:
    with pytest.raises(ListenError) as raised:
        open_sockets([taken], 2)
    assert str(raised.value) == (
        f"{taken} is taken: another program listens there; stop it or change `listen`"
    )


def test_a_second_server_does_not_share_the_port_in_silence() -> None:
    sockets = open_sockets([_V4], 1)
    try:
        with pytest.raises(ListenError, match="is taken"):
            open_sockets(sockets.addresses, 1)
    finally:
        sockets.close()


def test_beside_workers_of_an_earlier_control_process_it_listens() -> None:
    first = open_sockets([_V4], 1)
    try:
        second = open_sockets(first.addresses, 1, beside_orphans=True)
        assert second.addresses == first.addresses
        second.close()
    finally:
        first.close()


def test_a_failure_closes_what_was_opened(taken: SocketAddress) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        free = SocketAddress("127.0.0.1", probe.getsockname()[1])
    with pytest.raises(ListenError):
        open_sockets([free, taken], 2)
    assert _bindable(free, socket.SOCK_DGRAM)
    assert _bindable(free, socket.SOCK_STREAM)


def test_an_address_of_another_machine_is_one_sentence() -> None:
    with pytest.raises(ListenError) as raised:
        open_sockets([SocketAddress("192.0.2.1", 5300)], 1)
    assert str(raised.value) == (
        "192.0.2.1:5300 is not an address of this machine; change `listen`"
    )


def test_a_machine_without_ipv6_listens_on_the_rest() -> None:
    listen = [SocketAddress("127.0.0.1", 0), SocketAddress("::1", 0)]
    sockets = open_sockets(listen, 1, has_ipv6=lambda: False)
    try:
        assert [address.host for address in sockets.addresses] == ["127.0.0.1"]
        assert sockets.left_out == (SocketAddress("::1", 0),)
        assert len(sockets.workers[0].udp) == 1
    finally:
        sockets.close()
