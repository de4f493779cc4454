"""Random UPDATE messages to BIND and to us: the same rcodes, and in the end the same zone."""

from __future__ import annotations

import random
import socket
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dns.query
import dns.rdatatype
import dns.zone
import pytest
from dns.rcode import Rcode
from programs import program
from running import free_port
from updates import ORIGIN, Line, MemoryZone, message

from geodns.replication.update import UpdateError, changes_of
from geodns.replication.update_message import read_update

pytestmark = pytest.mark.interop
_MESSAGES = 1000
_ZONE = [
    Line("@", "IN", "SOA", "ns1 admin 10 3600 600 86400 300", 300),
    Line("@", "IN", "NS", "ns1.other.test.", 300),
    Line("ns1", "IN", "A", "192.0.2.1", 300),
    Line("a", "IN", "A", "192.0.2.1", 300),
    Line("b.a", "IN", "TXT", "x", 300),
    Line("c", "IN", "CNAME", "a", 300),
]
_DATA = {
    "A": ("192.0.2.1", "192.0.2.2", "192.0.2.3"),
    "TXT": ("x", "y"),
    "NS": ("ns1.other.test.", "ns2.other.test."),
    "CNAME": ("a", "c"),
    "MX": ("10 a", "10 A", "20 c"),
}
_OWNERS = ("@", "ns1", "a", "b.a", "c", "d", "e.d")
_CONFIGURATION = """\
options {{ directory "{folder}"; listen-on port {port} {{ 127.0.0.1; }}; listen-on-v6 {{ none; }};
  pid-file none; session-keyfile "{folder}/session.key"; recursion no; dnssec-validation no;
  notify no; }};
controls {{ }};
zone "example.test" {{ type primary; file "zone"; allow-update {{ any; }}; check-integrity no;
  check-mx ignore; check-mx-cname ignore; allow-transfer {{ any; }}; }};
"""


@contextmanager
def _bind(folder: Path) -> Iterator[int]:
    port = free_port()
    (folder / "named.conf").write_text(_CONFIGURATION.format(folder=folder, port=port))
    (folder / "zone").write_text(
        "$ORIGIN example.test.\n"
        + "".join(f"{line.owner} {line.ttl} {line.rdtype} {line.text}\n" for line in _ZONE)
    )
    command = [str(program("named")), "-g", "-n", "1", "-c", str(folder / "named.conf")]
    with (folder / "log").open("wb") as log, subprocess.Popen(command, stderr=log) as process:
        try:
            deadline = time.monotonic() + 60
            while b" running\n" not in (folder / "log").read_bytes():
                assert process.poll() is None, (folder / "log").read_text()
                assert time.monotonic() < deadline
                time.sleep(0.02)
            yield port
        finally:
            process.terminate()


def _prerequisite(dice: random.Random) -> Line:
    owner, rdtype = dice.choice(_OWNERS), dice.choice(tuple(_DATA))
    rdclass = dice.choice(("ANY", "NONE", "IN"))
    if rdclass == "IN":
        return Line(owner, "IN", rdtype, dice.choice(_DATA[rdtype]))
    return Line(owner, rdclass, dice.choice((rdtype, "ANY")), ttl=dice.random() < 0.02)


def _once(lines: list[Line]) -> list[Line]:
    """Without those that say the same in other letters: BIND takes these for two records.

    RFC 2181 5: two that are the same are one in a set.
    """
    return list({(*line[:3], str(line.text).lower(), line.ttl): line for line in lines}.values())


def _change(dice: random.Random, faults: bool) -> Line:
    owner, rdtype = dice.choice(_OWNERS), dice.choice(tuple(_DATA))
    if faults and dice.random() < 0.05:
        return dice.choice(
            (
                Line("other.test.", "IN", "A", "192.0.2.1", 5),
                Line(owner, "ANY", "AXFR"),
                Line(owner, "CH", "TXT", "x", 5),
                Line(owner, "NONE", "TXT", "x", 5),
            )
        )
    rdclass = dice.choice(("ANY", "NONE", "IN", "IN", "IN"))
    if rdclass == "ANY":
        return Line(owner, "ANY", dice.choice((rdtype, rdtype, "ANY", "SOA")))
    ttl = dice.choice((60, 300)) if rdclass == "IN" else 0
    return Line(owner, rdclass, rdtype, dice.choice(_DATA[rdtype]), ttl)


def _ours(zone: MemoryZone, packet: bytes) -> Rcode:
    try:
        zone.take(changes_of(read_update(packet), zone, lambda *_: True))
    except UpdateError as error:
        return error.rcode
    return Rcode.NOERROR


def _theirs(stream: socket.socket, packet: bytes) -> Rcode:
    stream.sendall(len(packet).to_bytes(2, "big") + packet)
    reply = b""
    while len(reply) < 2 or len(reply) < 2 + int.from_bytes(reply[:2], "big"):
        received = stream.recv(65_537)
        assert received, "the connection was closed"
        reply += received
    assert reply[2:4] == packet[:2]
    return Rcode.make(reply[5] & 15)


def _lines(zone: dns.zone.Zone) -> set[str]:
    return {
        f"{owner} {ttl} {rdata.rdtype.name} {rdata.to_text().lower()}"
        for owner, ttl, rdata in zone.iterate_rdatas()
        if rdata.rdtype != dns.rdatatype.SOA
    }


def test_random_messages_have_the_same_rcode_and_make_the_same_zone(tmp_path: Path) -> None:
    seed = random.randrange(2**32)
    dice = random.Random(seed)
    zone = MemoryZone(_ZONE)
    counts: Counter[str] = Counter()
    with _bind(tmp_path) as port, socket.create_connection(("127.0.0.1", port), 60) as stream:
        for number in range(_MESSAGES):
            prerequisites = [_prerequisite(dice) for _ in range(dice.choice((0, 0, 1, 2)))]
            # BIND looks at the changes first, RFC 2136 3 at the prerequisites.
            changes = [_change(dice, not prerequisites) for _ in range(dice.randint(0, 4))]
            packet = message(prerequisites, changes, number)
            ours, theirs = _ours(zone, packet), _theirs(stream, packet)
            counts[ours.name] += 1
            assert ours == theirs, (seed, prerequisites, changes)
        copied = dns.zone.Zone(ORIGIN, relativize=False)
        dns.query.inbound_xfr("127.0.0.1", copied, port=port, timeout=60)
    assert zone.lines() == _lines(copied), seed
    assert counts.keys() >= {"NOERROR", "YXDOMAIN", "YXRRSET", "NXRRSET", "NXDOMAIN", "FORMERR"}
