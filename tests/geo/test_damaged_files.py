"""Damaged and hostile databases: always one GeoError that names the file and what is wrong."""

from __future__ import annotations

import random
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from mmdb_files import MARKER, SEPARATOR, assemble, encode, random_networks, write_database

from geodns.geo.database import describe, fingerprint, load_locations
from geodns.geo.errors import GeoError
from geodns.geo.lookup import look_up

RECORDS: list[Any] = [
    {
        "city": {"names": {"en": "Berlin", "de": "Berlin"}},
        "continent": {"code": "EU"},
        "country": {"iso_code": "DE"},
        "location": {"latitude": 52.52, "longitude": 13.4, "accuracy_radius": 20},
        "subdivisions": [{"iso_code": "BE"}],
    },
    {"country_code": "FR", "latitude": "48.85", "longitude": "2.35", "city": "Paris", "asn": "AS1"},
    {"autonomous_system_number": 64500, "autonomous_system_organization": "Example"},
]
CLIENTS = [ip_address(text) for text in ("10.1.2.3", "192.0.2.1", "2001:db8::1", "::1", "ffff::")]
COUNT = 4  # nodes of the small trees below
DATA, (AT,) = encode({"country": {"iso_code": "DE"}})
RECORD = COUNT + len(SEPARATOR) + AT
NOTHING = COUNT


def refusal(file: Path) -> str:
    """Why a file can't be used."""
    with pytest.raises(GeoError) as caught:
        load_locations([file])
    assert str(caught.value) == f"{file}: {caught.value.reason}"
    assert "\n" not in caught.value.reason
    return caught.value.reason


def write(folder: Path, content: bytes) -> Path:
    file = folder / "damaged.mmdb"
    file.write_bytes(content)
    return file


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("damaged")


@pytest.fixture(scope="module", params=[24, 28, 32])
def good(request: pytest.FixtureRequest, folder: Path) -> bytes:
    """A small file with records of several schemas."""
    chance = random.Random(5)
    networks = random_networks(chance, 6, 4, RECORDS) + random_networks(chance, 3, 6, RECORDS)
    file = write_database(folder / "good.mmdb", networks, record_size=request.param)
    return file.read_bytes()


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    assert refusal(tmp_path / "none.mmdb") == "can't be read: No such file or directory"


def test_a_folder_is_refused(tmp_path: Path) -> None:
    assert refusal(tmp_path).startswith("can't be read: ")


@pytest.mark.parametrize("content", [b"", b"\0", b"name,country\n", bytes(4096), MARKER[1:]])
def test_a_file_of_another_kind_is_refused(tmp_path: Path, content: bytes) -> None:
    reason = refusal(write(tmp_path, content))
    assert reason == "is not an MMDB file, or its end is missing: it has no metadata"


def test_a_file_that_ends_too_early_is_refused_wherever_it_ends(folder: Path, good: bytes) -> None:
    metadata = good.rindex(MARKER)
    chance = random.Random(1)
    lengths = [*chance.sample(range(metadata), 200), *range(metadata, len(good))]
    for length in lengths:
        refusal(write(folder, good[:length]))


def test_a_file_whose_beginning_is_missing_is_refused(folder: Path, good: bytes) -> None:
    # What is missing has to be more than the data, or the data is taken for a part of the tree.
    assert refusal(write(folder, good[1000:])).startswith("is truncated: ")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"record_size": 20}, "has a record size of 20 bits; it must be 24, 28 or 32"),
        ({"record_size": 0}, "has a record size of 0 bits; it must be 24, 28 or 32"),
        ({"ip_version": 5}, "has IP version 5; it must be 4 or 6"),
        ({"node_count": 0}, "has an empty search tree"),
        ({"node_count": 2**32 - 1}, "is truncated: 4294967295 nodes of 6 bytes don't fit in the"),
        ({"binary_format_major_version": 3}, "has MMDB format version 3; only version 2 is known"),
        ({"node_count": None}, "has metadata with node_count None; it must be a whole number"),
        ({"ip_version": None}, "has metadata with ip_version None; it must be a whole number"),
    ],
)
def test_metadata_that_makes_no_sense_is_refused(
    tmp_path: Path, change: dict[str, Any], reason: str
) -> None:
    tree = [(1, NOTHING), (2, NOTHING), (3, NOTHING), (RECORD, NOTHING)]
    content = assemble(tree, DATA, 24, change)
    assert refusal(write(tmp_path, content)).startswith(reason)


