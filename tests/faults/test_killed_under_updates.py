"""A whole server killed at random moments under a stream of updates and edits.

That nothing is lost wherever its control process is killed is shown by ``test_killed_anywhere.py``.
"""

from __future__ import annotations

import random
import signal
import threading
import time
from pathlib import Path

import dns.exception
import dns.query
import dns.rcode
import dns.update
import pytest
from copying import Copy
from keys import SECRET, keyring, signing
from running import SERVER, ZONE, RunningServer, free_port
from workers import until

_SETTINGS = f"""\
keys: {{k.test.: {{secret: "{SECRET}"}}}}
transfer: {{allow: [{{key: k.test.}}]}}
update: {{wait: 50ms, zones: {{example.test.: [{{key: k.test.}}]}}}}
"""
_CLIENTS = 3
_ROUNDS = 5


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
            update = dns.update.UpdateMessage("example.test.", **signing("k.test."))
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
    server_settings = SERVER.replace("127.0.0.1:0", f"127.0.0.1:{port}", 1)
    settings = server_settings.replace("workers: 2", "workers: 1") + _SETTINGS
    kept = 0
    secondary = Copy("example.test.", keyring("k.test."))
    with RunningServer(tmp_path, {"geodns.yaml": settings}) as server:
        clients = [_Client(number, server.tcp) for number in range(_CLIENTS)]
        for client in clients:
            client.start()
        serial = 0
        for number in range(_ROUNDS):
            _wait_for_more(clients, kept)
            until(lambda: _follows(secondary, server))
            server.write("zones/example.test.yaml", ZONE.replace("first", f"edit {number}"))
            time.sleep(dice.uniform(0, 0.5))  # the moment is what is random here
            floors = [client.acknowledged for client in clients]
            kept = max(floors)
            server.signal(signal.SIGKILL)
            server.wait()
            server.start()
            # The workers from before answer until those of this process do.
            until(lambda: server.answer("txt.example.test", "TXT") == [f'"edit {number}"'])  # noqa: B023
            serial = _check(server, clients, floors, max(serial, secondary.serial), seed)
        for client in clients:
            client.stopped.set()
            client.join(60)
        # Updates that came into use late are waited for: both copies must be of one version.
        server.skip_events()
        server.signal(signal.SIGHUP)
        server.wait_for("reloaded")
        whole = Copy("example.test.", keyring("k.test."))
        whole.update(server)
        secondary.update(server)
        assert secondary.records == whole.records, seed
    assert kept > _ROUNDS


def _follows(copy: Copy, server: RunningServer) -> bool:
    try:
        copy.update(server)
    except (OSError, EOFError, dns.exception.DNSException):
        return False  # by a worker from before, whose control process is gone
    return True


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
