"""NSD: one server process, static zones only; it has no geographic answers."""

from __future__ import annotations

from pathlib import Path

from benchmarks.programs.program import Program, find, installed_version
from benchmarks.workload import STATIC_ZONE, Workload, master_file


def _prepare(folder: Path, port: int, workload: Workload) -> list[str]:
    static = {name: f"A {address}" for name, address in workload.static.items()}
    (folder / "static.zone").write_text(master_file(STATIC_ZONE, static))
    config = folder / "nsd.conf"
    # Rate limiting is on in some builds, and the load comes from one address.
    config.write_text(f"""
server:
    ip-address: 127.0.0.1@{port}
    server-count: 1
    username: ""
    zonesdir: "{folder}"
    database: ""
    logfile: ""
    pidfile: "{folder}/nsd.pid"
    xfrdfile: "{folder}/xfrd.state"
    xfrdir: "{folder}"
    zonelistfile: "{folder}/zone.list"
    minimal-responses: yes
    rrl-ratelimit: 0
    rrl-whitelist-ratelimit: 0
remote-control:
    control-enable: no
zone:
    name: {STATIC_ZONE}
    zonefile: static.zone
""")
    return [find("nsd") or "nsd", "-d", "-c", str(config)]


NSD = Program("NSD", "", ("plain", "edns"), lambda: installed_version("nsd", "-v"), _prepare)
