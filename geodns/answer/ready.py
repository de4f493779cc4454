"""Ready-made answers: everything of a reply that does not depend on the single query."""

from __future__ import annotations

from functools import lru_cache
from itertools import product

QUERY_HEADS: dict[bytes, int] = {
    bytes((rd, ad_cd, 0, 1, 0, 0, 0, 0, 0, additional)): additional
    for rd, ad_cd, additional in product((0x00, 0x01), (0x00, 0x10, 0x20, 0x30), (0, 1))
}
"""Bytes 2 to 11 of the headers that ordinary queries have -> number of additional records.

One question, opcode QUERY; RD, AD and CD may be set.
"""

_QR, _AA, _RD, _CD = 0x80, 0x04, 0x01, 0x10


@lru_cache(maxsize=4096)
def reply_heads(aa: bool, rcode: int, counts: tuple[int, int, int]) -> dict[bytes, bytes]:
    """For each ordinary query's head, bytes 2 to 11 of the reply.

    ``counts`` are of the answer, authority and additional section, the OPT record not included.
    """
    heads = {}
    for head, opt in QUERY_HEADS.items():
        # RFC 1035 4.1.1: RD is copied; RA stays 0. RFC 4035 3.1.6: CD must be copied.
        flags = bytes((_QR | (_AA if aa else 0) | head[0] & _RD, head[1] & _CD | rcode & 0x0F))
        sections = (1, counts[0], counts[1], counts[2] + opt)
        heads[head] = flags + b"".join(count.to_bytes(2, "big") for count in sections)
    return heads


class Ready:
    """A reply without the query's id and question: ``id + heads[...] + question + body (+ OPT)``.

    ``count`` is how often it was sent since it was made; ``type`` and ``rcode`` are numbers;
    ``answered`` is (service, region, AZ, reason) for an answer from a service, else None.
    ``error`` is an extended error for those who have EDNS (RFC 8914). The body may end at
    each of ``stops``: (length, records in the additional section).
    """

    __slots__ = ("aa", "answered", "body", "count", "error", "heads", "rcode", "stops", "type")

    def __init__(
        self,
        type: int,
        aa: bool,
        rcode: int,
        counts: tuple[int, int, int],
        body: bytes,
        answered: tuple[str, str, str, str] | None = None,
    ) -> None:
        self.heads = reply_heads(aa, rcode, counts)
        self.body = body
        self.count = 0
        self.type = type
        self.aa = aa
        self.rcode = rcode
        self.answered = answered
        self.error: int | None = None
        self.stops: tuple[tuple[int, int], ...] = ()
