"""NSD, Knot DNS and BIND as secondaries follow edits by IXFR, and end up with the same zone."""

from __future__ import annotations

import random
import signal
from collections.abc import Callable
from pathlib import Path

import dns.exception
import dns.message
import dns.name
import dns.query
import dns.rdatatype
import dns.tsig
import dns.xfr
import dns.zone
import pytest
from benchmarks.processes import free_port, running
from programs import program
from running import SERVER, ZONE, RunningServer
from workers import until

_SECRET = "MTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTI="
_SETTINGS = """\
keys:
  k.test.: {{secret: "{secret}"}}
transfer:
  allow: [{{key: k.test.}}]
  notify: [{{address: 127.0.0.1, port: {port}, key: k.test.}}]
"""
_ZONE_NAME = "example.test"
_EDITS = 8


def _nsd(folder: Path, port: int, primary: int) -> list[str]:
    (folder / "nsd.conf").write_text(f"""
server:
    ip-address: 127.0.0.1@{port}
    server-count: 1
    username: ""
    chroot: ""
    zonesdir: "{folder}"
    database: ""
    logfile: ""
    pidfile: "{folder}/nsd.pid"
    xfrdfile: "{folder}/xfrd.state"
    xfrdir: "{folder}"
    zonelistfile: "{folder}/zone.list"
    xfrd-reload-timeout: 0
remote-control:
    control-enable: no
key:
    name: k.test
    algorithm: hmac-sha256
    secret: "{_SECRET}"
zone:
    name: {_ZONE_NAME}
    zonefile: "{folder}/copied.zone"
    request-xfr: 127.0.0.1@{primary} k.test
    allow-notify: 127.0.0.1 k.test
    provide-xfr: 127.0.0.1 NOKEY
""")
    return [str(program("nsd")), "-d", "-c", str(folder / "nsd.conf")]


def _knot(folder: Path, port: int, primary: int) -> list[str]:
    (folder / "knot.conf").write_text(f"""
server:
    rundir: "{folder}"
    listen: 127.0.0.1@{port}
    udp-workers: 1
    tcp-workers: 1
    background-workers: 1
database:
    storage: "{folder}/state"
log:
  - target: stderr
    any: info
key:
  - id: k.test
    algorithm: hmac-sha256
    secret: {_SECRET}
remote:
  - id: primary
    address: 127.0.0.1@{primary}
    key: k.test
acl:
  - id: from_primary
    address: 127.0.0.1
    key: k.test
    action: notify
  - id: to_test
    address: 127.0.0.1
    action: transfer
zone:
  - domain: {_ZONE_NAME}
    storage: "{folder}"
    master: primary
    acl: [from_primary, to_test]
""")
    return [str(program("knotd")), "-c", str(folder / "knot.conf")]


def _bind(folder: Path, port: int, primary: int) -> list[str]:
    (folder / "named.conf").write_text(f"""
controls {{ }};
key k.test {{ algorithm hmac-sha256; secret "{_SECRET}"; }};
options {{
    directory "{folder}";
    pid-file none;
    session-keyfile none;
    listen-on port {port} {{ 127.0.0.1; }};
    listen-on-v6 {{ none; }};
    recursion no;
    dnssec-validation no;
    empty-zones-enable no;
    notify no;
    allow-transfer {{ 127.0.0.1; }};
}};
zone "{_ZONE_NAME}" {{
    type secondary;
    file "{folder}/copied.zone";
    primaries {{ 127.0.0.1 port {primary} key k.test; }};
    allow-notify {{ key k.test; }};
}};
""")
    return [str(program("named")), "-g", "-n", "1", "-c", str(folder / "named.conf")]


@pytest.mark.parametrize("command", [_nsd, _knot, _bind], ids=["NSD", "Knot DNS", "BIND"])
def test_secondaries_follow_edits_by_ixfr(
    tmp_path: Path, command: Callable[[Path, int, int], list[str]]
) -> None:
    chance = random.Random(7)
    port = free_port()
    there = tmp_path / "secondary"
    there.mkdir()
    (there / "state").mkdir()
    settings = SERVER + _SETTINGS.format(secret=_SECRET, port=port)
    with RunningServer(tmp_path / "primary", {"geodns.yaml": settings}) as server:
        own = server.tcp[1]
        with running(command(there, port, own), there, None) as secondary:
            until(lambda: _serial(port) == _serial(own))
            for _ in range(_EDITS):
                server.write("zones/example.test.yaml", _edited(chance))
                server.skip_events()
                server.signal(signal.SIGHUP)
                server.wait_for("reloaded")
                until(lambda: _serial(port) == _serial(own))
                assert _copied(port) == _served(server)
            assert secondary.alive(), secondary.last_words()
        outcomes = [event["outcome"] for event in server.events("zone transfer")]
        # The secondaries took the first one whole, and by differences each that came later.
        assert sum(" from " in outcome for outcome in outcomes) >= _EDITS


def _edited(chance: random.Random) -> str:
    """Never twice the same: names that come, go and change, and one tied to a service."""
    lines = [ZONE, f"edit: {{type: TXT, value: r{chance.getrandbits(60)}}}\n"]
    for label in chance.sample("abcdefgh", k=chance.randrange(1, 8)):
        if chance.random() < 0.2:
            lines.append(f"{label}: {{type: CNAME, ttl: 60, value: txt.example.test.}}\n")
            continue
        addresses = ", ".join(f"192.0.2.{n}" for n in chance.sample(range(1, 6), k=2))
        ttl = chance.choice((60, 300))
        lines.append(f"{label}: {{type: A, ttl: {ttl}, values: [{addresses}]}}\n")
    return "".join(lines)


def _serial(port: int) -> int | None:
    query = dns.message.make_query(_ZONE_NAME, "SOA")
    try:
        reply = dns.query.udp(query, "127.0.0.1", port=port, timeout=1.0)
    except (OSError, dns.exception.Timeout):
        return None
    return int(reply.answer[0][0].serial) if reply.answer else None


def _copied(port: int) -> list[str]:
    zone = dns.zone.Zone(_ZONE_NAME)
    dns.query.inbound_xfr("127.0.0.1", zone, port=port, timeout=60)
    return _texts(zone)


def _served(server: RunningServer) -> list[str]:
    return _texts(_whole(server))


def _whole(server: RunningServer) -> dns.zone.Zone:
    zone = dns.zone.Zone(_ZONE_NAME)
    key = dns.name.from_text("k.test.")
    keyring = {key: dns.tsig.Key(key, _SECRET, "hmac-sha256")}
    query, _ = dns.xfr.make_query(zone, keyring=keyring)
    dns.query.inbound_xfr(server.tcp[0], zone, query, port=server.tcp[1], timeout=60)
    return zone


def _texts(zone: dns.zone.Zone) -> list[str]:
    return sorted(
        f"{name} {ttl} {dns.rdatatype.to_text(rdata.rdtype)} {rdata.to_text()}"
        for name, ttl, rdata in zone.iterate_rdatas()
    )
