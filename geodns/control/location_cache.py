"""Keeps the expanded locations of the GeoIP databases on disk: to start fast, and as last good.

Expanding a city database takes seconds; reading it back takes a tenth of that. And where a new
database file is broken, the locations of the one before stay in use, while everything else of the
configuration can still change. There is one file, ``locations.npz`` in the state folder.
"""

from __future__ import annotations

import json
import zipfile
import zlib
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

import geodns
from geodns.control.outcome import SourceAge
from geodns.geo.database import describe, fingerprint, load_locations
from geodns.geo.errors import GeoError
from geodns.geo.locations import Locations, Ranges
from geodns.geo.places import PlaceTable
from geodns.problem import Problem

_FILE = "locations.npz"
_FORMAT = 1
_COLUMNS = ("latitude", "longitude", "continent", "country", "subdivision", "city", "asn")
_NAMES = ("continents", "countries", "subdivisions", "cities")
# What numpy, zip and JSON raise at a file that is damaged, of another format, or not there.
_UNREADABLE = (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile, zlib.error)


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
        return Located(load_locations(()), _ages(()))
    cached = _read(state / _FILE)
    key = _key(databases)
    if cached is not None and cached[0]["key"] == key:
        return cached[1]
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
        "format": _FORMAT,
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
        with fresh.open("wb") as stream:
            _save(stream, arrays)
        fresh.replace(file)
    except OSError:
        with suppress(OSError):  # a full disk: the next start takes longer, no more
            fresh.unlink()


def _save(stream: IO[bytes], arrays: dict[str, NDArray[Any]]) -> None:
    with zipfile.ZipFile(stream, "w") as archive:  # stored, not deflated: speed is its point
        for name, array in arrays.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as entry:
                np.lib.format.write_array(entry, np.asarray(array), allow_pickle=False)


def _read(file: Path) -> tuple[dict[str, Any], Located] | None:
    try:
        with np.load(file, allow_pickle=False) as archive:
            head = json.loads(archive["head"].tobytes())
            if head["format"] != _FORMAT:
                return None
            columns: dict[str, Any] = {name: archive[name] for name in _COLUMNS}
            names: dict[str, Any] = {name: tuple(head["names"][name]) for name in _NAMES}
            v4 = Ranges(archive["v4_starts"], None, archive["v4_values"])
            v6 = Ranges(archive["v6_starts"], archive["v6_low"], archive["v6_values"])
        locations = Locations(v4, v6, PlaceTable(**columns, **names))
        ages = tuple(SourceAge(*row) for row in head["databases"])
    except _UNREADABLE:
        return None
    return head, Located(locations, ages)
