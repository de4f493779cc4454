"""Keeps the expanded locations of the GeoIP databases on disk: to start fast, and as last good.

Expanding a city database takes seconds; reading it back takes a tenth of that. And where a new
database file is broken, the locations of the one before stay in use, while everything else of the
configuration can still change. There is one file, ``locations.cache`` in the state folder: a line
that names the format, a digest of all that follows, and an archive of arrays. What the digest fits
is as it was written, so it is read without suspicion; anything else is never read.
"""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cache
from io import BufferedRandom, BufferedReader
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import geodns
from geodns.control.outcome import SourceAge
from geodns.geo.database import describe, fingerprint, load_locations
from geodns.geo.errors import GeoError
from geodns.geo.locations import Locations, Ranges
from geodns.geo.places import PlaceTable
from geodns.problem import Problem

_FILE = "locations.cache"
_FORMAT = b"geodns locations, format 2\n"
_DIGEST_BYTES = hashlib.blake2b().digest_size
_COLUMNS = ("latitude", "longitude", "continent", "country", "subdivision", "city", "asn")
_NAMES = ("continents", "countries", "subdivisions", "cities")


@dataclass(frozen=True)
class Located:
    """The locations, what is known of the databases they are from, and what was odd."""

    locations: Locations
    databases: tuple[SourceAge, ...]
    warnings: tuple[Problem, ...] = ()


def locate(databases: Sequence[Path], state: Path, *, keep: bool = True) -> Located:
    """The locations of these databases, as fast as they can be had.

    ``keep``: what had to be expanded is written to the state folder; only its owner may say so.
    Raises GeoError when a database can't be used and the last good locations are not known, or are
    those of another list of databases.
    """
    if not databases:
        return embedded()
    cached = _read(state / _FILE)
    key = _key(databases)
    if cached is not None and cached[0]["key"] == key:
        return _as_named(cached[1], databases)
    try:
        fresh = Located(load_locations(databases), _ages(databases))
    except GeoError as error:
        if cached is None or cached[0]["files"] != [str(file) for file in databases]:
            raise
        warning = Problem(
            "geoip-unreadable",
            f"can't be used: {error.reason}; the locations of the last good databases stay in use",
            error.file,
            severity="warning",
        )
        return Located(cached[1].locations, cached[1].databases, (warning,))
    if keep:
        _write(state / _FILE, fresh, key, databases)
    return fresh


@cache
def embedded() -> Located:
    """The locations that come with the program, which are the same for as long as it runs."""
    return Located(load_locations(()), _ages(()))


def _as_named(located: Located, databases: Sequence[Path]) -> Located:
    """The same files may have other names by now."""
    named = zip(located.databases, databases, strict=True)
    return replace(located, databases=tuple(replace(age, file=str(file)) for age, file in named))


def _key(databases: Sequence[Path]) -> str:
    # Another version of this program may expand the same file to better locations.
    return f"{geodns.__version__}\n{fingerprint(databases)}"


def _ages(databases: Sequence[Path]) -> tuple[SourceAge, ...]:
    return tuple(
        SourceAge(
            str(info.file),
            f"{info.type}, {info.networks} networks",
            info.built.timestamp() if info.built else info.file.stat().st_mtime,
        )
        for info in describe(databases)
    )


def _write(file: Path, located: Located, key: str, databases: Sequence[Path]) -> None:
    places = located.locations.places
    table = places if isinstance(places, PlaceTable) else PlaceTable.of(places)
    head = {
        "key": key,
        "files": [str(database) for database in databases],
        "databases": [[age.file, age.description, age.made] for age in located.databases],
        "names": {name: getattr(table, name) for name in _NAMES},
    }
    arrays: dict[str, NDArray[Any]] = {name: getattr(table, name) for name in _COLUMNS}
    for family, ranges in (("v4", located.locations.v4), ("v6", located.locations.v6)):
        arrays |= {f"{family}_starts": ranges.starts, f"{family}_values": ranges.values}
        if ranges.low is not None:
            arrays[f"{family}_low"] = ranges.low
    arrays["head"] = np.frombuffer(json.dumps(head).encode(), np.uint8)
    fresh = file.with_suffix(".new")
    try:
        file.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
        with fresh.open("w+b") as stream:
            _save(stream, arrays)
        fresh.replace(file)
    except OSError:
        with suppress(OSError):  # a full disk: the next start takes longer, no more
            fresh.unlink()


def _save(stream: BufferedRandom, arrays: dict[str, NDArray[Any]]) -> None:
    stream.write(_FORMAT + bytes(_DIGEST_BYTES))
    begin = stream.tell()
    with zipfile.ZipFile(stream, "w") as archive:  # stored, not deflated: speed is its point
        for name, array in arrays.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as entry:
                np.lib.format.write_array(entry, np.asarray(array), allow_pickle=False)
    stream.seek(begin)
    digest = _digest(stream)
    stream.seek(len(_FORMAT))
    stream.write(digest)


def _digest(stream: BufferedRandom | BufferedReader) -> bytes:
    """Of all from here to the end."""
    return hashlib.file_digest(stream, "blake2b").digest()


def _read(file: Path) -> tuple[dict[str, Any], Located] | None:
    """The head and what was located; None where there is no whole file of this format."""
    try:
        with file.open("rb") as stream:
            return _load(stream)
    except OSError:
        return None


def _load(stream: BufferedReader) -> tuple[dict[str, Any], Located] | None:
    if stream.read(len(_FORMAT)) != _FORMAT:
        return None
    digest = stream.read(_DIGEST_BYTES)
    begin = stream.tell()
    if _digest(stream) != digest:
        return None
    stream.seek(begin)
    with np.load(stream, allow_pickle=False) as archive:
        head = json.loads(archive["head"].tobytes())
        columns: dict[str, Any] = {name: archive[name] for name in _COLUMNS}
        names: dict[str, Any] = {name: tuple(head["names"][name]) for name in _NAMES}
        v4 = Ranges(archive["v4_starts"], None, archive["v4_values"])
        v6 = Ranges(archive["v6_starts"], archive["v6_low"], archive["v6_values"])
    locations = Locations(v4, v6, PlaceTable(**columns, **names))
    return head, Located(locations, tuple(SourceAge(*row) for row in head["databases"]))
