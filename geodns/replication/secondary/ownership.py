"""Which catalog (RFC 9432) a zone is copied for, where several list it or others have it. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import NamedTuple

from geodns.replication.secondary.catalogs import Member, Members


class Owned(NamedTuple):
    """A zone that is copied because a catalog lists it."""

    catalog: bytes
    member: Member


class Clash(NamedTuple):
    """A catalog lists a zone that is there for another reason, and is not heeded.

    ``owner`` is the catalog that it is there for; None: it is configured otherwise.
    """

    zone: bytes
    catalog: bytes
    owner: bytes | None


class Ownership(NamedTuple):
    """Zones by apex. Of those in ``reset`` all that is kept is to be forgotten first.

    ``removed`` were there before, and what is kept of them is to be forgotten too.
    """

    zones: dict[bytes, Owned]
    removed: frozenset[bytes]
    reset: frozenset[bytes]
    clashes: tuple[Clash, ...]


def owned(
    before: Mapping[bytes, Owned],
    catalogs: Mapping[bytes, Members],
    configured: Collection[bytes] = (),
) -> Ownership:
    """Who owns which zone now, who owned them before.

    ``catalogs`` are the last good lists, also of those that are broken or have expired; where two
    come with the same zone at once, the first has it. ``configured`` are zones that are there
    anyway: the server's own, those that are copied by name, and the catalogs themselves.
    """
    zones: dict[bytes, Owned] = {}
    reset = set()
    listed = dict.fromkeys(zone for members in catalogs.values() for zone in members)
    for zone in listed:
        if zone in configured:
            continue
        listing = [catalog for catalog, members in catalogs.items() if zone in members]
        former = before.get(zone)
        stays = former is not None and former.catalog in listing
        first = former.catalog if former is not None and stays else listing[0]
        now = zones[zone] = _owner(zone, first, catalogs)
        # RFC 9432 5.4: a label that changes is "a member zone removal including all the zone's
        # associated state", and then a new zone. 4.3.1: so it is where it moves, "unless the member
        # node label [...] is the same", and where it comes from a catalog that has dropped it.
        if former is not None and not (stays and former.member.label == now.member.label):
            reset.add(zone)
    return Ownership(
        zones, frozenset(before.keys() - zones.keys()), frozenset(reset), _clashes(zones, catalogs)
    )


def _owner(zone: bytes, catalog: bytes, catalogs: Mapping[bytes, Members]) -> Owned:
    """Who has it in the end, whom this catalog has it from.

    RFC 9432 5.2: that another one lists it too does not move it. 4.3.1: it moves where that lists
    it, and the "coo property pointing to $NEWCATZ is still present in $OLDCATZ".
    """
    seen = {catalog}
    while (coo := catalogs[catalog][zone].coo) is not None and coo not in seen:
        if zone not in catalogs.get(coo, {}):
            break
        catalog = coo
        seen.add(catalog)
    return Owned(catalog, catalogs[catalog][zone])


def _clashes(zones: Mapping[bytes, Owned], catalogs: Mapping[bytes, Members]) -> tuple[Clash, ...]:
    """RFC 9432 5.2: "the new instance of the zone MUST be ignored and an error SHOULD be logged".

    A catalog that a zone has moved from by its own will may go on listing it.
    """
    found = []
    for catalog, members in catalogs.items():
        for zone, member in members.items():
            owner = zones[zone].catalog if zone in zones else None
            if owner is None or owner not in (catalog, member.coo):
                found.append(Clash(zone, catalog, owner))
    return tuple(found)
