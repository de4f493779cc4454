"""The country database that all servers of a benchmark share: ours, with continents added.

gdnsd finds a country only below its continent, and the embedded database names no continents. The
search tree stays as it is; its records are pointed at a new data section.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import maxminddb
import maxminddb.decoder
import numpy as np
from numpy.typing import NDArray

from benchmarks.errors import BenchError

_SEPARATOR = 16  # zero bytes between the search tree and the data section
_METADATA_MARKER = b"\xab\xcd\xefMaxMind.com"
_UNSIGNED = {16: 5, 32: 6, 64: 9}  # the type number of each width


class Unsigned(NamedTuple):
    """A number with its width in bits: readers insist on the type of each metadata field."""

    number: int
    bits: int


def add_continents(source: Path, target: Path, continents: Mapping[str, str]) -> None:
    """Write ``source``'s tree to ``target`` with ``{continent: {code}, country: {iso_code}}``.

    ``continents`` maps countries (ISO 3166-1 alpha-2) to continent codes; addresses of other
    countries are left without a record. Raises BenchError for a layout other than 32-bit records.
    """
    with maxminddb.open_database(source, maxminddb.MODE_FILE) as reader:
        metadata = reader.metadata()
    if metadata.record_size != 32:
        raise BenchError(f"{source} has {metadata.record_size}-bit records; 32-bit ones are needed")
    nodes = metadata.node_count
    raw = source.read_bytes()
    tree = np.frombuffer(raw, dtype=">u4", count=2 * nodes).astype(np.int64)
    offsets = np.unique(tree[tree > nodes])
    decoder = maxminddb.decoder.Decoder(raw, nodes * 8 + _SEPARATOR)
    pointers, data = _new_data(decoder, offsets, nodes, continents)
    is_data = tree > nodes
    tree[is_data] = pointers[np.searchsorted(offsets, tree[is_data])]
    described = {
        "binary_format_major_version": Unsigned(metadata.binary_format_major_version, 16),
        "binary_format_minor_version": Unsigned(metadata.binary_format_minor_version, 16),
        "build_epoch": Unsigned(metadata.build_epoch, 64),
        "database_type": "Benchmark-Country",
        "description": {"en": "countries with continents, for a benchmark"},
        "ip_version": Unsigned(metadata.ip_version, 16),
        "languages": ["en"],
        "node_count": Unsigned(nodes, 32),
        "record_size": Unsigned(32, 16),
    }
    target.write_bytes(
        tree.astype(">u4").tobytes()
        + bytes(_SEPARATOR)
        + data
        + _METADATA_MARKER
        + encode(described)
    )


def _new_data(
    decoder: maxminddb.decoder.Decoder,
    offsets: NDArray[np.int64],
    nodes: int,
    continents: Mapping[str, str],
) -> tuple[NDArray[np.int64], bytes]:
    """The tree's new value for each of its old ones, and the data section that they point into."""
    pointers = np.empty(len(offsets), dtype=np.int64)
    data = bytearray()
    for position, value in enumerate(offsets.tolist()):
        # A tree value above the node count is that count, the separator and a data offset.
        record, _ = decoder.decode(value - nodes + nodes * 8)
        country = country_of(record)
        if country not in continents:
            pointers[position] = nodes  # "no record"
            continue
        pointers[position] = nodes + _SEPARATOR + len(data)
        data += encode(
            {"continent": {"code": continents[country]}, "country": {"iso_code": country}}
        )
    return pointers, bytes(data)


def country_of(record: object) -> str:
    """A record's country code; empty: none is known."""
    country = record.get("country") if isinstance(record, dict) else None
    code = country.get("iso_code") if isinstance(country, dict) else None
    return code if isinstance(code, str) else ""


def encode(value: object) -> bytes:
    """A value in the MaxMind DB format 2.0: strings, unsigned integers, maps and arrays."""
    match value:
        case str():
            text = value.encode()
            return _control(2, len(text)) + text
        case Unsigned(number, bits):
            size = (number.bit_length() + 7) // 8
            return _control(_UNSIGNED[bits], size) + number.to_bytes(size, "big")
        case dict():
            return _control(7, len(value)) + b"".join(
                encode(key) + encode(item) for key, item in value.items()
            )
        case list():
            return _control(11, len(value)) + b"".join(encode(item) for item in value)
    raise TypeError(f"{value!r} has no form in a MaxMind database here")


def _control(kind: int, size: int) -> bytes:
    # Sizes from 29 on are 29 and one more byte; the format's longer sizes are not needed here.
    if size >= 29 + 256:
        raise ValueError(f"{size} is too large for the sizes that are written here")
    low, more = (size, b"") if size < 29 else (29, bytes([size - 29]))
    if kind > 7:  # an extended type: its number less 7 in a second byte
        return bytes([low, kind - 7]) + more
    return bytes([kind << 5 | low]) + more
