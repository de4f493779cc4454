"""How two servers prove to each other that they have the same secret. Pure.

Both talk over TLS, whose certificates nobody has to vouch for: each proof covers both nonces, both
names and the certificate of the connection that it is sent over. Whoever stands in between has
another certificate, so that neither side's proof is of use on the other; and no proof is of use a
second time, for a nonce of the other side is in it.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from hashlib import sha256
from typing import Literal

NONCE = 32  # bytes
_PURPOSE = b"geodns pair 1"

Side = Literal["caller", "called"]


@dataclass(frozen=True, slots=True)
class Transcript:
    """What both sides of a connection have seen. ``certificate`` is in DER, of the one called."""

    caller: str
    called: str
    caller_nonce: bytes
    called_nonce: bytes
    certificate: bytes


def proof(secret: bytes, side: Side, seen: Transcript) -> bytes:
    """What a side sends to show that it has the secret."""
    parts = (
        _PURPOSE,
        side.encode(),
        seen.caller.encode(),
        seen.called.encode(),
        seen.caller_nonce,
        seen.called_nonce,
        # RFC 5929 4: the hash of the certificate binds to the end point of the TLS connection.
        sha256(seen.certificate).digest(),
    )
    # With its length before it, no part can be taken for another.
    return hmac.digest(secret, b"".join(len(p).to_bytes(4, "big") + p for p in parts), "sha256")


def is_proven(secret: bytes, side: Side, seen: Transcript, given: bytes) -> bool:
    """Whether a proof is the one of that side, in the same time whatever it is."""
    return hmac.compare_digest(proof(secret, side, seen), given)
