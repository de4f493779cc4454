"""Expanded locations come back from disk as they were, and outlive a database that broke."""

from __future__ import annotations

import time
from pathlib import Path
from random import Random

import numpy as np
import pytest
from mmdb_writer import MMDBWriter
from netaddr import IPSet  # type: ignore[import-untyped] # it ships no types

from geodns.control.location_cache import Located, locate
from geodns.geo.errors import GeoError
from geodns.geo.locations import Locations


def _database(file: Path, country: str = "DE") -> Path:
    writer = MMDBWriter(ip_version=6, ipv4_compatible=True, database_type="Test-Country")
    writer.insert_network(IPSet(["192.0.2.0/24", "2001:db8::/33"]), {"country_code": country})
    writer.insert_network(IPSet(["198.51.100.0/25"]), {"country_code": "JP"})
    writer.to_db_file(str(file))
    return file


def _same(one: Locations, other: Locations) -> bool:
    pairs = [
        (one.v4.starts, other.v4.starts),
        (one.v4.values, other.v4.values),
        (one.v6.starts, other.v6.starts),
        (one.v6.low, other.v6.low),
        (one.v6.values, other.v6.values),
    ]
    arrays = all(
        a is not None and b is not None and a.dtype == b.dtype and np.array_equal(a, b)
        for a, b in pairs
    )
    return arrays and list(one.places) == list(other.places)


def _countries(located: Located) -> set[str | None]:
    return {place.country for place in located.locations.places}


def test_locations_come_back_as_they_were(tmp_path: Path) -> None:
    database = _database(tmp_path / "a.mmdb")
    fresh = locate([database], tmp_path / "var")
    written = (tmp_path / "var" / "locations.cache").stat().st_mtime_ns
    again = locate([database], tmp_path / "var")
    assert _same(fresh.locations, again.locations)
    assert fresh.databases == again.databases
    assert (tmp_path / "var" / "locations.cache").stat().st_mtime_ns == written
    assert [path.name for path in (tmp_path / "var").iterdir()] == ["locations.cache"]


def test_a_changed_database_is_read_anew(tmp_path: Path) -> None:
    locate([_database(tmp_path / "a.mmdb")], tmp_path)
    changed = locate([_database(tmp_path / "a.mmdb", "FR")], tmp_path)
    assert _countries(changed) == {None, "FR", "JP"}


def test_a_broken_database_leaves_the_last_good_one_in_use_and_says_so(tmp_path: Path) -> None:
    database = _database(tmp_path / "a.mmdb")
    good = locate([database], tmp_path)
    database.write_bytes(b"not a database")
    kept = locate([database], tmp_path)
    assert _same(good.locations, kept.locations)
    (warning,) = kept.warnings
    assert (warning.severity, warning.file) == ("warning", database)
    assert "the last good databases stay in use" in warning.message


def test_a_broken_database_that_was_never_good_is_an_error(tmp_path: Path) -> None:
    locate([_database(tmp_path / "a.mmdb")], tmp_path)
    other = tmp_path / "b.mmdb"
    other.write_bytes(b"not a database")
    with pytest.raises(GeoError, match=r"b\.mmdb"):
        locate([other], tmp_path)


def _damaged(content: bytes, random: Random) -> bytes:
    """Some of it turned over, cut out or put in, at random places or at the end."""
    changed = bytearray(content)
    for _ in range(random.choice((1, 1, 1, 2, 20))):
        begin = random.randrange(len(changed) + 1)
        end = min(len(changed), begin + random.choice((0, 1, 1, 8, 500, len(content))))
        match random.randrange(3):
            case 0:
                changed[begin:end] = bytes(
                    byte ^ (1 << random.randrange(8)) for byte in changed[begin:end]
                )
            case 1:
                del changed[begin:end]
            case _:
                changed[begin:begin] = random.randbytes(end - begin)
    return bytes(changed)


def test_whatever_is_damaged_the_cache_is_ignored(tmp_path: Path) -> None:
    database, cache = _database(tmp_path / "a.mmdb"), tmp_path / "locations.cache"
    locate([database], tmp_path)
    whole = cache.read_bytes()
    # With the last good locations known, a database that broke is no error: so nothing was known.
    database.write_bytes(b"not a database")
    assert locate([database], tmp_path).warnings
    random = Random(1)
    for _ in range(3000):
        damaged = _damaged(whole, random)
        if damaged == whole:
            continue
        cache.write_bytes(damaged)
        with pytest.raises(GeoError, match=r"a\.mmdb"):
            locate([database], tmp_path)


@pytest.mark.parametrize("content", [b"", b"\0" * 5000, b"geodns locations, format 9\n", b"PK"])
def test_a_cache_that_is_ignored_is_made_again(tmp_path: Path, content: bytes) -> None:
    database, cache = _database(tmp_path / "a.mmdb"), tmp_path / "locations.cache"
    fresh = locate([database], tmp_path)
    cache.write_bytes(content)
    assert _same(fresh.locations, locate([database], tmp_path).locations)
    database.write_bytes(b"not a database")
    kept = locate([database], tmp_path)
    assert kept.warnings
    assert _same(fresh.locations, kept.locations)


def test_without_databases_the_embedded_one_is_used_and_nothing_is_kept(tmp_path: Path) -> None:
    located = locate([], tmp_path)
    assert {"CN", "DE", "US"} <= _countries(located)
    assert list(tmp_path.iterdir()) == []
    assert located.databases[0].made < time.time()


def test_a_state_folder_that_can_not_be_written_costs_only_time(tmp_path: Path) -> None:
    (tmp_path / "var").write_text("a file")
    located = locate([_database(tmp_path / "a.mmdb")], tmp_path / "var")
    assert _countries(located) == {None, "DE", "JP"}


def test_who_does_not_own_the_state_folder_reads_it_and_writes_nothing(tmp_path: Path) -> None:
    database, state = _database(tmp_path / "a.mmdb"), tmp_path / "state"
    state.mkdir()
    locate([database], state, keep=False)
    assert list(state.iterdir()) == []
    kept = locate([database], state)
    assert _same(locate([database], state, keep=False).locations, kept.locations)
