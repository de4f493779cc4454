"""Edits of whole zones: made, imported, deleted."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import dns.name
import dns.rdatatype

from geodns.control.view import moment
from geodns.editor.edit import Wanted, edit_zone
from geodns.editor.site import Site, read_file
from geodns.editor.sources import Format
from geodns.zone.editing.change import equalling
from geodns.zone.editing.difference import differences
from geodns.zone.editing.export import FORMATS
from geodns.zone.editing.records import (
    EditError,
    Records,
    RecordSet,
    kind_text,
    read_value,
    records_of,
)

_APEX = frozenset((dns.rdatatype.SOA, dns.rdatatype.NS))
_SUFFIXES: dict[Format, str] = {"yaml": ".yaml", "master": ".zone"}


def create(site: Site, origin: dns.name.Name, records: Records, format: Format = "yaml") -> Wanted:
    """A new zone with these records. Raises EditError where it is there already."""
    for name, file in site.files():
        if name == origin:
            raise EditError(f"the zone {origin} is there already, in {file.name}")
    site.must_be_own(origin)
    stem = origin.to_text(omit_final_dot=True) if origin != dns.name.root else "root"
    data = FORMATS[format](origin, records).encode()
    found = tuple(differences({}, records))
    return Wanted({site.folder / f"{stem}{_SUFFIXES[format]}": data}, found)


def name_servers(origin: dns.name.Name, names: Iterable[str]) -> Records:
    """The apex NS records of a new zone. Raises EditError."""
    values = tuple(read_value(dns.rdatatype.NS, name, origin) for name in names)
    return {(origin, dns.rdatatype.NS): RecordSet(3600, values)}


def bring_in(
    site: Site, origin: dns.name.Name, records: Records, format: Format, *, force: bool
) -> Wanted | None:
    """Makes a zone have exactly these records: a new file, or edits of the one that it has.

    An SOA that is not among them stays as it is. Raises EditError.
    """
    if all(name != origin for name, _ in site.files()):
        return create(site, origin, records, format)
    file = site.file_of(origin)
    return edit_zone(
        site,
        file,
        lambda _draft, before: equalling(before, _with_soa(before, records, origin)),
        force=force,
    )


def _with_soa(before: Records, records: Records, origin: dns.name.Name) -> Records:
    key = origin, dns.rdatatype.SOA
    return records if key in records or key not in before else {**records, key: before[key]}


def delete(site: Site, origin: dns.name.Name, now: float, *, force: bool) -> Wanted:
    """Takes a zone away; its file is kept in the state folder, with the moment in its name.

    Raises EditError where it has more than SOA and NS, and ``force`` does not say that this is
    meant.
    """
    file = site.file_of(origin)
    before = records_of(read_file(file, site.folder).nodes)
    held = [key for key in before if key[0] != origin or key[1] not in _APEX]
    if held and not force:
        count = sum(len(before[key].values) for key in held)
        first = ", ".join(f"{owner} {kind_text(kind)}" for owner, kind in held[:3])
        raise EditError(
            f"the zone {origin} has {count} records besides SOA and NS ({first}"
            f"{', ...' if len(held) > 3 else ''}); if it is to be deleted, say --force"
        )
    stamp = moment(now).replace("-", "").replace(":", "")
    kept = site.state / "deleted-zones" / f"{file.stem}.{stamp}{file.suffix}"
    return Wanted({file: None}, tuple(differences(before, {})), (kept, _bytes(file)))


def moved(records: Records, origin: dns.name.Name, to: dns.name.Name) -> Records:
    """The records of a zone under the name of another, to compare the two."""
    return {
        (owner.relativize(origin).derelativize(to), kind): found
        for (owner, kind), found in records.items()
    }


def without_made_soa(
    one: Records, other: Records, origin: dns.name.Name
) -> tuple[Records, Records]:
    """Both sides, without the SOA where one of them has none of its own."""
    key = origin, dns.rdatatype.SOA
    if key in one and key in other:
        return one, other
    left, right = (
        {item: found for item, found in side.items() if item != key} for side in (one, other)
    )
    return left, right


def _bytes(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise EditError(f"{file} can't be read: {error.strerror}") from error
