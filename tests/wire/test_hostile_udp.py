"""Hostile datagrams at a real worker: valid replies or silence, and nothing else happens."""

from __future__ import annotations

import itertools
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import dns.message
import pytest
from building import image, query
from mutations import packets
from oracle import check_reply, limit_of
from workers import PATIENCE, RunningWorker

from geodns.answer.image import Image

pytestmark = pytest.mark.slow
_BATCH = 60  # datagrams under way at a time: what they need fits any kernel's receive buffer


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Image:
    return image(tmp_path_factory.mktemp("hostile-udp"))


@pytest.fixture
def worker(
    tmp_path: Path, made: Image, capfd: pytest.CaptureFixture[str]
) -> Iterator[RunningWorker]:
    # capfd first: the worker writes where file descriptor 2 leads.
    with RunningWorker(tmp_path, made) as running:
        yield running


@pytest.fixture
def client(worker: RunningWorker) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as made_socket:
        made_socket.settimeout(PATIENCE)
        made_socket.connect(worker.address)
        yield made_socket


def _exchange(client: socket.socket, batch: list[bytes]) -> int:
    """Sends packets and a good query behind them; checks all replies, returns how many came."""
    sent = {}
    for number, packet in enumerate(batch):
        packet = number.to_bytes(2, "big") + packet[2:]
        sent[packet[:2]] = packet
        client.send(packet)
    last = b"\xff\xff" + query("ns1.example.test")[2:]
    client.send(last)
    count = 0
    while (reply := client.recv(65535))[:2] != last[:2]:
        # One thread answers one socket, in order: what has no reply by now gets none.
        packet = sent.pop(reply[:2])
        check_reply(packet, reply, limit_of(packet))
        assert not dns.message.from_wire(reply).errors
        count += 1
    assert dns.message.from_wire(reply).answer
    return count


@pytest.mark.parametrize("seed", range(3))
def test_random_and_mutated_datagrams(
    worker: RunningWorker, client: socket.socket, capfd: pytest.CaptureFixture[str], seed: int
) -> None:
    pid = worker.handle.pid
    asking = threading.Event()
    failures: list[BaseException] = []

    def ask_statistics() -> None:
        # Counts are read by another thread of the worker while they grow.
        try:
            while not asking.wait(0.02):
                worker.statistics()
        except BaseException as error:
            failures.append(error)
            raise

    asker = threading.Thread(target=ask_statistics)
    asker.start()
    try:
        replied = sent = 0
        stream = packets(seed, 15_000)
        while batch := list(itertools.islice(stream, _BATCH)):
            replied += _exchange(client, batch)
            sent += len(batch)
    finally:
        asking.set()
        asker.join()
    assert failures == []
    assert sent / 3 < replied < sent
    assert worker.handle.pid == pid
    statistics = worker.statistics()
    assert statistics.dropped.keys() <= {"short", "reply"}
    assert capfd.readouterr().err.splitlines() == []


def test_a_reply_never_gets_a_reply(worker: RunningWorker, client: socket.socket) -> None:
    for packet in packets(7, 500):
        if len(packet) > 2:
            client.send(packet[:2] + bytes((packet[2] | 0x80,)) + packet[3:])
    client.send(b"\xff\xff" + query("ns1.example.test")[2:])
    assert client.recv(4096)[:2] == b"\xff\xff"


def test_floods_of_new_names_types_and_options_leave_good_answers_fast_and_right(
    worker: RunningWorker, client: socket.socket, capfd: pytest.CaptureFixture[str]
) -> None:
    for start in range(0, 12_000, _BATCH):
        _exchange(
            client,
            [
                query(
                    f"n{number}.{('apps', 'nothing', 'wild', 'old')[number % 4]}.example.test",
                    f"TYPE{1000 + number}" if number % 8 == 0 else "A",
                    subnet=f"20.{number >> 8}.{number & 255}.0/24" if number % 3 else None,
                    payload=512 + number % 3000,
                )
                for number in range(start, start + _BATCH)
            ],
        )
    client.send(query("www.example.test", subnet="30.0.0.0/24"))
    assert str(dns.message.from_wire(client.recv(4096)).answer[0][0]) == "192.0.2.21"
    assert capfd.readouterr().err.splitlines() == []
