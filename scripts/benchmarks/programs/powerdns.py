"""PowerDNS: one receiver thread; the bind backend for static, the geoip backend for geo names."""

from __future__ import annotations

from pathlib import Path

from benchmarks.programs.program import Program, find, installed_version
from benchmarks.workload import DEFAULT, GEO_ZONE, STATIC_ZONE, TTL, Workload, master_file


def _prepare_bind(folder: Path, port: int, workload: Workload) -> list[str]:
    static = {name: f"A {address}" for name, address in workload.static.items()}
    (folder / "static.zone").write_text(master_file(STATIC_ZONE, static))
    zone = STATIC_ZONE.rstrip(".")
    (folder / "named.conf").write_text(
        f'zone "{zone}" {{ type master; file "{folder}/static.zone"; }};\n'
    )
    return _command(folder, port, f"launch=bind\nbind-config={folder}/named.conf\n")


def _prepare_geoip(folder: Path, port: int, workload: Workload) -> list[str]:
    (folder / "zones.yaml").write_text(_zones(workload))
    return _command(
        folder,
        port,
        "launch=geoip\nedns-subnet-processing=yes\n"
        f"geoip-database-files=mmdb:{workload.database}\ngeoip-zones-file={folder}/zones.yaml\n",
    )


def _command(folder: Path, port: int, backend: str) -> list[str]:
    # Caches keep their defaults, as they are in production; no security polling from a benchmark.
    (folder / "pdns.conf").write_text(f"""
local-address=127.0.0.1
local-port={port}
receiver-threads=1
distributor-threads=1
socket-dir={folder}
daemon=no
guardian=no
disable-syslog=yes
security-poll-suffix=
{backend}""")
    return [find("pdns_server") or "pdns_server", f"--config-dir={folder}"]


def _zones(workload: Workload) -> str:
    zone = GEO_ZONE.rstrip(".")
    lines = [
        "domains:",
        f"- domain: {zone}",
        f"  ttl: {TTL}",
        "  records:",
        f"    {zone}:",
        f"      - soa: ns1.{zone} hostmaster.{zone} 1 7200 1800 259200 {TTL}",
        f"      - ns: ns1.{zone}",
        f"    unknown.map.{zone}:",
        f"      - a: {DEFAULT.address}",
    ]
    for country in workload.countries:
        lines.append(f"    {country.code.lower()}.map.{zone}:")
        lines.append(f"      - a: {country.datacenter.address}")
    lines.append("  services:")
    lines.extend(
        f"    {name.rstrip('.')}: ['%cc.map.{zone}', 'unknown.map.{zone}']" for name in workload.geo
    )
    return "\n".join(lines) + "\n"


def _version() -> str | None:
    return installed_version("pdns_server", "--version")


POWERDNS_BIND = Program("PowerDNS", "bind", ("plain", "edns"), _version, _prepare_bind)
POWERDNS_GEOIP = Program("PowerDNS", "geoip", ("geo", "subnet", "many"), _version, _prepare_geoip)
