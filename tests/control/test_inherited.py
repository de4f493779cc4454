"""Sockets that were passed to the server: it answers on these, and its workers share them."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path

import dns.exception
import dns.message
import dns.query
import pytest
from passing import passing
from running import COMMAND, SERVER, ZONE, RunningServer, free_port

from geodns.control.inherited import take_inherited


def _until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def _pair(host: str = "127.0.0.1") -> tuple[tuple[str, ...], int]:
    port = free_port()
    return passing(f"udp:{host}:{port}", f"tcp:{host}:{port}"), port


def test_the_server_answers_on_the_sockets_that_it_was_passed(tmp_path: Path) -> None:
    prefix, port = _pair()
    with RunningServer(tmp_path, prefix=prefix) as server:
        assert server.udp == ("127.0.0.1", port)
        for _ in range(5):
            assert server.answer("txt.example.test", "TXT") == ['"first"']
            assert server.ask("txt.example.test", "TXT", tcp=True).answer
        # The variables are for the process that was started, and nobody else's.
        worker = Path(f"/proc/{server.workers()[0]}/environ").read_bytes()
        assert b"LISTEN_" not in worker
        assert server.stop() == 0


@pytest.mark.slow
def test_no_query_is_lost_while_workers_that_share_sockets_are_replaced(tmp_path: Path) -> None:
    prefix, _ = _pair()
    with RunningServer(tmp_path, prefix=prefix) as server:
        lost: list[str] = []
        done = threading.Event()

        def ask() -> None:
            while not done.is_set():
                try:
                    server.answer("txt.example.test", "TXT")
                except dns.exception.DNSException as error:
                    lost.append(str(error))

        asking = threading.Thread(target=ask)
        asking.start()
        before = server.workers()
        for connections in (7, 8):
            text = f"{SERVER}tcp: {{connections: {connections}}}\n"
            server.write("geodns.yaml", text)
            server.wait_for("reloaded")
        done.set()
        asking.join()
        assert lost == []
        assert not set(before) & set(server.workers())
        assert server.ask("txt.example.test", "TXT", tcp=True).answer
        victim = server.workers()[0]
        os.kill(victim, signal.SIGKILL)
        _until(lambda: len(server.workers()) == 2 and victim not in server.workers())
        assert server.answer("txt.example.test", "TXT") == ['"first"']


@pytest.mark.slow
def test_a_new_control_process_takes_over_with_sockets_of_its_own(tmp_path: Path) -> None:
    port = free_port()
    sockets = f"udp:127.0.0.1:{port}", f"tcp:127.0.0.1:{port}"
    with RunningServer(tmp_path, prefix=passing(*sockets)) as server:
        server.signal(signal.SIGTERM)
        assert server.wait() == 0
        server.write("zones/example.test.yaml", ZONE.replace("first", "second"))
        server.start()
        assert server.answer("txt.example.test", "TXT") == ['"second"']


def test_a_reply_leaves_from_the_address_that_was_asked(tmp_path: Path) -> None:
    prefix, port = _pair("0.0.0.0")
    with RunningServer(tmp_path, prefix=prefix):
        query = dns.message.make_query("txt.example.test", "TXT")
        # dnspython takes replies from this address alone.
        assert dns.query.udp(query, "127.0.0.77", port=port, timeout=60).answer


@pytest.mark.parametrize(
    ("sockets", "said"),
    [
        (("udp:127.0.0.1:{port}",), "no socket for TCP"),
        (("tcp:127.0.0.1:{port}",), "no socket for UDP"),
        (("file:/dev/null",), "is not a socket"),
        (("both:[::]:{port}",), "BindIPv6Only=ipv6-only"),
    ],
)
def test_sockets_that_can_not_be_answered_on_are_one_sentence(
    tmp_path: Path, sockets: tuple[str, ...], said: str
) -> None:
    port = free_port()
    config = RunningServer(tmp_path).config
    prefix = passing(*(each.format(port=port) for each in sockets))
    ended = subprocess.run(
        [*prefix, *COMMAND, "serve", "-c", str(config)],
        capture_output=True,
        check=False,
        timeout=60,
    )
    assert ended.returncode == 1
    text = " ".join(ended.stderr.decode().split())
    assert said in text
    assert "Traceback" not in text


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"LISTEN_PID": "1", "LISTEN_FDS": "2"},
        {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "x"},
        {"LISTEN_PID": str(os.getpid())},
    ],
)
def test_what_was_passed_to_another_process_is_left_alone(environment: dict[str, str]) -> None:
    given = dict(environment)
    assert take_inherited(given) == ()
    assert given == {}


def test_passed_sockets_are_not_for_children_of_the_server() -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as made:
        made.bind(("127.0.0.1", 0))
        made.set_inheritable(True)
        given = {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "1", "LISTEN_FDNAMES": "dns"}
        (taken,) = take_inherited(given, made.fileno())
        try:
            assert taken.getsockname() == made.getsockname()
            assert not taken.get_inheritable()
        finally:
            taken.detach()
