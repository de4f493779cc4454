"""A digest of a compiled zone: the same for the same records, in whatever order they stand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import blake2b
from itertools import chain

from geodns.answer.image import GeoRRset, RRset, ZoneImage
from geodns.answer.layered import Layered
from geodns.zone.wire import Base

_SOA = 6
_OVERHEAD = 11  # bytes of a record beside its owner and its rdata, as the journal has them
_BYTES = 16
_SERIAL_FROM_END = 20  # RFC 1035 3.3.13: serial, refresh, retry, expire and minimum of 4 bytes each


def digest_of(zone: ZoneImage, services: Sequence[str]) -> bytes:
    """16 bytes over all records but the SOA's serial; ``services`` tells them apart by number.

    What geo names are transferred as counts, too.

    A sum of each record's hash, so that nothing need be sorted. It tells edits apart, not forgers.
    """
    nodes, total = zone.nodes, 0
    if isinstance(nodes, Layered) and zone.kept is not None:
        base = zone.kept.base
        total = figures(base)[0] - sum(_of_node(o, base.nodes.get(o, {}), ()) for o in nodes.top)
        nodes = {owner: node for owner, node in nodes.top.items() if node is not None}
    for owner, node in chain(nodes.items(), zone.transferred.items()):
        total += _of_node(owner, node, services)
    return (total % (1 << 8 * _BYTES)).to_bytes(_BYTES, "big")


def figures(base: Base) -> tuple[int, int]:
    """The sum of the hashes of all records, and how many bytes they have on their way to others."""
    if base.digest is None:
        digest = size = 0
        for owner, sets in base.nodes.items():
            # As below, without a call for each of so many.
            for type, rrset in sets.items():
                head = owner + type.to_bytes(2, "big") + rrset.ttl.to_bytes(4, "big")
                size += len(rrset.rdatas) * (len(owner) + _OVERHEAD)
                for data in rrset.rdatas:
                    size += len(data)
                    hashed = blake2b(head + data, digest_size=_BYTES).digest()
                    digest += int.from_bytes(hashed, "big")
        base.digest, base.size = digest, size
    return base.digest, base.size


def size_of(owner: bytes, node: Mapping[int, RRset | GeoRRset]) -> int:
    """The bytes of a node's records, about as they are transferred."""
    return sum(
        len(rrset.rdatas) * (len(owner) + _OVERHEAD) + sum(map(len, rrset.rdatas))
        for rrset in node.values()
        if isinstance(rrset, RRset)
    )


def _of_node(owner: bytes, node: Mapping[int, RRset | GeoRRset], services: Sequence[str]) -> int:
    total = 0
    for type, rrset in node.items():
        head = owner + type.to_bytes(2, "big") + rrset.ttl.to_bytes(4, "big")
        for data in _contents(type, rrset, services):
            total += int.from_bytes(blake2b(head + data, digest_size=_BYTES).digest(), "big")
    return total


def _contents(type: int, rrset: RRset | GeoRRset, services: Sequence[str]) -> Sequence[bytes]:
    if isinstance(rrset, GeoRRset):
        return (services[rrset.service].encode(),)
    if type == _SOA:
        return tuple(with_serial(rdata, 0) for rdata in rrset.rdatas)
    return rrset.rdatas


def serial_of(rdata: bytes) -> int:
    """The serial in the rdata of an SOA."""
    end = len(rdata) - _SERIAL_FROM_END + 4
    return int.from_bytes(rdata[end - 4 : end], "big")


def with_serial(rdata: bytes, serial: int) -> bytes:
    """The rdata of an SOA with another serial."""
    start = len(rdata) - _SERIAL_FROM_END
    return rdata[:start] + serial.to_bytes(4, "big") + rdata[start + 4 :]
