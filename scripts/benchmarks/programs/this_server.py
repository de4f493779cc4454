"""This server: one worker; a latency table that prefers the same datacenters as the peers' maps."""

from __future__ import annotations

import subprocess
import sys
from importlib import metadata
from pathlib import Path

from benchmarks.programs.program import Program, find
from benchmarks.workload import (
    DATACENTERS,
    DEFAULT,
    GEO_ZONE,
    STATIC_ZONE,
    Datacenter,
    Workload,
    master_file,
)


def _prepare(folder: Path, port: int, workload: Workload) -> list[str]:
    (folder / "zones").mkdir()
    static = {name: f"A {address}" for name, address in workload.static.items()}
    geo = dict.fromkeys(workload.geo, "IN GEO web")
    (folder / "zones" / f"{STATIC_ZONE}zone").write_text(master_file(STATIC_ZONE, static))
    (folder / "zones" / f"{GEO_ZONE}zone").write_text(master_file(GEO_ZONE, geo))
    (folder / "topology.yaml").write_text(_topology())
    (folder / "services.yaml").write_text("services:\n  web: {steering: latency, ttl: 60s}\n")
    (folder / "latency.yaml").write_text(_latency(workload))
    config = folder / "geodns.yaml"
    config.write_text(f"""
listen: ["127.0.0.1:{port}"]
workers: 1
geoip: {{databases: ["{workload.database}"]}}
topology: topology.yaml
services: services.yaml
latency: [latency.yaml]
zones: zones
state: state
# The work of counting, with a limit that nobody reaches; cookies are on anyway.
rate_limit: {{responses_per_second: 1000000}}
log: {{format: text, level: warning}}
""")
    return [str(Path(sys.executable).parent / "geodns"), "serve", "-c", str(config)]


def _topology() -> str:
    regions = "".join(
        f"  {dc.name}:\n    location: [{dc.latitude}, {dc.longitude}]\n    availability_zones:\n"
        f"      {dc.name}a: {{endpoints: {{web: [{dc.address}]}}}}\n"
        for dc in DATACENTERS
    )
    return f"regions:\n{regions}"


def _latency(workload: Workload) -> str:
    def row(client: str, best: Datacenter) -> str:
        costs = ", ".join(f"{dc.name}: {10 if dc == best else 200}" for dc in DATACENTERS)
        return f"  {client}: {{{costs}}}\n"

    rows = "".join(
        row(f"{country.continent}-{country.code}", country.datacenter)
        for country in workload.countries
    )
    return f"latency:\n{row('default', DEFAULT)}{rows}"


def _version() -> str:
    """The version, with the commit where this is a git work tree."""
    version = metadata.version("geodns")
    root = Path(__file__).resolve().parents[3]
    git = find("git")
    if git is None or not (root / ".git").exists():
        return version
    result = subprocess.run(
        [git, "-C", str(root), "rev-parse", "--short", "HEAD"],
        capture_output=True,
        text=True,
        check=False,
    )
    return f"{version} ({result.stdout.strip()})" if result.returncode == 0 else version


GEODNS = Program(
    "geodns",
    "",
    ("plain", "edns", "geo", "subnet", "many"),
    _version,
    _prepare,
)
