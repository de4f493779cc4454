"""Rules for access lists: each is for a zone that is there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

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
    yield from lists_of_zones(
        sources, "allow_query", sources.server.settings.allow_query.zones, "to allow queries for"
    )


def lists_of_zones(
    sources: Sources, setting: str, zones: Iterable[str], purpose: str
) -> Iterator[Problem]:
    """What is said zone by zone under a setting is said of zones that are there, once of each."""
    if not zones:
        return
    known = {zone.origin for zone in sources.zones} | named_by_files(sources) | copied(sources)
    # Which zones a catalog lists is not known before it has come.
    severity = "warning" if sources.server.settings.secondary.catalogs else "error"
    seen: set[dns.name.Name] = set()
    for text in zones:
        name = dns.name.from_text(text)
        path = (setting, "zones", text)
        if name not in known:
            yield sources.server.document.problem(
                "undefined-zone",
                f"there is no zone {text} {purpose}",
                path,
                key=True,
                severity=severity,
                hint=did_you_mean(text, [each.to_text() for each in known]),
            )
        elif name in seen:
            yield sources.server.document.problem(
                "repeated-zone", f"{text} is the same zone as one above", path, key=True
            )
        seen.add(name)


def copied(sources: Sources) -> set[dns.name.Name]:
    """Zones that are copied from other servers by name."""
    return {dns.name.from_text(text) for text in sources.server.settings.secondary.zones}


def named_by_files(sources: Sources) -> set[dns.name.Name]:
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
