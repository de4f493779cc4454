"""Changed UPDATE, NOTIFY, AXFR, IXFR and signed packets at a running server, and floods of them."""

from __future__ import annotations

import os
import random
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dns.message
import dns.name
import dns.opcode
import dns.tsig
import dns.update
import dns.xfr
import dns.zone
import pytest
from keys import SECRET
from running import SERVER, RunningServer
from workers import PATIENCE, until

pytestmark = pytest.mark.slow
_SETTINGS = f"""\
keys:
  k.test.: {{secret: "{SECRET}"}}
  long.test.: {{algorithm: hmac-sha512, secret: "{SECRET}"}}
transfer: {{allow: [{{key: k.test.}}]}}
"""
_PACKETS = 20_000
_BATCH = 50  # under way at a time: what waits for control is below its limit, nothing is dropped
_QR = 0x80
_FILES_OF_A_START = 8  # opened in the first moments after a start, whatever is asked


def _signed(
    message: dns.message.Message, key: str = "k.test.", algorithm: str = "hmac-sha256"
) -> bytes:
    name = dns.name.from_text(key)
    message.use_tsig({name: dns.tsig.Key(name, SECRET, algorithm)})
    return message.to_wire()


def _seeds() -> list[bytes]:
    """Good packets of each kind that is handed over, signed and not."""
    seeds: list[bytes] = []
    for key in ("k.test.", "long.test.", "other.test."):
        algorithm = "hmac-sha512" if key == "long.test." else "hmac-sha256"
        notify: Any = dns.message.make_query("example.test", "SOA")
        notify.set_opcode(dns.opcode.NOTIFY)
        update = dns.update.UpdateMessage("example.test")
        update.present("www")
        update.add("new", 60, "A", "192.0.2.9")
        update.delete("old", "TXT")
        ixfr, _ = dns.xfr.make_query(dns.zone.Zone("example.test"), serial=5)
        axfr, _ = dns.xfr.make_query(dns.zone.Zone("example.test"))
        made = [notify, update, ixfr, axfr]
        made += [
            dns.message.make_query(name, type, use_edns=edns)
            for name, type in (("www.example.test", "A"), ("example.test", "SOA"), (".", "NS"))
            for edns in (-1, 0)
        ]
        seeds += [message.to_wire() for message in made]
        seeds += [_signed(message, key, algorithm) for message in made]
    return seeds


def _mutated(rng: random.Random, seeds: list[bytes]) -> bytes:
    packet = bytearray(rng.choice(seeds))
    for _ in range(rng.choice((0, 1, 1, 2, 4, 10))):
        at = rng.randrange(2, len(packet)) if len(packet) > 2 else 0
        match rng.randrange(5):
            case 0:
                packet[at:] = packet[at + 1 :]
            case 1:
                packet[at : at + 1] = bytes((rng.randrange(256),))
            case 2:
                packet[at:at] = rng.randbytes(rng.randrange(1, 20))
            case 3:
                other = rng.choice(seeds)
                packet[at:] = other[min(at, len(other) - 1) :]
            case _:
                del packet[at:]
        if len(packet) < 3:
            break
    return bytes(packet)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RunningServer]:
    """At the end it answers as before, has no more files open, and has reported no fault."""
    files = {"geodns.yaml": SERVER.replace("workers: 2", "workers: 1") + _SETTINGS}
    with RunningServer(tmp_path, files) as running:
        (worker,) = running.workers()
        until(lambda: _ask_signed(running))
        before = {pid: _open_files(pid) for pid in (running.pid, worker)}
        yield running
        until(lambda: _ask_signed(running))
        assert running.answer("txt.example.test", "TXT") == ['"first"']
        assert running.workers() == [worker]
        for pid, count in before.items():
            assert _open_files(pid) <= count + _FILES_OF_A_START
            assert _megabytes(pid) < 300
        log = running.log.read_text()
        assert "please report" not in log
        assert "Traceback" not in log
        assert all(line.startswith("{") for line in log.splitlines())


def _open_files(pid: int) -> int:
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


def _megabytes(pid: int) -> int:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") >> 20


def _last() -> bytes:
    """A signed query, whose reply comes from control when it has begun with all before it."""
    query = dns.message.make_query("txt.example.test", "TXT")
    query.id = 0xFFFF
    return _signed(query)


def _ask_signed(server: RunningServer) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(1)
        client.connect(server.udp)
        client.send(_last())
        try:
            return bool(client.recv(65535))
        except TimeoutError:  # dropped: too much waits before it
            return False


def test_mutated_datagrams_have_a_good_reply_or_none(server: RunningServer) -> None:
    rng, seeds = random.Random(6), _seeds()
    replied = 0
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(PATIENCE)
        client.connect(server.udp)
        sent: dict[bytes, bytes] = {}
        for batch in range(_PACKETS // _BATCH):
            for number in range(batch * _BATCH, (batch + 1) * _BATCH):
                packet = number.to_bytes(2, "big") + _mutated(rng, seeds)[2:]
                sent[packet[:2]] = packet
                client.send(packet)
            client.send(_last())
            while (reply := client.recv(65535))[:2] != b"\xff\xff":
                replied += 1
                assert not sent[reply[:2]][2] & _QR
                assert reply[2] & _QR
                assert len(reply) <= 1232
                dns.message.from_wire(reply, keyring=False)
    assert replied > _PACKETS / 2


def test_mutated_messages_on_connections_have_good_replies_or_end_them(
    server: RunningServer,
) -> None:
    rng, seeds = random.Random(7), _seeds()
    for _ in range(300):
        with socket.create_connection(server.tcp, PATIENCE) as client:
            data = b""
            for _ in range(rng.randrange(1, 8)):
                packet = _mutated(rng, seeds)
                data += len(packet).to_bytes(2, "big") + packet
            client.sendall(data)
            client.shutdown(socket.SHUT_WR)
            if rng.random() < 0.2:
                continue  # who leaves without reading
            received = b""
            try:
                while some := client.recv(65536):
                    received += some
            except ConnectionResetError:
                continue
            while received:
                length = int.from_bytes(received[:2], "big")
                message, received = received[2 : 2 + length], received[2 + length :]
                assert len(message) == length
                assert message[2] & _QR
                dns.message.from_wire(message, keyring=False)


def test_a_flood_of_them_holds_up_no_answers_and_what_is_too_much_is_dropped(
    server: RunningServer,
) -> None:
    seeds = _seeds()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.connect(server.udp)
        for round in range(40):
            for number in range(500):
                client.send(seeds[number % len(seeds)])
            assert server.answer("txt.example.test", "TXT") == ['"first"'], round