@pytest.mark.parametrize("metadata", [b"", b"\x41a", b"\xe1", b"\x20\x00", b"\xff\xff\xff\xff\xff"])
def test_metadata_that_can_not_be_decoded_is_refused(tmp_path: Path, metadata: bytes) -> None:
    content = bytes(24) + SEPARATOR + DATA + MARKER + metadata
    assert "has metadata that" in refusal(write(tmp_path, content))


LOOPS = {
    "a node that is its own child": [(0, 0), (0, 0), (0, 0), (0, 0)],
    "a loop of two nodes": [(1, NOTHING), (0, NOTHING), (NOTHING, NOTHING), (NOTHING, NOTHING)],
    "a loop that doubles": [(1, 1), (2, 2), (3, 3), (0, 1)],
    "a loop behind a branch": [(RECORD, 1), (RECORD, 2), (RECORD, 3), (RECORD, 2)],
}


@pytest.mark.parametrize("ip_version", [4, 6])
@pytest.mark.parametrize("nodes", LOOPS.values(), ids=LOOPS.keys())
def test_a_tree_that_loops_is_refused(
    tmp_path: Path, nodes: list[tuple[int, int]], ip_version: int
) -> None:
    reason = refusal(write(tmp_path, assemble(nodes, DATA, 24, {"ip_version": ip_version})))
    assert reason.startswith("has a search tree that")
    assert "loops" in reason


def test_a_tree_that_is_deeper_than_an_address_is_refused(tmp_path: Path) -> None:
    nodes = [(number + 1, 40) for number in range(39)] + [(40, 40)]
    reason = refusal(write(tmp_path, assemble(nodes, DATA)))
    assert reason == "has a search tree that is deeper than 32 levels, or loops"


@pytest.mark.parametrize(
    "record",
    [COUNT + 1, COUNT + 15, COUNT + 16 + len(DATA), COUNT + 1000, 2**24 - 1],
    ids=["separator", "end of separator", "end of data", "metadata", "largest"],
)
def test_a_tree_that_points_outside_of_the_data_is_refused(tmp_path: Path, record: int) -> None:
    nodes = [(1, NOTHING), (2, NOTHING), (3, NOTHING), (RECORD, record)]
    reason = refusal(write(tmp_path, assemble(nodes, DATA)))
    assert reason == "has a search tree that points outside of the data"


def test_records_that_exceed_an_int32_are_not_taken_for_nodes(tmp_path: Path) -> None:
    nodes = [(1, NOTHING), (2, NOTHING), (3, NOTHING), (RECORD, 2**32 - 1)]
    reason = refusal(write(tmp_path, assemble(nodes, DATA, 32)))
    assert reason == "has a search tree that points outside of the data"


DAMAGED_DATA = {
    "a pointer to itself": b"\x20\x00",
    "a pointer beyond the data": b"\x27\xff",
    "a map whose key is missing": b"\xe1",
    "a map of itself": b"\xe1\x47country\x20\x00",
    "a text that is too long": b"\xe1\x47country\x5d\xff",
    "an unknown type": b"\x00\x20",
    "an end marker": b"\x00\x06",
    "text that is not UTF-8": b"\xe1\x47country\x42\xff\xfe",
    "a map of sixteen million": b"\xff\xff\xff\xff",
}


@pytest.mark.parametrize("data", DAMAGED_DATA.values(), ids=DAMAGED_DATA.keys())
def test_damaged_data_is_refused_or_says_nothing(tmp_path: Path, data: bytes) -> None:
    nodes = [(1, NOTHING), (2, NOTHING), (3, NOTHING), (COUNT + len(SEPARATOR), NOTHING)]
    outcome(write(tmp_path, assemble(nodes, data)))


