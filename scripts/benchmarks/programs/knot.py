"""Knot DNS: one UDP worker; mod-geoip with a record for each name and country."""

from __future__ import annotations

from pathlib import Path

from benchmarks.programs.program import Program, find, installed_version
from benchmarks.workload import DEFAULT, GEO_ZONE, STATIC_ZONE, TTL, Workload, master_file


def _prepare(folder: Path, port: int, workload: Workload) -> list[str]:
    static = {name: f"A {address}" for name, address in workload.static.items()}
    geo = dict.fromkeys(workload.geo, f"A {DEFAULT.address}")
    (folder / "static.zone").write_text(master_file(STATIC_ZONE, static))
    (folder / "geo.zone").write_text(master_file(GEO_ZONE, geo))
    (folder / "geoip.conf").write_text(_geo_records(workload))
    config = folder / "knot.conf"
    config.write_text(f"""
server:
    rundir: "{folder}"
    listen: 127.0.0.1@{port}
    udp-workers: 1
    tcp-workers: 1
    background-workers: 1
    edns-client-subnet: on
database:
    storage: "{folder}/state"
log:
  - target: stderr
    any: warning
mod-geoip:
  - id: countries
    config-file: "{folder}/geoip.conf"
    ttl: {TTL}
    mode: geodb
    geodb-file: "{workload.database}"
    geodb-key: [ country/iso_code ]
template:
  - id: default
    storage: "{folder}"
    zonefile-sync: -1
    journal-content: none
zone:
  - domain: {STATIC_ZONE}
    file: static.zone
  - domain: {GEO_ZONE}
    file: geo.zone
    module: mod-geoip/countries
""")
    return [find("knotd") or "knotd", "-c", str(config)]


def _geo_records(workload: Workload) -> str:
    by_country = "".join(
        f'  - geo: "{country.code}"\n    A: {country.datacenter.address}\n'
        for country in workload.countries
    )
    return "".join(f"{name}:\n{by_country}" for name in workload.geo)


KNOT = Program(
    "Knot DNS",
    "",
    ("plain", "edns", "geo", "subnet", "many"),
    lambda: installed_version("knotd", "--version"),
    _prepare,
)
