"""Loading GeoIP databases: MMDB files, best first, to the location of every address."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from geodns.geo.countries import fill_continents, fill_coordinates
from geodns.geo.errors import GeoError
from geodns.geo.locations import Locations, Ranges
from geodns.geo.merging import merge_places
from geodns.geo.mmdb import read_metadata, read_mmdb
from geodns.geo.places import PlaceTable
from geodns.geo.ranges import combine, map_values, merge_neighbours
from geodns.geo.records import read_places
from geodns.geo.tree import count_networks, expand
from geodns.geo.values import ABSENT, DataSection

EMBEDDED_DATABASE = Path(__file__).parent / "data" / "country.mmdb"


@dataclass(frozen=True, slots=True)
class DatabaseInfo:
    """What a database file says of itself. ``built`` is None where it does not say."""

    file: Path
    type: str
    built: datetime | None
    networks: int
    ip_version: int


def load_locations(databases: Sequence[Path]) -> Locations:
    """The location of every address, from the databases in this order, best first.

    None at all: the embedded country database. What a database does not say of an address is
    filled in from the next, by the rules of ``merge_places``; coordinates that none of them has
    are those of the country's centre of population. Raises GeoError when a file can't be used.
    """
    best, *others = databases_or_embedded(databases)
    v4, v6, places = _read(best)
    for database in others:
        v4, v6, places = _combine((v4, v6, places), _read(database))
    places, numbers = fill_coordinates(places).distinct()
    return Locations(map_values(v4, numbers), map_values(v6, numbers), places)


def databases_or_embedded(databases: Sequence[Path]) -> Sequence[Path]:
    """The databases that are in use: those that are configured, or the embedded one."""
    return databases or (EMBEDDED_DATABASE,)


def describe(databases: Sequence[Path]) -> list[DatabaseInfo]:
    """What the files say of themselves, in their order. Raises GeoError when one can't be used."""
    found = []
    for file in databases_or_embedded(databases):
        mmdb = read_mmdb(file)
        metadata = mmdb.metadata
        built = _built(metadata.build_epoch)
        networks = count_networks(mmdb)
        found.append(
            DatabaseInfo(file, metadata.database_type, built, networks, metadata.ip_version)
        )
    return found


def fingerprint(databases: Sequence[Path]) -> str:
    """A text that changes when a file does: inode, size, time of change and build time of each.

    Another name of the same file is no change: a standby has each generation in another folder.

    Never fails: that a file is missing or broken is part of the text.
    """
    return "\n".join(_fingerprint(file) for file in databases_or_embedded(databases))


def _fingerprint(file: Path) -> str:
    try:
        status = file.stat()
        built: object = read_metadata(file).build_epoch
    except OSError as error:
        return f"{file} {error.strerror}"
    except GeoError as error:
        built = error.reason
    return f"{status.st_dev} {status.st_ino} {status.st_size} {status.st_mtime_ns} {built}"


def _built(epoch: int) -> datetime | None:
    try:
        return datetime.fromtimestamp(epoch, UTC) if epoch else None
    except (OverflowError, ValueError, OSError):  # a damaged number of seconds
        return None


_Layer = tuple[Ranges, Ranges, PlaceTable]


def _read(file: Path) -> _Layer:
    """Ranges whose values are positions in the places of one file; position 0 is NOWHERE."""
    mmdb = read_mmdb(file)
    expansion = expand(mmdb)
    records = np.concatenate([np.array([ABSENT]), expansion.offsets])
    places = fill_continents(read_places(DataSection(mmdb), records))
    places, numbers = places.distinct()
    # The value -1, no data, picks the last entry.
    table = np.append(numbers[1:], np.int32(0))
    return map_values(expansion.v4, table), map_values(expansion.v6, table), places


def _combine(best: _Layer, other: _Layer) -> _Layer:
    v4, pairs4 = combine(best[0], other[0])
    v6, pairs6 = combine(best[1], other[1])
    # A pair of nothing and nothing keeps NOWHERE in the first row.
    pairs = np.concatenate([np.zeros((1, 2), np.int32), pairs4, pairs6])
    places = merge_places(best[2].take(pairs[:, 0]), other[2].take(pairs[:, 1]))
    places, numbers = places.distinct()
    v4 = merge_neighbours(replace(v4, values=numbers[v4.values + 1]))
    v6 = merge_neighbours(replace(v6, values=numbers[v6.values + 1 + len(pairs4)]))
    return v4, v6, places
