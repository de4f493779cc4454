"""The zones of a configuration that are copied, with what is kept of them on this disk."""

from __future__ import annotations

from typing import NamedTuple

import dns.name

from geodns.answer.copied import CopiedZone
from geodns.config.settings import Configuration
from geodns.control.copied_zones import copied_zones, wanted_copies
from geodns.control.copies_file import Copies, read_copies, read_owners
from geodns.problem import Problem


class CopiesRead(NamedTuple):
    """``problems`` are warnings of overlays; of ``damaged`` zones nothing can be used."""

    zones: tuple[CopiedZone, ...] = ()
    problems: tuple[Problem, ...] = ()
    damaged: frozenset[bytes] = frozenset()


def copies_read(
    configuration: Configuration, now: float, around: dns.name.Name | None = None
) -> CopiesRead:
    """As they are served at a moment, in seconds since 1970. Raises StateError.

    ``around``: only the zones that may hold this name.
    """
    role, state = configuration.server.secondary, configuration.server.state
    if not role.is_used:
        return CopiesRead()
    owners = read_owners(state) if role.catalogs else {}
    wanted = wanted_copies(configuration, owners)
    if around is not None:
        wire = around.to_digestable()
        # What ends like it and is no zone above it is looked at in vain, and no more.
        wanted = {apex: None for apex in wanted if wire.endswith(apex)}
    kept = read_copies(state, wanted, now) if wanted else Copies({}, frozenset())
    zones, problems = copied_zones(configuration, wanted, kept.nodes)
    return CopiesRead(zones, problems, kept.damaged)
