"""Where the zones of a configuration are, and the file of each."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import dns.name

from geodns.config.basis import BasisError, read_kept, read_server
from geodns.config.pair import Pair
from geodns.config.secondary import SecondaryRole
from geodns.config.settings import Admin, Services
from geodns.config.source import read_source
from geodns.editor.copied_from import CopiedFrom, copied_from
from geodns.problem import Problem
from geodns.replication.pair.standing import at_first, read_standing
from geodns.wording import did_you_mean, shown
from geodns.zone.draft import ContentError, Draft
from geodns.zone.editing.records import EditError
from geodns.zone.load import MASTER_SUFFIXES, origin_of, read_zone, zone_files
from geodns.zone.names import owner_name

NO_FOLDER = Path("/nonexistent")


@dataclass(frozen=True, slots=True)
class Site:
    """The server file and what commands need of it: the rest may be wrong."""

    config: Path
    folder: Path
    state: Path
    admin: Admin
    services_file: Path | None
    name_servers: tuple[str, ...] = ()
    pair: Pair | None = None
    role: SecondaryRole = field(default_factory=SecondaryRole)

    @property
    def has_files(self) -> bool:
        """Whether it has zones of its own; a server that only copies zones need have none."""
        return self.folder != NO_FOLDER

    def must_lead(self) -> None:
        """Raises EditError where the files are those of another server, the primary."""
        if self.pair is None:
            return
        try:
            kept = read_kept(self.state, "standing")
        except BasisError as error:
            raise EditError(str(error)) from error
        first = at_first(self.pair.name, self.pair.begins_as)
        standing = first if kept is None else read_standing(kept)
        if standing.role == "standby":
            other, primary = self.pair.other, standing.epoch.node
            where = f" ({other.address})" if primary in {"", other.name} else ""
            raise EditError(
                f"{self.pair.name} is the standby of {primary or other.name}{where}: edit zones"
                " there, or make this one the primary by `geodns promote`"
            )

    def copied_from(self) -> dict[bytes, CopiedFrom]:
        """The zones that come from primaries, by apex. Raises StateError."""
        return copied_from(self.role, self.state)

    def must_be_own(self, origin: dns.name.Name) -> None:
        """Raises EditError where a zone comes from a primary, which is where to edit it."""
        source = self.copied_from().get(origin.to_digestable())
        if source is not None:
            raise EditError(f"the zone {origin} is copied from {source}: edit it there")

    def services(self) -> Collection[str]:
        """The names that GEO may have, also those of services whose settings are wrong."""
        if self.services_file is None:
            return ()
        return read_source(Services, self.services_file).names("services")

    def files(self) -> Iterator[tuple[dns.name.Name, Path]]:
        """The zones and their files, in the order of these."""
        if not self.has_files:
            return
        problems: list[Problem] = []
        found = zone_files(self.folder, problems)
        if problems:
            raise EditError(str(problems[0]))
        for file in found:
            try:
                yield origin_of(file), file
            except ContentError:
                continue  # `geodns check` says so

    def file_of(self, origin: dns.name.Name) -> Path:
        """The file of a zone. Raises EditError where there is none, or several."""
        zones: dict[dns.name.Name, list[Path]] = {}
        for name, file in self.files():
            zones.setdefault(name, []).append(file)
        found = zones.get(origin, [])
        if not found:
            self.must_be_own(origin)
            known = [zone.to_text(omit_final_dot=True) for zone in zones]
            hint = did_you_mean(origin.to_text(omit_final_dot=True), known)
            raise EditError(
                f"there is no zone {origin} in {self.folder}" + (f" ({hint})" if hint else "")
            )
        if len(found) > 1:
            names = " and ".join(file.name for file in found)
            raise EditError(f"the zone {origin} has the files {names}; remove one of them")
        return found[0]


def open_site(config: Path) -> Site:
    """What a server file says about zones. Raises EditError where it names no folder of zones."""
    file = config.absolute()
    server = read_server(file).source.settings
    if server.zones is None:
        if server.pair is not None:
            Site(file, Path(), server.state, server.admin, None, (), server.pair).must_lead()
        if not server.secondary.is_used:
            raise EditError(f"{config} names no folder of zones; set zones")
    return Site(
        file,
        server.zones or NO_FOLDER,
        server.state,
        server.admin,
        server.services,
        server.name_servers,
        server.pair,
        server.secondary,
    )


def read_origin(text: str) -> dns.name.Name:
    """The zone that a person names, with or without the final dot. Raises EditError."""
    try:
        name = owner_name(text, dns.name.root) if text != "." else dns.name.root
    except ContentError as fault:
        raise EditError(fault.message) from fault
    if not text:
        raise EditError(f"{shown(text)} is not a zone's name")
    return name


def read_file(file: Path, folder: Path, name_servers: Sequence[str] = ()) -> Draft:
    """A zone file, as far as it can be read. Raises EditError where it is no zone file.

    ``name_servers``: for a zone in YAML that names none.
    """
    draft, problems = read_zone(file, folder, None, name_servers=name_servers)
    if draft is None:
        raise EditError(str(problems[0]))
    return draft


def is_master(file: Path) -> bool:
    """Whether a file is a master file by its name; else it is YAML."""
    return file.suffix in MASTER_SUFFIXES
