"""Rules for access lists: each is for a zone that is there."""

from __future__ import annotations

from collections.abc import Iterator

import dns.name

from geodns.config.sources import Rule, Sources
from geodns.problem import Problem
from geodns.wording import did_you_mean
from geodns.zone.draft import ContentError
from geodns.zone.load import origin_of


def undefined_zones(sources: Sources) -> Iterator[Problem]:
    """A list for a zone that isn't there protects nothing, and what was meant is open to all.

    A zone that is there but has errors of its own counts as there.
    """
    server = sources.server.settings
    if not server.allow_query.zones:
        return
    known = {zone.origin for zone in sources.zones} | _named_by_files(sources)
    seen: set[dns.name.Name] = set()
    for text in server.allow_query.zones:
        name = dns.name.from_text(text)
        path = ("allow_query", "zones", text)
        if name not in known:
            yield sources.server.document.problem(
                "undefined-zone",
                f"there is no zone {text} to allow queries for",
                path,
                key=True,
                hint=did_you_mean(text, [each.to_text() for each in known]),
            )
        elif name in seen:
            yield sources.server.document.problem(
                "repeated-zone", f"{text} is the same zone as one above", path, key=True
            )
        seen.add(name)


def _named_by_files(sources: Sources) -> set[dns.name.Name]:
    """Zones that files are named after, whatever is in them."""
    folder = sources.server.settings.zones
    try:
        files = list(folder.iterdir()) if folder is not None else []
    except (OSError, ValueError):  # reported where zones are read
        files = []
    found = set()
    for file in files:
        try:
            found.add(origin_of(file))
        except ContentError:
            continue  # no zone's file: that is reported where zones are read
    return found


ACCESS_RULES: tuple[Rule, ...] = (undefined_zones,)
