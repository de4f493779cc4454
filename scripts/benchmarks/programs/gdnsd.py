"""gdnsd: one UDP thread; a map by continent and country in its geoip plugin."""

from __future__ import annotations

from itertools import groupby
from pathlib import Path

from benchmarks.programs.program import Program, find, installed_version
from benchmarks.workload import (
    DATACENTERS,
    DEFAULT,
    GEO_ZONE,
    STATIC_ZONE,
    Country,
    Workload,
    master_file,
)


def _prepare(folder: Path, port: int, workload: Workload) -> list[str]:
    for name in ("run", "state", "zones"):
        (folder / name).mkdir()
    static = {name: f"A {address}" for name, address in workload.static.items()}
    geo = dict.fromkeys(workload.geo, "DYNA geoip!web")
    (folder / "zones" / STATIC_ZONE.rstrip(".")).write_text(master_file(STATIC_ZONE, static))
    (folder / "zones" / GEO_ZONE.rstrip(".")).write_text(master_file(GEO_ZONE, geo))
    (folder / "config").write_text(_config(folder, port, workload))
    return [find("gdnsd") or "gdnsd", "-c", str(folder), "start"]


def _config(folder: Path, port: int, workload: Workload) -> str:
    names = ", ".join(datacenter.name for datacenter in DATACENTERS)
    addresses = ", ".join(f"{dc.name} => {dc.address}" for dc in DATACENTERS)
    return f"""
options => {{
  listen => 127.0.0.1:{port}
  udp_threads => 1
  tcp_threads => 1
  run_dir => {folder}/run
  state_dir => {folder}/state
}}
plugins => {{ geoip => {{
  maps => {{ countries => {{
    geoip2_db => {workload.database}
    datacenters => [{names}]
    map => {{ default => [{DEFAULT.name}], {_map(workload.countries)} }}
  }} }}
  resources => {{ web => {{ map => countries, service_types => up, dcmap => {{ {addresses} }} }} }}
}} }}
"""


def _map(countries: tuple[Country, ...]) -> str:
    def continent(country: Country) -> str:
        return country.continent

    parts = []
    for code, members in groupby(sorted(countries, key=continent), key=continent):
        inner = ", ".join(f'"{country.code}" => [{country.datacenter.name}]' for country in members)
        parts.append(f"{code} => {{ default => [{DEFAULT.name}], {inner} }}")
    return ", ".join(parts)


GDNSD = Program(
    "gdnsd",
    "",
    ("plain", "edns", "geo", "subnet", "many"),
    lambda: installed_version("gdnsd", "-?"),
    _prepare,
)
