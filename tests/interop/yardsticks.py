"""NSD, Knot DNS and BIND on loopback, serving the same master files as the server under test."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import dns.exception
import dns.message
import dns.query
from benchmarks.processes import free_port, running
from programs import program
from workers import until

Address = tuple[str, int]


def _nsd(folder: Path, port: int, zones: Mapping[str, Path]) -> list[str]:
    text = f"""
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
    minimal-responses: yes
    ipv4-edns-size: 1232
    rrl-ratelimit: 0
    rrl-whitelist-ratelimit: 0
remote-control:
    control-enable: no
"""
    for zone, file in zones.items():
        text += f'zone:\n    name: {zone}\n    zonefile: "{file}"\n'
    (folder / "nsd.conf").write_text(text)
    return [str(program("nsd")), "-d", "-c", str(folder / "nsd.conf")]


def _knot(folder: Path, port: int, zones: Mapping[str, Path]) -> list[str]:
    text = f"""
server:
    rundir: "{folder}"
    listen: 127.0.0.1@{port}
    udp-workers: 1
    tcp-workers: 1
    background-workers: 1
    udp-max-payload: 1232
database:
    storage: "{folder}/state"
log:
  - target: stderr
    any: warning
template:
  - id: default
    storage: "{folder}"
    zonefile-sync: -1
    journal-content: none
zone:
"""
    for zone, file in zones.items():
        text += f'  - domain: {zone}\n    file: "{file}"\n'
    (folder / "knot.conf").write_text(text)
    return [str(program("knotd")), "-c", str(folder / "knot.conf")]


def _bind(folder: Path, port: int, zones: Mapping[str, Path]) -> list[str]:
    text = f"""
controls {{ }};
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
    zero-no-soa-ttl no;
    minimal-any yes;
    minimal-responses no-auth;
    max-udp-size 1232;
    edns-udp-size 1232;
    check-names primary ignore;
    check-integrity no;
    max-records-per-type 0;
    max-types-per-name 0;
    rrset-order {{ order none; }};
}};
"""
    for zone, file in zones.items():
        text += f'zone "{zone}" {{ type primary; file "{file}"; }};\n'
    (folder / "named.conf").write_text(text)
    # -g: in the foreground, its log on standard error; -n 1: one thread is enough here
    return [str(program("named")), "-g", "-n", "1", "-c", str(folder / "named.conf")]


_COMMANDS: dict[str, Callable[[Path, int, Mapping[str, Path]], list[str]]] = {
    "NSD": _nsd,
    "Knot DNS": _knot,
    "BIND": _bind,
}
NAMES = tuple(_COMMANDS)


@contextmanager
def yardstick(name: str, folder: Path, zones: Mapping[str, Path]) -> Iterator[Address]:
    """One of NAMES with master files by zone, for as long as the block lasts: its address.

    Skips the test where it is not installed.
    """
    port = free_port()
    command = _COMMANDS[name](folder, port, zones)
    with running(command, folder, None) as server:
        query = dns.message.make_query(next(iter(zones)), "SOA")

        def answers() -> bool:
            assert server.alive(), server.last_words()
            try:
                reply = dns.query.udp(query, "127.0.0.1", port=port, timeout=1.0)
            except (OSError, dns.exception.Timeout):
                return False
            return bool(reply.answer)

        until(answers)
        yield "127.0.0.1", port
