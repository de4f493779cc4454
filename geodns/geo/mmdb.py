"""The layout of an MMDB file: metadata, where the search tree lies, and where the data lies.

The format is described at https://maxmind.github.io/MaxMind-DB/.
"""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from maxminddb import InvalidDatabaseError
from maxminddb.decoder import Decoder
from numpy.typing import NDArray

from geodns.geo.errors import GeoError

# "The last occurrence of this string in the file marks the end of the data section and the
# beginning of the metadata"; "the maximum allowable size for the metadata section [...] is 128KiB".
METADATA_MARKER = b"\xab\xcd\xefMaxMind.com"
METADATA_LIMIT = 128 * 1024 + len(METADATA_MARKER)
DATA_SEPARATOR = 16  # zero bytes between the tree and the data
RECORD_SIZES = (24, 28, 32)  # "record sizes of 24, 28, or 32 bits", a record being half a node


@dataclass(frozen=True, slots=True)
class Metadata:
    """The metadata that reading a file takes; ``build_epoch`` is in seconds since 1970."""

    node_count: int
    record_size: int
    ip_version: int
    database_type: str
    build_epoch: int


@dataclass(frozen=True, slots=True, eq=False)
class Mmdb:
    """A file in memory. ``tree`` and ``data`` are views of its bytes, shape (n,)."""

    path: Path
    metadata: Metadata
    tree: NDArray[np.uint8]
    data: NDArray[np.uint8]


def read_mmdb(path: Path) -> Mmdb:
    """Read the whole file, which may be replaced while the result is in use.

    Raises GeoError when it can't be read or its metadata makes no sense.
    """
    try:
        content = np.fromfile(path, dtype=np.uint8)
    except OSError as error:
        raise GeoError(path, f"can't be read: {error.strerror or error}") from error
    tail = content[-METADATA_LIMIT:].tobytes()
    metadata, marker = _parse(path, tail)
    end = len(content) - len(tail) + marker
    tree_size = metadata.node_count * metadata.record_size // 4
    if tree_size + DATA_SEPARATOR > end:
        raise GeoError(
            path,
            f"is truncated: {metadata.node_count} nodes of {metadata.record_size // 4} bytes "
            f"don't fit in the {end} bytes before the metadata",
        )
    return Mmdb(path, metadata, content[:tree_size], content[tree_size + DATA_SEPARATOR : end])


def read_metadata(path: Path) -> Metadata:
    """Read only the end of a file. Raises GeoError as ``read_mmdb``."""
    try:
        with path.open("rb") as stream:
            size = stream.seek(0, os.SEEK_END)
            stream.seek(max(0, size - METADATA_LIMIT))
            tail = stream.read()
    except OSError as error:
        raise GeoError(path, f"can't be read: {error.strerror or error}") from error
    return _parse(path, tail)[0]


def _parse(path: Path, tail: bytes) -> tuple[Metadata, int]:
    """The metadata, and where its marker stands in the end of the file."""
    marker = tail.rfind(METADATA_MARKER)
    if marker < 0:
        raise GeoError(path, "is not an MMDB file, or its end is missing: it has no metadata")
    return _check(path, _decode(path, tail[marker + len(METADATA_MARKER) :])), marker


def _decode(path: Path, section: bytes) -> dict[Any, Any]:
    try:
        metadata, end = Decoder(section).decode(0)
    # A damaged section can also break the decoder's own reads, text decoding and arithmetic.
    except (InvalidDatabaseError, struct.error, LookupError, TypeError, ValueError) as error:
        raise GeoError(path, f"has metadata that can't be decoded: {error}") from error
    # The decoder takes what is there of a last value that is cut off.
    if end > len(section):
        raise GeoError(path, "is truncated: its metadata goes beyond its end")
    if not isinstance(metadata, dict):
        raise GeoError(path, "has metadata that is not a map")
    return metadata


def _check(path: Path, raw: dict[Any, Any]) -> Metadata:
    def number(key: str) -> int:
        value = raw.get(key)
        if not isinstance(value, int) or value < 0:
            raise GeoError(path, f"has metadata with {key} {value!r}; it must be a whole number")
        return value

    major = number("binary_format_major_version")
    if major != 2:
        raise GeoError(path, f"has MMDB format version {major}; only version 2 is known")
    record_size, ip_version = number("record_size"), number("ip_version")
    if record_size not in RECORD_SIZES:
        raise GeoError(path, f"has a record size of {record_size} bits; it must be 24, 28 or 32")
    if ip_version not in (4, 6):
        raise GeoError(path, f"has IP version {ip_version}; it must be 4 or 6")
    if number("node_count") == 0:
        raise GeoError(path, "has an empty search tree")
    return Metadata(
        node_count=number("node_count"),
        record_size=record_size,
        ip_version=ip_version,
        database_type=str(raw.get("database_type", "unknown")),
        build_epoch=number("build_epoch") if "build_epoch" in raw else 0,
    )
