"""TCP connections over real sockets, in made-up time."""

from __future__ import annotations

import selectors
import socket
from collections.abc import Iterator

import dns.message
import pytest
from building import image, query
from streams import FIRST, IDLE, MOST, PATIENCE, Client, Running, framed, ids

from geodns.answer.image import Image

_WWW = query("www.example.test")
_MANY = query("many.example.test", "TXT")  # its reply has 2.6 kB


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Image:
    return image(tmp_path_factory.mktemp("tcp"))


@pytest.fixture
def running(made: Image) -> Iterator[Running]:
    made_running = Running(made)
    yield made_running
    made_running.close()


def test_several_queries_one_after_another_on_one_connection(running: Running) -> None:
    client = running.client()
    for number in range(5):
        client.send(framed(_WWW, number))
        assert ids(running.replies(client, number + 1)) == list(range(number + 1))
    assert not client.ended


def test_queries_pipelined_in_one_segment_are_all_answered(running: Running) -> None:
    client = running.client()
    client.send(b"".join(framed(_WWW, number) for number in range(300)))
    assert ids(running.replies(client, 300)) == list(range(300))


def test_a_query_may_come_byte_by_byte(running: Running) -> None:
    client = running.client()
    for byte in framed(_WWW, 1) + framed(_MANY, 2):
        client.send(bytes((byte,)))
        running.turn()
    first, second = running.replies(client, 2)
    assert dns.message.from_wire(first).answer
    assert len(second) > 2500


def test_a_client_that_is_done_sending_still_gets_its_replies(running: Running) -> None:
    client = running.client(receive_buffer=4096)
    client.send(b"".join(framed(_MANY, number) for number in range(2000)))
    client.socket.shutdown(socket.SHUT_WR)
    assert ids(running.replies(client, 2000)) == list(range(2000))
    running.until(lambda: client.ended, client)
    assert len(running.server) == 0


def test_the_idle_limit_closes_what_is_silent(running: Running) -> None:
    silent, talking = running.client(), running.client()
    for client in (silent, talking):
        client.send(framed(_WWW))
        running.replies(client, 1)
    running.now += IDLE - 1
    talking.send(framed(_WWW))
    running.replies(talking, 2)
    running.now += 2
    running.until(lambda: silent.ended, silent)
    assert not talking.ended
    assert running.server.close_idle() == pytest.approx(IDLE - 2)
    running.now += IDLE
    running.until(lambda: talking.ended, talking)
    assert running.server.close_idle() is None


def test_a_connection_that_asks_nothing_is_closed_sooner(running: Running) -> None:
    silent, asking = running.client(), running.client()
    asking.send(framed(_WWW))
    running.replies(asking, 1)
    running.now += FIRST + 1
    running.until(lambda: silent.ended, silent)
    running.settle()
    assert not asking.ended


def test_a_peer_that_acknowledges_nothing_is_given_up_by_the_kernel(running: Running) -> None:
    # Linux: an accepted connection has the options of the socket that it came by.
    listening = running.sockets.workers[0].tcp[0]
    milliseconds = listening.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT)
    assert milliseconds == IDLE * 1000


def test_single_bytes_do_not_count_as_life(running: Running) -> None:
    client = running.client()
    for byte in framed(_WWW)[: int(IDLE) + 2]:
        client.send(bytes((byte,)))
        running.settle()
        running.now += 1
    running.until(lambda: client.ended, client)
    assert client.replies == []


def test_at_the_connection_limit_the_one_idle_for_longest_goes(running: Running) -> None:
    clients = [running.client() for _ in range(MOST)]
    running.now += 1
    clients[0].send(framed(_WWW))
    running.replies(clients[0], 1)
    late = running.client()
    late.send(framed(_WWW))
    running.replies(late, 1)
    running.until(lambda: clients[1].ended, clients[1])
    assert len(running.server) == MOST
    assert running.face.counts().dropped == {"connection limit": 1}
    for client in (clients[0], *clients[2:]):
        client.turn()
        assert not client.ended


def test_connections_that_never_asked_drive_out_one_another(running: Running) -> None:
    talking = [running.client() for _ in range(2)]
    for client in talking:
        client.send(framed(_WWW))
        running.replies(client, 1)
    running.now += 1
    empty = [running.client() for _ in range(4 * MOST)]
    running.until(lambda: all(client.ended for client in empty[: -(MOST - 2)]), *empty)
    running.settle()
    for client in (*talking, *empty[-(MOST - 2) :]):
        client.turn()
        assert not client.ended


def test_connections_that_asked_once_do_not_keep_others_out(running: Running) -> None:
    asked = [running.client() for _ in range(MOST)]
    for client in asked:
        client.send(framed(_WWW))
        running.replies(client, 1)
    running.now += 1
    fresh = [running.client() for _ in range(2)]
    for client in fresh:
        client.send(framed(_WWW))
        assert ids(running.replies(client, 1)) == [7]
    running.until(lambda: asked[0].ended and asked[1].ended, *asked)


