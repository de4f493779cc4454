"""Answers NOTIFY messages (RFC 1996) that primaries send of zones that are copied from them."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Protocol

import dns.message
import dns.rdataclass
import dns.rdatatype
import dns.rdtypes.ANY.SOA

from geodns.answer.cold import error_reply
from geodns.answer.edns import Opt
from geodns.answer.names import HEADER_BYTES, name_end
from geodns.answer.resolve import FORMERR, NOERROR, REFUSED
from geodns.replication.inbound import Notified
from geodns.replication.tsig import Request
from geodns.server.answering import HandedQuery
from geodns.sparing import Sparing

logger = logging.getLogger(__name__)

_NOTAUTH = 9
_AA = 0x04
_RCODES = {Notified.TAKEN: NOERROR, Notified.REFUSED: REFUSED, Notified.NOT_OURS: _NOTAUTH}


class TakesNotice(Protocol):
    """What is made of a NOTIFY: ``Follower.notified``."""

    def __call__(self, apex: bytes, host: str, key: str | None, serial: int | None) -> Notified:
        """It came from a host, signed well with this key."""


class Notices:
    """``notified`` decides; what is refused is logged, but not without end."""

    def __init__(self, notified: TakesNotice, clock: Callable[[], float] = time.monotonic) -> None:
        self._notified = notified
        self._sparing = Sparing(clock)

    def answer(self, request: Request, query: HandedQuery) -> bytes:
        """The reply, not signed yet."""
        message = request.message
        opt = None if message.edns < 0 else Opt(message.payload, 0, do=False)
        if len(message.question) != 1:
            return error_reply(query.packet, FORMERR, b"", opt)
        wire = query.packet[HEADER_BYTES : name_end(query.packet, HEADER_BYTES) + 4]
        (question,) = message.question
        # RFC 1996 3.7 and 3.11 know of no other type.
        if question.rdtype != dns.rdatatype.SOA:
            return error_reply(query.packet, FORMERR, wire, opt)
        outcome = Notified.NOT_OURS
        if question.rdclass == dns.rdataclass.IN:
            apex = question.name.to_digestable()
            outcome = self._notified(apex, query.host, request.key, _serial(message))
        if outcome is not Notified.TAKEN:
            # RFC 1996 3.10: who is not known as a primary leads to "an error message in its
            # operations log".
            self._tell(question.name.to_text().lower(), query.host, outcome)
        reply = error_reply(query.packet, _RCODES[outcome], wire, opt)
        if outcome is Notified.TAKEN:
            # RFC 1996 4.7: "flags: QR AA".
            reply = reply[:2] + bytes((reply[2] | _AA,)) + reply[3:]
        return reply

    def _tell(self, zone: str, host: str, outcome: Notified) -> None:
        held = self._sparing.passes((zone, host))
        if held is not None:
            fields: dict[str, object] = {"zone": zone, "from": host, "outcome": str(outcome)}
            more = {"more": held} if held else {}
            logger.warning("a NOTIFY was not taken", extra=fields | more)


def _serial(message: dns.message.Message) -> int | None:
    """RFC 1996 3.7: the new SOA may be in the answer section, as a hint."""
    (question,) = message.question
    for rrset in message.answer:
        if rrset.name == question.name:
            for rdata in rrset:
                if isinstance(rdata, dns.rdtypes.ANY.SOA.SOA):
                    return int(rdata.serial)
    return None
