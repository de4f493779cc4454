"""Makes a reply that is too long fit: leaves out what may be missing, or says that it is cut."""

from __future__ import annotations

from geodns.answer.names import HEADER_BYTES
from geodns.answer.ready import Ready

MOST_BYTES = 65535  # RFC 1035 4.2.2: the length before a message over TCP has two bytes
_TC = 0x02


def fitted(reply: bytes, question: bytes, ready: Ready, limit: int) -> bytes:
    """A reply of at most ``limit`` bytes in place of one that is longer."""
    opt = reply[HEADER_BYTES + len(question) + len(ready.body) :]
    room = limit - HEADER_BYTES - len(question) - len(opt)
    own = 1 if opt else 0
    # RFC 2181 9: "TC should not be set merely because some extra information could have been
    # included, but there was insufficient room."
    for length, additional in reversed(ready.stops):
        if length <= room:
            count = (additional + own).to_bytes(2, "big")
            return reply[: HEADER_BYTES - 2] + count + question + ready.body[:length] + opt
    # RFC 2181 9: of a reply with TC set nothing is used; the client comes back by TCP. What is too
    # long for that as well can't be said at all, and TC is the truth about it.
    flags = bytes((reply[2] | _TC, reply[3]))
    return reply[:2] + flags + b"\0\x01\0\0\0\0" + own.to_bytes(2, "big") + question + opt
