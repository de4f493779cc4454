"""Puts the catalog that is set among the zones that were read."""

from __future__ import annotations

from pathlib import Path

import dns.name

from geodns.config.sources import Sources
from geodns.zone.catalog import catalog_zone, fits
from geodns.zone.content import Zone
from geodns.zone.soa import file_serial


def with_catalog(
    sources: Sources, zones: tuple[Zone, ...], changed: tuple[Path, ...]
) -> tuple[Zone, ...]:
    """The zones, and behind them the catalog where one is set and can be made.

    ``changed``: the folder and files whose changes are changes of the list.
    """
    transfer = sources.server.settings.transfer
    if transfer.catalog is None:
        return zones
    name = dns.name.from_text(transfer.catalog.lower())
    # What is wrong with the name is told by the rules.
    if name == dns.name.root or not fits(name) or any(zone.origin == name for zone in zones):
        return zones
    copied = map(dns.name.from_text, sources.server.settings.secondary.zones_by_name)
    origins = (*(zone.origin for zone in zones), *copied)
    members = (origin for origin in origins if transfer.lists(origin.to_text()))
    file = sources.server.document.file
    return (*zones, catalog_zone(name, members, file, file_serial(list(changed))))
