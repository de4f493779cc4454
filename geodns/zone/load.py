"""Loads the zones of a folder: each file read, checked and kept, or refused with every reason."""

from __future__ import annotations

import gc
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import dns.name

from geodns import yamlfile
from geodns.problem import Problem
from geodns.zone.bulk import read_bulk
from geodns.zone.check import check_zone
from geodns.zone.content import Node, Zone
from geodns.zone.draft import ContentError, Draft
from geodns.zone.kept import Kept, identity, keep
from geodns.zone.master import read_master
from geodns.zone.names import owner_name
from geodns.zone.octodns import is_configuration, read_octodns
from geodns.zone.pending import Held, Pending
from geodns.zone.soa import file_serial

YAML_SUFFIXES = frozenset((".yaml", ".yml"))
MASTER_SUFFIXES = frozenset((".zone", ".db"))
AS_IT_IS = Pending()
_LARGE = 1 << 18  # bytes: from here on a file is read in bulk where it can be
_ROOT = "root"
"""The root has no name to give a file; this is the one that it has where it is published."""


def load_zones(
    folder: Path,
    services: Collection[str] | None,
    pending: Pending = AS_IT_IS,
    name_servers: Sequence[str] = (),
    kept: Mapping[Path, Kept] = {},
) -> tuple[tuple[Zone, ...], list[Problem], list[Path]]:
    """The zones of a folder that can be used, all that is wrong, and all files that were read.

    A file's name without its suffix is the zone's name; ``root`` is the root's. A zone with an
    error is left out; the others are not touched by it. ``services``: the names that GEO may have;
    None: any. ``pending``: changes that are not written yet. ``name_servers``: for zones in YAML
    that name none. ``kept``: large zones that need not be read again if their files say the same,
    by file. All in the order of the files' names.
    """
    with collector_paused():
        return _load(folder, services, pending, name_servers, kept)


def read_zone(
    file: Path,
    folder: Path,
    services: Collection[str] | None,
    pending: Pending = AS_IT_IS,
    name_servers: Sequence[str] = (),
) -> tuple[Draft | None, list[Problem]]:
    """One file's zone as far as it could be read, checked, and all that is wrong.

    Without a draft the file's name is no zone's, or it is no regular file.
    """
    problems: list[Problem] = []
    draft, _, _ = _read(file, folder, services, problems, pending, name_servers)
    return draft, problems if draft is None else draft.problems


def zone_files(folder: Path, problems: list[Problem], pending: Pending = AS_IT_IS) -> list[Path]:
    """The files of zones in a folder, by name; a folder that can't be read is a problem."""
    try:
        found = [
            file
            for file in pending.listed(folder)
            if file.suffix in YAML_SUFFIXES | MASTER_SUFFIXES
            and not file.name.startswith(".")
            and not file.is_dir()
        ]
    except OSError as error:
        problems.append(Problem("unreadable-folder", f"can't be read: {error.strerror}", folder))
        return []
    return sorted(found)


def origin_of(file: Path) -> dns.name.Name:
    """The zone that a file is named after. Raises ContentError where that is no zone's name."""
    name = file.name.removesuffix(file.suffix).rstrip(".")
    return dns.name.root if name.lower() == _ROOT else owner_name(name, dns.name.root)


@contextmanager
def collector_paused() -> Iterator[None]:
    """Reading makes millions of objects and no garbage in cycles; going through them all again and
    again for it takes half of the time that a big zone takes (9 s in place of 19 s)."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _load(
    folder: Path,
    services: Collection[str] | None,
    pending: Pending,
    name_servers: Sequence[str],
    kept: Mapping[Path, Kept],
) -> tuple[tuple[Zone, ...], list[Problem], list[Path]]:
    problems: list[Problem] = []
    files: list[Path] = []
    zones: dict[dns.name.Name, Zone] = {}
    claims: dict[dns.name.Name, Path] = {}
    for file in zone_files(folder, problems, pending):
        # What is kept of a file must be what is read of it, even if it changes meanwhile.
        held = Held(pending.files)
        known = kept.get(file)
        nodes: Mapping[dns.name.Name, Node] = {}
        if known is not None and known.still_holds(held, name_servers, services):
            draft: Draft | None = Draft(known.origin, file, problems=list(known.problems))
            read = list(known.files)
        else:
            draft, nodes, read = _read(
                file, folder, services, problems, held, name_servers, in_bulk=True
            )
            known = None
        files.extend(path for path in read if path not in files)
        if draft is None:
            continue
        first = claims.setdefault(draft.origin, file)
        if first is not file:
            problems.append(
                Problem(
                    "duplicate-zone",
                    f"the zone {draft.origin} has two files; the other is {first.name}",
                    file,
                )
            )
            zones.pop(draft.origin, None)
        elif not any(problem.severity == "error" for problem in draft.problems):
            if known is None:
                known = _kept(draft, nodes, read, held, name_servers)
            zones[draft.origin] = (
                Zone(draft.origin, nodes, file, draft.automatic_serial)
                if known is None
                else known.zone()
            )
        problems.extend(draft.problems)
    return tuple(zones.values()), problems, files


def _read(
    file: Path,
    folder: Path,
    services: Collection[str] | None,
    problems: list[Problem],
    pending: Pending,
    name_servers: Sequence[str],
    *,
    in_bulk: bool = False,
) -> tuple[Draft | None, Mapping[dns.name.Name, Node], list[Path]]:
    """The checked draft of a file, its nodes, and the files that were read for it.

    ``in_bulk``: the draft of a large file may lack the nodes that nothing can be said about.
    """
    try:
        origin = origin_of(file)
    except ContentError as fault:
        problems.append(
            Problem("bad-zone-name", f"the file's name is no zone's name: {fault.message}", file)
        )
        return None, {}, [file]
    if not pending.is_file(file):
        problems.append(Problem("unreadable-file", "is not a regular file", file))
        return None, {}, [file]
    draft = Draft(origin, file)
    nodes: Mapping[dns.name.Name, Node] | None = None
    if file.suffix in MASTER_SUFFIXES:
        if in_bulk and (text := _text_of_large(file, pending)) is not None:
            nodes = read_bulk(file, text, draft)
        read = [file]
        if nodes is None:
            read = read_master(file, draft, folder, pending.read)
    else:
        read = [file]
        document, draft.problems = yamlfile.read(file, pending.read)
        if is_configuration(document):
            what = "is octoDNS's configuration, not a zone, and is left alone"
            problems.append(Problem("not-a-zone", what, file, severity="warning"))
            return None, {}, [file]
        if document.data is not None or not draft.problems:
            read_octodns(document, draft, file_serial(read), name_servers)
    check_zone(draft, services, needs_soa=file.suffix in MASTER_SUFFIXES)
    return draft, draft.nodes if nodes is None else nodes, read


def _kept(
    draft: Draft,
    nodes: Mapping[dns.name.Name, Node],
    files: Sequence[Path],
    pending: Pending,
    name_servers: Sequence[str],
) -> Kept | None:
    id = identity(draft.origin, files, pending, name_servers)
    if id is None:  # it was there a moment ago
        return None
    return keep(draft.origin, nodes, draft.problems, draft.automatic_serial, files, id)


def _text_of_large(file: Path, pending: Pending) -> str | None:
    """What a large file holds; None where it is small, or no such text."""
    try:
        data = pending.read(file)
        return data.decode("utf-8-sig") if len(data) >= _LARGE else None
    except (OSError, UnicodeDecodeError):
        return None  # who reads it the other way tells of it
