"""Primaries of one large zone: how each is configured and started."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from pathlib import Path

from benchmarks.errors import BenchError

ORIGIN = "example.test."
OWN = "this server"
Command = Callable[[Path, int, Path], list[str]]


def _own(folder: Path, port: int, file: Path) -> list[str]:
    zones = folder / "zones"
    zones.mkdir()
    (zones / "example.test.zone").symlink_to(file)
    (folder / "topology.yaml").write_text("regions: {}\n")
    (folder / "services.yaml").write_text("services: {}\n")
    (folder / "geodns.yaml").write_text(f"""\
listen: ["127.0.0.1:{port}"]
workers: 1
topology: topology.yaml
services: services.yaml
zones: zones
state: var
transfer: {{allow: [127.0.0.1/32]}}
update: {{zones: {{{ORIGIN}: [{{network: 127.0.0.1/32}}]}}}}
""")
    program = (sys.executable, "-P", "-c", "from geodns.cli.main import main; main()")
    return [*program, "serve", "-c", str(folder / "geodns.yaml")]


def _nsd(folder: Path, port: int, file: Path) -> list[str]:
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
remote-control:
    control-enable: no
zone:
    name: {ORIGIN}
    zonefile: "{file}"
    provide-xfr: 127.0.0.1 NOKEY
    store-ixfr: yes
    create-ixfr: yes
""")
    return [_program("nsd"), "-d", "-c", str(folder / "nsd.conf")]


def _knot(folder: Path, port: int, file: Path) -> list[str]:
    (folder / "state").mkdir()
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
    any: warning
acl:
  - id: all
    address: 127.0.0.1
    action: transfer
zone:
  - domain: {ORIGIN}
    file: "{file}"
    zonefile-sync: -1
    zonefile-load: difference
    journal-content: changes
    acl: all
""")
    return [_program("knotd"), "-c", str(folder / "knot.conf")]


def _program(name: str) -> str:
    found = shutil.which(name, path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin")
    if found is None:
        raise BenchError(f"{name} is not installed")
    return found


SERVERS: dict[str, Command] = {OWN: _own, "NSD": _nsd, "Knot DNS": _knot}
