"""The running server is asked for a moment; whatever it does, there is an explanation."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest

from geodns.config.settings import Admin
from geodns.errors import GeodnsError
from geodns.explain.live import ask_server, assumed_up, parse_availability
from geodns.health.availability import EndpointAvailability
from geodns.socket_address import SocketAddress

_ENDPOINTS = {
    "generation": 3,
    "endpoints": {
        "web@eu-a": {
            "availability": 0.5,
            "addresses": [True, False],
            "failing": ["192.0.2.7"],
            "reason": "draining",
            "steady": 12,
        }
    },
}


@contextmanager
def answering(body: bytes) -> Iterator[Admin]:
    """An HTTP server on loopback that answers everything with these bytes."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Tests read no log."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield Admin(http=SocketAddress("127.0.0.1", server.server_port))
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_the_endpoints_of_a_running_server_are_live() -> None:
    with answering(json.dumps(_ENDPOINTS).encode()) as admin:
        known, health = ask_server(admin, patience=60.0)
    failing = frozenset((bytes((192, 0, 2, 7)),))
    assert known == {
        "web@eu-a": EndpointAvailability(0.5, (True, False), "draining", failing, steady=12.0)
    }
    assert health.source == "live"


def test_what_is_not_understood_is_taken_as_available() -> None:
    with answering(b'{"endpoints": [1, 2]}') as admin:
        known, health = ask_server(admin, patience=60.0)
    assert known is None
    assert health.source == "assumed"
    assert "not understood" in health.sentence


def test_without_a_server_everything_is_taken_as_available(tmp_path: Path) -> None:
    known, health = ask_server(Admin(socket=tmp_path / "admin.sock"), patience=60.0)
    assert known is None
    assert health.sentence == "no server is running: everything is taken as available"


def test_a_server_that_is_silent_is_not_waited_for(tmp_path: Path) -> None:
    file = tmp_path / "s"
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(str(file))
        silent.listen()
        known, health = ask_server(Admin(socket=file), patience=0.05)
    assert known is None
    assert health.sentence == "the server does not answer: everything is taken as available"


def test_a_server_that_is_not_to_be_asked_is_said_not_to_have_been() -> None:
    assert assumed_up().sentence == "the server was not asked: everything is taken as available"


@pytest.mark.parametrize(
    "data", [None, [], {}, {"endpoints": {"a": {}}}, {"endpoints": {"a": {"availability": "x"}}}]
)
def test_another_shape_is_refused(data: object) -> None:
    with pytest.raises(GeodnsError, match="not understood"):
        parse_availability(data)
