"""Control killed at random moments under a stream of updates: what was acknowledged is there."""

from __future__ import annotations

import base64
import random
import signal
import threading
import time
from pathlib import Path

import dns.exception
import dns.query
import dns.rcode
import dns.tsig
import dns.tsigkeyring
import dns.update
import pytest
from running import SERVER, RunningServer, free_port

_SECRET = base64.b64encode(b"a secret of thirty-two bytes, ok!").decode()
_KEY = dns.tsigkeyring.from_text({"key.test.": _SECRET})
_CLIENTS = 3
_ROUNDS = 12


class _Client(threading.Thread):
    """Counts up under two names in each message, until it is told to stop.

    ``acknowledged`` is the last number of which the server said that it is done, ``sent`` the last
    one that it may have.
    """

    def __init__(self, number: int, where: tuple[str, int]) -> None:
        super().__init__(daemon=True)
        self.names = f"a{number}", f"b{number}"
        self.acknowledged = self.sent = 0
        self.stopped = threading.Event()
        self._where = where

    def run(self) -> None:
        while not self.stopped.is_set():
            self.sent += 1
            update = dns.update.UpdateMessage(
                "example.test.", keyring=_KEY, keyalgorithm=dns.tsig.HMAC_SHA256
            )
            for name in self.names:
                update.replace(name, 60, "TXT", str(self.sent))
            host, port = self._where
            try:
                reply = dns.query.tcp(update, host, port=port, timeout=5)
            except (OSError, EOFError, dns.exception.DNSException):
                time.sleep(0.02)
                continue
            if reply.rcode() == dns.rcode.NOERROR:
                self.acknowledged = self.sent


@pytest.mark.slow
def test_what_was_acknowledged_is_there_whole_and_serials_never_go_back(tmp_path: Path) -> None:
    seed = random.randrange(2**32)
    dice = random.Random(seed)
    port = free_port()
    settings = (
        SERVER.replace("127.0.0.1:0", f"127.0.0.1:{port}", 1).replace("workers: 2", "workers: 1")
        + f'keys: {{key.test.: {{secret: "{_SECRET}"}}}}\n'
        + "update: {wait: 50ms, zones: {example.test.: [{key: key.test.}]}}\n"
    )
    kept = 0
    with RunningServer(tmp_path, {"geodns.yaml": settings}) as server:
        clients = [_Client(number, server.tcp) for number in range(_CLIENTS)]
        for client in clients:
            client.start()
        serial = 0
        for _ in range(_ROUNDS):
            _wait_for_more(clients, kept)
            time.sleep(dice.uniform(0, 1))  # the moment is what is random here
            floors = [client.acknowledged for client in clients]
            kept = max(floors)
            server.signal(signal.SIGKILL)
            server.wait()
            server.start()
            serial = _check(server, clients, floors, serial, seed)
        for client in clients:
            client.stopped.set()
            client.join(60)
    assert kept > _ROUNDS


def _check(
    server: RunningServer, clients: list[_Client], floors: list[int], serial: int, seed: int
) -> int:
    """What is served right after a start; returns the serial."""
    for client, floor in zip(clients, floors, strict=True):
        if floor:
            first = _number(server, client.names[0])
            second = _number(server, client.names[1])
            # Clients go on meanwhile: the second look may see more, but never less.
            assert floor <= first <= second <= client.sent, seed
    (soa,) = server.answer("example.test", "SOA")
    found = int(soa.split()[2])
    assert found >= serial, seed
    return found


def _number(server: RunningServer, name: str) -> int:
    (text,) = server.answer(f"{name}.example.test", "TXT")
    return int(text.strip('"'))


def _wait_for_more(clients: list[_Client], kept: int) -> None:
    deadline = time.monotonic() + 60
    while not any(client.acknowledged > kept for client in clients):
        assert time.monotonic() < deadline
        time.sleep(0.02)