def test_a_query_that_nobody_has_read_yet_is_answered_before_room_is_made(
    running: Running,
) -> None:
    clients = [running.client() for _ in range(MOST)]
    running.now += 1
    clients[0].send(framed(_WWW))
    running.client()
    running.selector.get_key(running.sockets.workers[0].tcp[0]).data(selectors.EVENT_READ)
    running.until(lambda: clients[1].ended, clients[1])
    assert ids(running.replies(clients[0], 1)) == [7]
    assert not clients[0].ended


def test_what_comes_in_a_flood_of_newcomers_is_answered(running: Running) -> None:
    for number in range(10 * MOST):
        client = running.client()
        client.send(framed(_WWW, number))
        running.selector.get_key(running.sockets.workers[0].tcp[0]).data(selectors.EVENT_READ)
    # Each was as old as all others when it had to go, and none of them had been read by then.
    for number, client in enumerate(running.clients):
        assert ids(running.replies(client, 1)) == [number]


def test_a_query_that_came_while_the_server_was_held_up_is_answered(running: Running) -> None:
    silent, asking = running.client(), running.client()
    for client in (silent, asking):
        client.send(framed(_WWW, 1))
        running.replies(client, 1)
    asking.send(framed(_WWW, 2))
    running.now += IDLE + 1
    running.server.close_idle()
    assert ids(running.replies(asking, 2)) == [1, 2]
    running.until(lambda: silent.ended, silent)
    assert not asking.ended


def test_clients_that_come_and_go_at_once_cost_nobody_a_connection(running: Running) -> None:
    steady = [running.client() for _ in range(MOST - 1)]
    for _ in range(20):
        passing = socket.create_connection(running.address, PATIENCE)
        # SO_LINGER 0: closing resets.
        passing.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        passing.close()
        running.settle()
    for client in steady:
        client.send(framed(_WWW))
        running.replies(client, 1)
    assert len(running.server) == MOST - 1


def test_replies_to_a_slow_reader_are_not_piled_up(running: Running) -> None:
    count = 8000
    client = running.client(receive_buffer=4096)
    client.send(b"".join(framed(_MANY, number) for number in range(count)))
    before, answered = -1, 0
    while client.unsent or before < answered < count:
        running.settle()
        client.turn(read=False)
        before, answered = answered, sum(running.face.counts().queries.values())
    # 20 MB are asked for; the kernel's send buffer takes 4 MB and the server's own 0.26 MB.
    assert 0 < answered < count // 2
    # Meanwhile others are answered, and in the end so is this one.
    other = running.client()
    other.send(framed(_WWW))
    assert len(running.replies(other, 1)) == 1
    assert ids(running.replies(client, count)) == list(range(count))


@pytest.mark.parametrize(
    "garbage",
    [
        pytest.param(b"\0\0", id="length 0"),
        pytest.param(b"\0\5abcde", id="too short for a header"),
        pytest.param(framed(b"\0\0\x81" + _WWW[3:]), id="a reply"),
    ],
)
def test_what_is_no_query_closes_the_connection(running: Running, garbage: bytes) -> None:
    client = running.client()
    client.send(framed(_WWW, 1) + garbage + framed(_WWW, 2))
    running.until(lambda: client.ended, client)
    # What was asked before is answered, what comes behind is not looked at.
    assert ids(client.replies) == [1]
    assert running.face.counts().queries == {(1, 0): 1}
    assert len(running.server) == 0


def test_a_message_of_65535_bytes_is_read_whole(running: Running) -> None:
    client = running.client()
    client.send(framed(_WWW + bytes(65535 - len(_WWW)), 1) + framed(_WWW, 2))
    assert ids(running.replies(client, 2)) == [1, 2]


def test_a_clean_stop_answers_what_has_come(running: Running) -> None:
    known = running.client()
    known.send(b"".join(framed(_WWW, number) for number in range(4000)))
    # The kernel has made this connection; the server has not even accepted it.
    unknown = Client(running.address)
    running.clients.append(unknown)
    unknown.send(framed(_WWW, 1) + framed(_WWW, 2))
    running.server.stop_listening()
    running.until(lambda: known.ended and unknown.ended, known, unknown)
    assert ids(known.replies) == list(range(4000))
    assert ids(unknown.replies) == [1, 2]
    assert len(running.server) == 0


def test_a_slow_reader_stays_while_it_reads_and_goes_when_it_stops(running: Running) -> None:
    count = 8000
    client = running.client(receive_buffer=4096)
    client.send(b"".join(framed(_MANY, number) for number in range(count)))
    for _ in range(5):
        taken = len(client.received)
        running.until(lambda taken=taken: len(client.received) > taken + (1 << 20), client)  # type: ignore[misc]
        running.now += IDLE - 1
        assert running.server.close_idle() is not None
        assert len(running.server) == 1
    running.settle()
    running.now += IDLE + 1
    running.until(lambda: len(running.server) == 0)


def test_a_stop_waits_for_a_slow_reader(running: Running) -> None:
    client = running.client(receive_buffer=4096)
    client.send(b"".join(framed(_MANY, number) for number in range(3000)))
    running.settle()
    running.server.stop_listening()
    running.until(lambda: client.ended, client)
    assert ids(client.replies) == list(range(3000))
