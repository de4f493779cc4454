"""TSIG (RFC 8945): whether a request is signed well, and replies that are signed in turn. Pure.

The arithmetic is dnspython's; what is here is what a server says to which fault, and the signing of
replies of many messages that exist as bytes only.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rdtypes.ANY.TSIG
import dns.tsig

from geodns.answer.cold import error_reply
from geodns.answer.edns import Opt
from geodns.answer.records import start_of_last
from geodns.answer.resolve import FORMERR

FUDGE = 300  # seconds; RFC 8945 10: "The RECOMMENDED value in most situations is 300 seconds."
MOST_BYTES = 200
"""What a signature adds to a message beside its key's name: the longest digest has 64 bytes."""
_NOTAUTH = 9
_TSIG_OF_ANY = (250).to_bytes(2, "big") + (255).to_bytes(2, "big")
_ARCOUNT = slice(10, 12)

Tsig = dns.rdtypes.ANY.TSIG.TSIG
Keyring = Mapping[dns.name.Name, dns.tsig.Key]


class Request(NamedTuple):
    """A request that could be read. ``signer`` signs the replies; None: it was not signed."""

    message: dns.message.Message
    signer: Signer | None

    @property
    def key(self) -> str | None:
        """The name of the key that it is signed with, in lower case; None: it was not."""
        return None if self.signer is None else self.signer.name


class Signer:
    """Signs the messages of one reply, in their order (RFC 8945 5.3.1)."""

    def __init__(self, key: dns.tsig.Key, request_mac: bytes, now: int, original_id: int) -> None:
        self._key = key
        self._mac = request_mac
        self._context: dns.tsig.HMACTSig | dns.tsig.GSSTSig | None = None
        self._blank = Tsig(  # type: ignore[no-untyped-call]  # dnspython has no types here
            dns.rdataclass.ANY,
            dns.rdatatype.TSIG,
            key.algorithm,
            now,
            FUDGE,
            b"",
            original_id,
            dns.rcode.NOERROR,
            b"",
        )
        self._now = now

    @property
    def name(self) -> str:
        """The key's name, with the final dot, in lower case."""
        return self._key.name.to_text().lower()

    @property
    def length(self) -> int:
        """The most bytes that a signature adds to a message."""
        return MOST_BYTES + len(self._key.name.to_wire() or b"")

    def sign(self, message: bytes, *, error: int = 0, other: bytes = b"") -> bytes:
        """A message with its TSIG record at the end."""
        blank = self._blank.replace(error=error, other=other)
        signed, self._context = dns.tsig.sign(  # type: ignore[no-untyped-call]  # nor here
            message,
            self._key,
            blank,
            self._now,
            self._mac if self._context is None else None,
            self._context,
            True,
        )
        return _appended(message, self._key.name, signed)


def plain_opt(request: Request) -> Opt | None:
    """The OPT record of the reply; None: the request has none."""
    return _opt_of(request.message)


def _opt_of(message: dns.message.Message) -> Opt | None:
    if message.edns < 0:
        return None
    return Opt(0, 0, do=bool(message.ednsflags & dns.flags.DO))


def read(packet: bytes, keys: Keyring, now: int) -> Request | bytes:
    """A request, or the reply that says what is wrong with it."""
    try:
        # Not validated here: each fault has its own reply.
        message = dns.message.from_wire(packet, keyring=False)
    except (dns.exception.DNSException, ValueError):
        return error_reply(packet, FORMERR)
    if message.tsig is None:
        return Request(message, None)
    return _verified(packet, message, keys, now)


def _verified(
    packet: bytes, message: dns.message.Message, keys: Keyring, now: int
) -> Request | bytes:
    # RFC 8945 5.1: it is the last record, or the message could not be read.
    assert message.tsig is not None
    owner = message.tsig.name
    rdata = message.tsig[0]
    assert isinstance(rdata, Tsig)
    key = keys.get(owner)
    if key is None or key.algorithm != rdata.algorithm:
        # RFC 8945 5.2.1: NOTAUTH, with BADKEY in a TSIG that is not signed.
        return _refused(packet, message, rdata, dns.rcode.BADKEY)
    signer = Signer(key, rdata.mac, now, message.id)
    try:
        dns.tsig.validate(  # type: ignore[no-untyped-call]  # nor here
            packet, key, owner, rdata, now, b"", start_of_last(packet)
        )
    except dns.tsig.BadTime:
        # RFC 8945 5.2.3: BADTIME is signed; "It MUST include the client's current time in the Time
        # Signed field, the server's current time in the Other Data field".
        late = Signer(key, rdata.mac, rdata.time_signed, message.id)
        head = error_reply(packet, _NOTAUTH, b"", _opt_of(message))
        return late.sign(head, error=dns.rcode.BADTIME, other=now.to_bytes(6, "big"))
    except (dns.exception.DNSException, ValueError):
        # RFC 8945 5.2.2: BADSIG, not signed either.
        return _refused(packet, message, rdata, dns.rcode.BADSIG)
    return Request(message, signer)


def _refused(packet: bytes, message: dns.message.Message, rdata: Tsig, error: int) -> bytes:
    blank = rdata.replace(mac=b"", error=error, other=b"")
    assert isinstance(blank, Tsig)
    assert message.tsig is not None
    return _appended(error_reply(packet, _NOTAUTH, b"", _opt_of(message)), message.tsig.name, blank)


def _appended(message: bytes, owner: dns.name.Name, rdata: Tsig) -> bytes:
    data, name = rdata.to_wire(), owner.to_wire()
    assert data is not None
    assert name is not None
    count = int.from_bytes(message[_ARCOUNT], "big") + 1
    fixed = _TSIG_OF_ANY + bytes(4)
    head = message[:10] + count.to_bytes(2, "big") + message[12:]
    return head + name + fixed + len(data).to_bytes(2, "big") + data