def pointer(at: int) -> bytes:
    return (0x20 << 8 | at).to_bytes(2, "big")


def nested(levels: int, width: int, base: int = 0) -> tuple[bytes, int]:
    """Arrays whose elements all point to the array before: width ** levels values in few bytes.

    ``base`` is the offset of the first one; the second result is that of the last.
    """
    data, last = b"\x41x", base
    for _ in range(levels):
        start = base + len(data)
        data += bytes([width, 4]) + pointer(last) * width
        last = start
    return data, last


def test_data_that_unfolds_without_end_is_not_unfolded(tmp_path: Path) -> None:
    data, last = nested(50, 8)
    at = COUNT + len(SEPARATOR) + len(data)
    nodes = [(1, NOTHING), (2, NOTHING), (3, NOTHING), (at, NOTHING)]
    file = write(tmp_path, assemble(nodes, data + b"\xe1\x47country" + pointer(last)))
    load_locations([file])
    with pytest.raises(GeoError, match="exceeds the maximum"):
        look_up([file], ip_address("0.0.0.1"))


def test_metadata_that_unfolds_without_end_is_refused(tmp_path: Path) -> None:
    arrays, last = nested(50, 8, base=5)
    metadata = b"\xe1\x41a" + pointer(last) + arrays
    reason = refusal(write(tmp_path, bytes(24) + SEPARATOR + DATA + MARKER + metadata))
    assert "exceeds the maximum" in reason


def test_metadata_that_is_nested_without_end_is_refused(tmp_path: Path) -> None:
    metadata = b"\xe1\x41a" + b"\x01\x04" * 5000
    assert "maximum depth" in refusal(write(tmp_path, bytes(24) + SEPARATOR + MARKER + metadata))


def outcome(file: Path) -> None:
    """Everything that reads a file either works or raises GeoError; the fingerprint never fails."""
    assert fingerprint([file])
    uses: list[Callable[[], object]] = [
        partial(load_locations, [file]),
        partial(describe, [file]),
        *(partial(look_up, [file], client) for client in CLIENTS),
    ]
    for use in uses:
        with suppress(GeoError):
            use()


@settings(deadline=None, max_examples=80)
@given(data=st.data())
def test_files_with_changed_bytes_never_raise_anything_else(
    folder: Path, good: bytes, data: st.DataObject
) -> None:
    content = bytearray(good)
    for _ in range(data.draw(st.integers(1, 20))):
        place = data.draw(st.integers(0, len(content) - 1))
        content[place] = data.draw(st.integers(0, 255))
    outcome(write(folder, bytes(content)))


@settings(deadline=None, max_examples=80)
@given(data=st.data())
def test_data_with_changed_bytes_never_raises_anything_else(
    folder: Path, good: bytes, data: st.DataObject
) -> None:
    """As above, but where the records are: there, few bytes decide what is read."""
    end = good.rindex(MARKER)
    start = end - 260
    content = bytearray(good)
    for _ in range(data.draw(st.integers(1, 6))):
        content[data.draw(st.integers(start, end - 1))] = data.draw(st.integers(0, 255))
    outcome(write(folder, bytes(content)))


@settings(deadline=None, max_examples=200)
@given(st.binary(min_size=1, max_size=60))
@example(b"\xe1\x47country\xe1\x48iso_code\x42DE")
def test_any_bytes_as_a_record_never_raise_anything_else(folder: Path, record: bytes) -> None:
    nodes = [(1, NOTHING), (2, NOTHING), (3, NOTHING), (COUNT + len(SEPARATOR), NOTHING)]
    outcome(write(folder, assemble(nodes, record)))


@settings(deadline=None, max_examples=200)
@given(
    st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)), min_size=1, max_size=30),
    st.sampled_from([4, 6]),
    st.sampled_from([24, 28, 32]),
)
def test_any_tree_never_raises_anything_else(
    folder: Path, nodes: list[tuple[int, int]], ip_version: int, record_size: int
) -> None:
    outcome(write(folder, assemble(nodes, DATA, record_size, {"ip_version": ip_version})))
