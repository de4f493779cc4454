"""Which zones of a server come from primaries, and from which: of settings and of catalogs."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import dns.name

from geodns.config.secondary import Primaries, SecondaryRole
from geodns.control.copies_file import read_owners


class CopiedFrom(NamedTuple):
    """Where a zone is copied from; ``catalog`` lists it, or else it is named."""

    primaries: Primaries
    catalog: bytes | None

    def __str__(self) -> str:
        return ", ".join(str(each.socket_address) for each in self.primaries)


def copied_from(role: SecondaryRole, state: Path) -> dict[bytes, CopiedFrom]:
    """The zones that are copied, by apex; ``state`` is the state folder. Raises StateError."""
    found = {
        _apex(name): CopiedFrom(role.primaries_of(zone), None)
        for name, zone in role.zones_by_name.items()
    }
    catalogs = {_apex(name): each for name, each in role.catalogs_by_name.items()}
    for zone, catalog in (read_owners(state) if catalogs else {}).items():
        if catalog in catalogs:
            primaries = role.primaries_of_members(catalogs[catalog])
            found.setdefault(zone, CopiedFrom(primaries, catalog))
    return found


def _apex(name: str) -> bytes:
    return dns.name.from_text(name).to_digestable()
