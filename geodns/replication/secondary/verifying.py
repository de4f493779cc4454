"""The signatures of a reply of many messages (RFC 8945 5.3.1), as who asked for it checks them."""

from __future__ import annotations

import struct
from collections.abc import Callable

import dns.exception
import dns.name
import dns.rcode
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rdtypes.ANY.TSIG
import dns.tsig

from geodns.replication.secondary.errors import FutileError
from geodns.replication.secondary.rdata import name_at

_COUNTS = struct.Struct("!HH")  # of the authority and the additional section
_COUNTS_AT = 8
_FIXED = struct.Struct("!HHIH")
_MOST_UNSIGNED = 99

Tsig = dns.rdtypes.ANY.TSIG.TSIG


class Verifier:
    """``mac`` is that of the request, ``wall`` the time in seconds since 1970."""

    def __init__(self, key: dns.tsig.Key, mac: bytes, wall: Callable[[], float]) -> None:
        self._key = key
        self._mac = mac
        self._wall = wall
        self._context: dns.tsig.HMACTSig | dns.tsig.GSSTSig | None = None
        self._unsigned = 0

    def take(self, packet: bytes, behind: int) -> None:
        """The next message, whose answer section ends at ``behind``. Raises FutileError."""
        start = _start_of_tsig(packet, behind)
        if start is not None:
            self._signed(packet, start)
            self._unsigned = 0
            return
        # RFC 8945 5.3.1: the first message is signed, and of the others "no more than 99" in a row
        # are not.
        self._unsigned += 1
        if self._context is None:
            raise FutileError("its answer is not signed")
        if self._unsigned > _MOST_UNSIGNED:
            raise FutileError(f"more than {_MOST_UNSIGNED} messages in a row are not signed")
        self._context.update(packet)  # type: ignore[no-untyped-call]  # dnspython has no types here

    def finish(self) -> None:
        """There are no more messages. Raises FutileError."""
        if self._unsigned:
            raise FutileError("the last message is not signed")

    def _signed(self, packet: bytes, start: int) -> None:
        try:
            owner, length = dns.name.from_wire(packet, start)
            at = start + length + _FIXED.size
            rdata = dns.rdata.from_wire(
                dns.rdataclass.ANY, dns.rdatatype.TSIG, packet, at, len(packet) - at
            )
            self._context = dns.tsig.validate(  # type: ignore[no-untyped-call]  # nor here
                packet,
                self._key,
                owner,
                rdata,
                int(self._wall()),
                self._mac,
                start,
                self._context,
                True,
            )
        except dns.tsig.PeerError as error:
            raise FutileError(f"it refuses our signature: {error}") from error
        except dns.tsig.BadTime as error:
            raise FutileError("its signature is of another time; compare the clocks") from error
        except (dns.exception.DNSException, ValueError, struct.error) as error:
            raise FutileError("its signature is wrong") from error


def _start_of_tsig(packet: bytes, position: int) -> int | None:
    """Where the last record begins, if that is a TSIG: it is nowhere else (RFC 8945 5.1)."""
    authority, additional = _COUNTS.unpack_from(packet, _COUNTS_AT)
    start, type = position, 0
    try:
        for _ in range(authority + additional):
            start = position
            _, fixed = name_at(packet, start, {})
            type, _, _, length = _FIXED.unpack_from(packet, fixed)
            position = fixed + _FIXED.size + length
    except (IndexError, struct.error) as error:
        raise FutileError("it sends a message that ends too early") from error
    return start if additional and type == dns.rdatatype.TSIG else None
