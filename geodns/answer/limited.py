"""What rate limiting needs to know of a reply, and the short reply that stands in for it."""

from __future__ import annotations

from collections.abc import Hashable

from geodns.answer.edns import Opt
from geodns.answer.image import Image
from geodns.answer.names import HEADER_BYTES, name_end
from geodns.answer.opts import OptTable
from geodns.answer.resolve import NOERROR, NXDOMAIN, find_zone

BADCOOKIE = 23
_AA, _TC = 0x04, 0x02
_ERROR = "error"


def kind_of(reply: bytes, image: Image) -> Hashable:
    """Which account a reply is charged to.

    Answers are told apart by their question where its name stands in a zone. Everything that a
    made-up name can bring about is one kind for each zone, else every name would have an account:
    what a wildcard gives, that there is no such name or data, a referral. All errors are one kind.
    """
    rcode = reply[3] & 0x0F
    end = name_end(reply, HEADER_BYTES)
    if rcode not in (NOERROR, NXDOMAIN) or end < 0 or end + 4 > len(reply):
        return _ERROR
    name, type = reply[HEADER_BYTES:end].lower(), int.from_bytes(reply[end : end + 2], "big")
    zone = find_zone(image, name, type)
    if zone is None:
        return _ERROR
    if rcode == NOERROR and reply[6:8] != b"\0\0" and name in zone.nodes:
        return name, type
    return zone.apex, rcode, bool(reply[2] & _AA), reply[6:8] == b"\0\0"


def find_opt(packet: bytes, table: OptTable, host: str) -> Opt | None:
    """The OPT record of a query that is good apart from being one of too many, None without."""
    end = name_end(packet, HEADER_BYTES) + 4
    if end < HEADER_BYTES + 5 or packet[4:12] != b"\0\1\0\0\0\0\0\1":
        return None
    record = packet[end:]
    # Not from what is remembered by shape: the hint has to echo this very client subnet.
    return table.learn(record, host)


def cut_short(reply: bytes, opt: Opt | None) -> bytes:
    """A reply no larger than its query needs: with it, a client that is real finds a way on.

    One that sent a cookie is given its server cookie and comes again with it over UDP (RFC 7873
    5.2.3); all others are told to come by TCP.
    """
    end = name_end(reply, HEADER_BYTES) + 4
    question = reply[HEADER_BYTES:end] if reply[4:6] == b"\0\1" else b""
    cookie = opt is not None and opt.cookie is not None
    rcode = BADCOOKIE if cookie else reply[3] & 0x0F
    # RFC 2181 9: with TC set, no part of the answer is needed.
    flags = bytes((reply[2] & ~_AA if cookie else reply[2] | _TC, reply[3] & 0xF0 | rcode & 0x0F))
    counts = bytes((0, 1 if question else 0, 0, 0, 0, 0, 0, 1 if opt is not None else 0))
    record = opt.record(0, rcode) if opt is not None else b""
    return reply[:2] + flags + counts + question + record
