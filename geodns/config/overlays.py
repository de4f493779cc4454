"""Reads the overlays that the server's settings name."""

from __future__ import annotations

from pathlib import Path

import dns.name

from geodns.config.check_server import missing_file
from geodns.config.sources import Sources
from geodns.problem import Problem
from geodns.zone.content import Zone
from geodns.zone.overlay import read_overlay


def read_overlays(sources: Sources) -> tuple[tuple[Zone, ...], list[Problem], list[Path]]:
    """All that can be used, all that is wrong, and all files that were read."""
    overlays: list[Zone] = []
    problems: list[Problem] = []
    files: list[Path] = []
    services = set(sources.service_names()) if sources.services.readable else None
    for name, zone in sources.server.settings.secondary.zones.items():
        if zone.overlay is None:
            continue
        path = ("secondary", "zones", name, "overlay")
        missing = list(missing_file(zone.overlay, sources.server.document, path))
        problems.extend(missing)
        files.append(zone.overlay)
        if missing:
            continue
        origin = dns.name.from_text(name.lower())
        overlay, found, read = read_overlay(zone.overlay, origin, services)
        problems.extend(found)
        files.extend(file for file in read if file not in files)
        if overlay is not None:
            overlays.append(overlay)
    return tuple(overlays), problems, files
