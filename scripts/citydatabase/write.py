"""Puts a city database together: the trees of both families, the records, the metadata."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from benchmarks.country_database import Unsigned, encode
from numpy.typing import NDArray

from citydatabase.assignment import assign
from citydatabase.countries import countries
from citydatabase.names import place_names
from citydatabase.networks import V4_PART, Networks, v4_networks, v6_networks
from citydatabase.records import Records, make_records
from citydatabase.tree import EMPTY, Links, build, join, leaf

TYPE = "Synthetic-City"
_BUILT = 1_767_225_600  # 2026-01-01: the same arguments make the same file
_SEPARATOR = 16  # zero bytes between the search tree and the data section
_MARKER = b"\xab\xcd\xefMaxMind.com"
_RECORD_BITS = 28


@dataclass(frozen=True, slots=True, eq=False)
class Database:
    """What went into a file. ``v4_records`` and ``v6_records`` number the networks' records."""

    v4: Networks
    v6: Networks
    v4_records: NDArray[np.int64]
    v6_records: NDArray[np.int64]
    records: Records
    nodes: int


def write_database(file: Path, networks: int, records: int, seed: int) -> Database:
    """Write a database with about ``networks`` networks and exactly ``records`` records.

    Raises ValueError for numbers that don't fit together.
    """
    chance = np.random.default_rng(seed)
    nations = countries()
    v4_count = int(networks * V4_PART)
    v4 = v4_networks(v4_count, chance)
    v6 = v6_networks(networks - v4_count, chance)
    weights = np.array([country.weight for country in nations])
    (v4_records, v6_records), per_country = assign([v4, v6], weights, records, chance)
    content = make_records(nations, per_country, chance)
    links = _whole_tree(build(v4, v4_records), v6, v6_records, records)
    with file.open("wb") as stream:
        stream.write(_packed(links, content.offsets))
        stream.write(bytes(_SEPARATOR))
        stream.write(content.section)
        stream.write(_MARKER + _metadata(len(links)))
    return Database(v4, v6, v4_records, v6_records, content, len(links))


def _whole_tree(v4_tree: Links, v6: Networks, v6_records: NDArray[np.int64], records: int) -> Links:
    """The tree of IPv6, with that of IPv4 at ::/96 and at the places that MaxMind aliases to it.

    These are ::ffff:0:0/96, 2001::/32 (Teredo), 2002::/16 (6to4) and 64:ff9b::/96 (NAT64).
    """
    below, below_nat64, ipv4 = records, records + 1, records + 2
    lower = _small(64, [(0x0, 32, ipv4), (0x0000FFFF << 32, 32, ipv4)])
    nat64 = _small(64, [(0x0, 32, ipv4)])
    special = Networks(
        64,
        np.array([0, 0x0064FF9B << 32, 0x2001 << 48, 0x2002 << 48], np.uint64),
        np.array([64, 64, 32, 16], np.uint8),
    )
    starts = np.concatenate([special.starts, v6.starts])
    lengths = np.concatenate([special.lengths, v6.lengths])
    values = np.concatenate([[below, below_nat64, ipv4, ipv4], v6_records])
    order = np.argsort(starts)
    upper = build(Networks(64, starts[order], lengths[order]), values[order])
    return join(upper, [lower, nat64, v4_tree], records)


def _small(bits: int, networks: list[tuple[int, int, int]]) -> Links:
    starts, lengths, values = zip(*networks, strict=True)
    return build(
        Networks(bits, np.array(starts, np.uint64), np.array(lengths, np.uint8)),
        np.array(values, np.int64),
    )


def _packed(links: Links, offsets: NDArray[np.int64]) -> bytes:
    """Nodes of two 28-bit records, whose middle byte holds the upper four bits of both."""
    count = len(links)
    values = np.where(links == EMPTY, count, links)
    is_data = links < EMPTY
    values[is_data] = count + _SEPARATOR + offsets[leaf(links[is_data])]
    if values.max() >> _RECORD_BITS:
        raise ValueError(f"the database is too large for records of {_RECORD_BITS} bits")
    packed = np.empty((count, 7), np.uint8)
    for side, first in ((0, 0), (1, 4)):
        for byte, shift in enumerate((16, 8, 0)):
            packed[:, first + byte] = values[:, side] >> shift & 0xFF
    packed[:, 3] = (values[:, 0] >> 24 & 0xF) << 4 | (values[:, 1] >> 24 & 0xF)
    return packed.tobytes()


def _metadata(nodes: int) -> bytes:
    return encode(
        {
            "binary_format_major_version": Unsigned(2, 16),
            "binary_format_minor_version": Unsigned(0, 16),
            "build_epoch": Unsigned(_BUILT, 64),
            "database_type": TYPE,
            "description": {"en": "made-up cities in real countries, for measurements"},
            "ip_version": Unsigned(6, 16),
            "languages": list(place_names(0)),
            "node_count": Unsigned(nodes, 32),
            "record_size": Unsigned(_RECORD_BITS, 16),
        }
    )
