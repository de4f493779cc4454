"""A digest of a compiled zone: the same for the same records, in whatever order they stand."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from itertools import chain

from geodns.answer.image import GeoRRset, RRset, ZoneImage

_SOA = 6
_BYTES = 16
_SERIAL_FROM_END = 20  # RFC 1035 3.3.13: serial, refresh, retry, expire and minimum of 4 bytes each


def digest_of(zone: ZoneImage, services: Sequence[str]) -> bytes:
    """16 bytes over all records but the SOA's serial; ``services`` tells them apart by number.

    What geo names are transferred as counts, too.

    A sum of each record's hash, so that nothing need be sorted. It tells edits apart, not forgers.
    """
    total = 0
    for owner, node in chain(zone.nodes.items(), zone.transferred.items()):
        for type, rrset in node.items():
            head = owner + type.to_bytes(2, "big") + rrset.ttl.to_bytes(4, "big")
            for data in _contents(type, rrset, services):
                total += int.from_bytes(blake2b(head + data, digest_size=_BYTES).digest(), "big")
    return (total % (1 << 8 * _BYTES)).to_bytes(_BYTES, "big")


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
