"""A zone of a million records: loading it, copying it, and copying one change of it."""

from __future__ import annotations

import os
import re
import signal
import socket
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import dns.exception
import dns.message
import dns.query
import dns.rcode
import dns.rrset
import dns.update

from benchmarks.errors import BenchError
from benchmarks.processes import Server, free_port, running
from benchmarks.zone_servers import ORIGIN, OWN, SERVERS, Command

RECORDS = 1_000_000
_FIRST_SERIAL, _SECOND_SERIAL = 10, 11
_FEW = 3  # SOA, NS and its address
_UPDATES = 5
_OF_A_CHANGE = 5  # RFC 1995 4: new SOA, old SOA, new SOA, the added record, new SOA
_PATIENCE = 900.0
_ATTEMPT = 0.1  # seconds; so much is the error of what is timed
_PSS = re.compile(r"^Pss:\s+(\d+) kB", re.MULTILINE)


class Figures(NamedTuple):
    """One server: seconds, but ``memory`` in bytes; ``changed`` is from the signal to reload until
    the change is answered, ``updated`` from a dynamic update until it is acknowledged; None: it was
    not asked. ``difference`` None: it sends the whole zone.
    """

    server: str
    load: float
    memory: int
    whole: float
    changed: float
    difference: float | None
    updated: float | None = None


def measure(progress: Callable[[str], None], records: int = RECORDS) -> list[Figures]:
    """Each server that is installed, one after the other. Raises BenchError."""
    found = []
    for name, command in SERVERS.items():
        progress(f"{name}: {records:,} records")
        with tempfile.TemporaryDirectory() as folder:
            try:
                found.append(_measure(name, command, Path(folder), records))
            except BenchError as error:
                if name == OWN:
                    raise
                progress(f"{name} is left out: {error}")
    return found


def _measure(name: str, command: Command, folder: Path, records: int) -> Figures:
    file, port = folder / "example.test.zone.txt", free_port()
    _write(file, records, _FIRST_SERIAL)
    begun = time.monotonic()
    with running(command(folder, port, file), folder, None) as server:
        _wait(server, port, _FIRST_SERIAL)
        load = time.monotonic() - begun
        memory = _memory(server)
        whole, count = _transfer(port, "AXFR", records + _FEW + 1)
        if count != records + _FEW + 1:
            raise BenchError(f"{name} sent {count} records of {records + _FEW + 1}")
        _write(file, records, _SECOND_SERIAL, "added A 192.0.2.1\n")
        begun = time.monotonic()
        os.kill(server.pid, signal.SIGHUP)
        _wait(server, port, _SECOND_SERIAL)
        changed = time.monotonic() - begun
        difference, count = _transfer(port, "IXFR", _OF_A_CHANGE)
        updated = min(_update(port, n) for n in range(_UPDATES)) if name == OWN else None
    known = difference if count == _OF_A_CHANGE else None
    return Figures(name, load, memory, whole, changed, known, updated)


def _update(port: int, number: int) -> float:
    """Seconds until an update is acknowledged, which it is when it is answered."""
    update = dns.update.UpdateMessage(ORIGIN)
    update.add(f"update{number}", 60, "TXT", "new")
    begun = time.monotonic()
    reply = dns.query.tcp(update, "127.0.0.1", port=port, timeout=_PATIENCE)
    seconds = time.monotonic() - begun
    if reply.rcode() != dns.rcode.NOERROR:
        raise BenchError(f"an update was answered {dns.rcode.to_text(reply.rcode())}")
    return seconds


def _write(file: Path, records: int, serial: int, more: str = "") -> None:
    fresh = file.with_suffix(".new")
    with fresh.open("w", encoding="ascii") as stream:
        stream.write(f"$ORIGIN {ORIGIN}\n$TTL 3600\n@ SOA ns1 h {serial} 3600 600 86400 300\n")
        stream.write("@ NS ns1\nns1 A 127.0.0.1\n")
        stream.writelines(
            f"h{n} A 10.{n >> 16 & 255}.{n >> 8 & 255}.{n & 255}\n" for n in range(records)
        )
        stream.write(more)
    fresh.replace(file)


def _wait(server: Server, port: int, serial: int) -> None:
    deadline = time.monotonic() + _PATIENCE
    query = dns.message.make_query(ORIGIN, "SOA")
    while time.monotonic() < deadline:
        if not server.alive():
            raise BenchError(f"it ended: {server.last_words()}")
        try:
            reply = dns.query.udp(query, "127.0.0.1", port=port, timeout=_ATTEMPT)
        except (OSError, dns.exception.Timeout):
            reply = None
        if reply is not None and reply.answer and reply.answer[0][0].serial == serial:
            return
        time.sleep(0.02)
    raise BenchError(f"serial {serial} is not there after {_PATIENCE:g} s: {server.last_words()}")


def _memory(server: Server) -> int:
    """Bytes of all processes; what they share counts once (proc_pid_smaps(5))."""
    total = 0
    for pid in server.cpu_seconds():
        found = _PSS.search(Path(f"/proc/{pid}/smaps_rollup").read_text())
        total += int(found[1]) * 1024 if found else 0
    return total


def _transfer(port: int, type: str, wanted: int) -> tuple[float, int]:
    """Seconds until as many records have come as are wanted, and how many came by then."""
    query = dns.message.make_query(ORIGIN, type)
    if type == "IXFR":
        held = f"ns1.{ORIGIN} h.{ORIGIN} {_FIRST_SERIAL} 3600 600 86400 300"
        query.authority.append(dns.rrset.from_text(ORIGIN, 3600, "IN", "SOA", held))
    wire, count = query.to_wire(), 0
    begun = time.monotonic()
    with socket.create_connection(("127.0.0.1", port), _PATIENCE) as client:
        client.sendall(len(wire).to_bytes(2, "big") + wire)
        with client.makefile("rb") as stream:
            while count < wanted:
                length = int.from_bytes(stream.read(2), "big")
                message = stream.read(length)
                if len(message) < 12 or message[3] & 15:
                    raise BenchError(f"a transfer was refused or broken off after {count} records")
                count += int.from_bytes(message[6:8], "big")
    return time.monotonic() - begun, count
