"""Reads overlays: zone files of geo names alone, laid over zones that come from elsewhere."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path

import dns.name
import dns.rdatatype

from geodns import yamlfile
from geodns.problem import Problem
from geodns.zone.check import (
    below_dname,
    cname_beside_other_data,
    geo_beside_addresses,
    undefined_services,
)
from geodns.zone.content import Zone
from geodns.zone.draft import Draft
from geodns.zone.load import MASTER_SUFFIXES
from geodns.zone.master import read_master
from geodns.zone.octodns import read_octodns

_RULES = (geo_beside_addresses, cname_beside_other_data, below_dname)


def read_overlay(
    file: Path, origin: dns.name.Name, services: Collection[str] | None
) -> tuple[Zone | None, list[Problem], list[Path]]:
    """The overlay of a zone, all that is wrong with it, and the files that were read.

    None where there is an error. ``services``: the names that GEO may have; None: any.
    """
    draft = Draft(origin, file)
    read = [file]
    if file.suffix in MASTER_SUFFIXES:
        read = read_master(file, draft, file.parent)
    else:
        document, draft.problems = yamlfile.read(file)
        if document.data is not None or not draft.problems:
            read_octodns(document, draft, serial=1)
    for rule in (*_RULES, _other_records):
        draft.problems.extend(rule(draft))
    if services is not None:
        draft.problems.extend(undefined_services(draft, services))
    problems = sorted(draft.problems, key=lambda item: (item.line, item.column))
    if any(problem.severity == "error" for problem in problems):
        return None, problems, read
    return Zone(origin, draft.nodes, file), problems, read


def _other_records(draft: Draft) -> Iterator[Problem]:
    """An overlay has nothing that the zone itself could have."""
    for (owner, rdtype), spot in draft.spots.items():
        dynamic = {record.type for record in draft.nodes[owner].dynamic}
        if rdtype is None or rdtype in dynamic:
            continue
        kind = dns.rdatatype.to_text(rdtype)
        yield spot.problem(
            "not-geo",
            f"{owner} has {kind} here; an overlay has GEO names and dynamic records alone",
            "all other records come from the primary",
        )
