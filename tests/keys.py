"""The secret of the keys that tests sign with, and these keys as dnspython has them."""

from __future__ import annotations

import base64
from typing import Any, TypedDict

import dns.name
import dns.tsig
import dns.tsigkeyring

SECRET = base64.b64encode(b"a secret of thirty-two bytes, ok").decode()


class Signing(TypedDict):
    """What messages of dnspython are signed with, as arguments by name."""

    keyring: Any  # dnspython has no type for it
    keyalgorithm: dns.name.Name


def keyring(*names: str) -> Any:
    """Keys of these names, all with SECRET and HMAC-SHA256, as the server's are by default."""
    return dns.tsigkeyring.from_text(dict.fromkeys(names, SECRET))


def signing(name: str) -> Signing:
    """The arguments that sign with the key of this name."""
    return {"keyring": keyring(name), "keyalgorithm": dns.tsig.HMAC_SHA256}
