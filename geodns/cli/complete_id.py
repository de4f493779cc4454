"""Completes what can be drained and forced: regions, AZs, and endpoints as ``service@az``."""

from __future__ import annotations

import os
from collections.abc import Iterable

import click

from geodns.cli.completing import quiet
from geodns.config.basis import read_server
from geodns.config.find import find
from geodns.config.settings import Topology
from geodns.config.source import read_source


@quiet
def complete_id(context: click.Context, begun: str) -> Iterable[str]:
    """The regions and AZs; the endpoints once something like ``web@`` is typed."""
    file = find(context.params.get("config"), os.environ).absolute()
    server = read_server(file).source.settings
    if server.topology is None:
        return []
    found: list[str] = []
    for region, settings in read_source(Topology, server.topology).settings.regions.items():
        found.append(region)
        for az, within in settings.availability_zones.items():
            found += [f"{service}@{az}" for service in within.endpoints] if "@" in begun else [az]
    return found
