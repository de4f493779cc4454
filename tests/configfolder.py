"""A configuration folder for tests: the files that a test names, and sound ones for the rest."""

from __future__ import annotations

from pathlib import Path

from geodns.config.load import load
from geodns.problem import ConfigurationError, Problem

SERVER = """\
listen: ["127.0.0.1:5300"]
topology: topology.yaml
services: services.yaml
latency: [latency.yaml]
zones: zones
"""
TOPOLOGY = """\
regions:
  eu-central-1:
    title: Frankfurt
    location: [50.11, 8.68]
    country: DE
    availability_zones:
      eu-central-1a:
        endpoints:
          web: [127.10.1.1, "2001:db8:10:1::1"]
      eu-central-1b:
        endpoints:
  us-east-1:
    location: [38.9, -77.4]
    availability_zones:
      us-east-1a:
        endpoints:
          web: {addresses: [127.20.1.1], weight: 50, capacity: 2000}
"""
SERVICES = """\
checks:
  tcp-ok: {type: tcp, port: 8080}
services:
  web: {check: tcp-ok}
"""
LATENCY = """\
latency:
  EU: {eu-central-1: 14, us-east-1: 92}
"""
ZONE = """\
"":
  - {type: NS, values: [ns1.example.test.]}
ns1: {type: A, value: 192.0.2.1}
www: {type: GEO, service: web}
"""
SOUND = {
    "geodns.yaml": SERVER,
    "topology.yaml": TOPOLOGY,
    "services.yaml": SERVICES,
    "latency.yaml": LATENCY,
    "zones/example.test.yaml": ZONE,
}


def write(folder: Path, **texts: str | None) -> Path:
    """Writes the files; ``topology="..."`` replaces one, None leaves it out.

    Returns the path of the server file.
    """
    named = {"server": "geodns.yaml", "zone": "zones/example.test.yaml"}
    files: dict[str, str | None] = dict(SOUND)
    for key, text in texts.items():
        files[named.get(key, f"{key}.yaml")] = text
    for name, text in files.items():
        if text is not None:
            file = folder / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
    return folder / "geodns.yaml"


def problems(server: Path) -> tuple[Problem, ...]:
    """All findings of a configuration, usable or not."""
    try:
        return load(server)[1]
    except ConfigurationError as error:
        return error.problems


def found(server: Path) -> list[tuple[str, str, int, int]]:
    """All findings as (file name, id, line, column)."""
    return [(item.file.name, item.id, item.line, item.column) for item in problems(server)]
