"""What the demonstration takes from the configuration: who plays which AZ, where, and who asks."""

from __future__ import annotations

import os
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from geodns import yamlfile


class DemoError(Exception):
    """One clear line for the person who runs the demonstration."""


@dataclass(frozen=True)
class AZ:
    """One datacenter: its name, its region with its title, and its loopback addresses."""

    name: str
    region: str
    title: str
    addresses: tuple[str, ...]


@dataclass(frozen=True)
class Setting:
    """The AZs; the port and path that the first HTTP check asks; where the server listens.

    ``admin`` is the address of the status page, None where it is off; ``socket`` is the Unix socket
    of the demonstration itself.
    """

    azs: tuple[AZ, ...]
    port: int
    path: str
    dns: tuple[str, int]
    admin: str | None
    socket: Path


def read_setting(config: Path) -> Setting:
    """Reads config/geodns.yaml and the files that it names. Raises DemoError."""
    server = _load(config)
    topology = _load(config.parent / server.get("topology", "topology.yaml"))
    services = _load(config.parent / server.get("services", "services.yaml"))
    checks = [c for c in services.get("checks", {}).values() if c.get("type") == "http"]
    check = checks[0] if checks else {}
    host, _, port = server.get("listen", ["127.0.0.1:5300"])[0].rpartition(":")
    state = config.parent / server.get("state", "../var")
    azs = tuple(_azs(topology))
    if not azs:
        raise DemoError(f"no endpoint of {config} has an address in 127.0.0.0/8 to play")
    return Setting(
        azs=azs,
        port=check.get("port", 80),
        path=check.get("path", "/"),
        dns=(host.strip("[]"), int(port)),
        admin=server.get("admin", {}).get("http"),
        # A path from here, not an absolute one: a Unix socket's path has at most 107 bytes.
        socket=Path(os.path.relpath(state)) / "demo.sock",
    )


def _load(file: Path) -> dict[str, Any]:
    document, problems = yamlfile.read(file)
    if problems:
        raise DemoError(str(problems[0]))
    return document.data if isinstance(document.data, dict) else {}


def _azs(topology: dict[str, Any]) -> list[AZ]:
    return [
        AZ(name, region, about.get("title", region), addresses)
        for region, about in topology.get("regions", {}).items()
        for name, az in about.get("availability_zones", {}).items()
        if (addresses := _loopback_addresses(az.get("endpoints", {}).values()))
    ]


def _loopback_addresses(endpoints: Any) -> tuple[str, ...]:
    found: dict[str, None] = {}
    for endpoint in endpoints:
        listed = endpoint.get("addresses", []) if isinstance(endpoint, dict) else endpoint
        found.update(dict.fromkeys(a for a in listed if ip_address(a).is_loopback))
    return tuple(found)
