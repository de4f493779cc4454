"""A worker that runs out of files, is stopped by hand, or hangs: the others and it answer on."""

from __future__ import annotations

import os
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import dns.query
import pytest
from fault_servers import allow_files, processor_seconds, until
from running import SERVER, ZONE, RunningServer

pytestmark = pytest.mark.slow


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RunningServer]:
    """With one worker, so that every query is its."""
    files = {"geodns.yaml": SERVER.replace("workers: 2", "workers: 1")}
    with RunningServer(tmp_path, files) as running:
        yield running


def _text(server: RunningServer, *, tcp: bool) -> str:
    return str(server.ask("txt.example.test", "TXT", tcp=tcp).answer[0][0])


def test_without_free_files_udp_is_answered_and_tcp_again_when_there_are_some(
    server: RunningServer,
) -> None:
    (worker,) = server.workers()
    allow_files(worker, 0)
    with ExitStack() as waiting:
        for _ in range(20):
            waiting.enter_context(socket.create_connection(server.tcp, 60))
        before, since = processor_seconds(worker), time.monotonic()
        for _ in range(50):
            assert _text(server, tcp=False) == '"first"'
            time.sleep(0.02)
        used, passed = processor_seconds(worker) - before, time.monotonic() - since
        assert used < 0.5 * passed, "it asks for the impossible again and again"
        allow_files(worker, None)
        assert _text(server, tcp=True) == '"first"'
    assert server.workers() == [worker]


def test_connections_are_given_up_for_others_when_files_run_out(server: RunningServer) -> None:
    (worker,) = server.workers()
    allow_files(worker, 5)
    with ExitStack() as held:
        for _ in range(20):
            held.enter_context(socket.create_connection(server.tcp, 60))
            assert _text(server, tcp=True) == '"first"'
            assert _text(server, tcp=False) == '"first"'
    assert server.workers() == [worker]


def test_an_image_that_finds_no_free_file_comes_into_use_all_the_same(
    server: RunningServer,
) -> None:
    (worker,) = server.workers()
    allow_files(worker, 0)
    server.write("zones/example.test.yaml", ZONE.replace("first", "second"))
    server.wait_for("reloaded")
    until(lambda: server.answer("txt.example.test", "TXT") == ['"second"'], "the change is in use")
    assert [event for event in server.events() if "traceback" in event] == []
    assert b"Traceback" not in server.log.read_bytes()


def test_images_of_the_past_are_let_go_also_where_nobody_asks(server: RunningServer) -> None:
    (worker,) = server.workers()
    for number in range(6):
        assert _text(server, tcp=False)
        server.write("zones/example.test.yaml", ZONE.replace("first", f"edition {number}"))
        server.wait_for("reloaded")
    # Nobody has asked over TCP. The image in use, and the one that it replaced.
    files = Path(f"/proc/{worker}/fd").iterdir()
    assert sum("geodns-image" in str(file.readlink()) for file in files) <= 2


def test_a_worker_that_is_ended_by_hand_has_a_successor_that_answers(
    server: RunningServer,
) -> None:
    for _ in range(2):
        (worker,) = server.workers()
        os.kill(worker, signal.SIGTERM)
        server.wait_for("worker ended, starting another", pid=worker)
        query = dns.message.make_query("txt.example.test", "TXT")
        for tcp in (False, True):
            ask = dns.query.tcp if tcp else dns.query.udp
            reply = ask(query, server.udp[0], port=server.udp[1], timeout=20)
            assert str(reply.answer[0][0]) == '"first"'
