"""The settings of the HTTPS records that geo names answer (RFC 9460)."""

from __future__ import annotations

import binascii
import re
from base64 import b64decode
from typing import Annotated

from pydantic import AfterValidator, Field, WithJsonSchema

from geodns.config.base import Settings, Whole
from geodns.config.wording import Words
from geodns.wording import shown

_ALPN = re.compile(r"[!-~]{1,255}", re.ASCII)
_LENGTH_BYTES = 2
_ECH_BYTES = range(4, 4097)  # RFC 9849 4: at least 4; more than 4096 would hardly fit a message


def parse_alpn(value: str) -> str:
    """An ALPN protocol id (RFC 7301 3.1: 1 to 255 bytes), unchanged. Raises ValueError."""
    if not _ALPN.fullmatch(value):
        raise ValueError(f"{shown(value)} is not an ALPN protocol id; write it as in h2 or h3")
    return value


def parse_ech(value: str) -> str:
    """An ECHConfigList in base64, unchanged. Raises ValueError otherwise.

    RFC 9849 4: a list in TLS's notation, so its first two bytes are the length of the rest.
    """
    try:
        data = b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        data = b""
    rest = len(data) - _LENGTH_BYTES
    if rest not in _ECH_BYTES or int.from_bytes(data[:_LENGTH_BYTES], "big") != rest:
        raise ValueError(f"{shown(value)} is not an ECHConfigList in base64")
    return value


def check_once(values: tuple[str, ...]) -> tuple[str, ...]:
    """The values, each there once. Raises ValueError otherwise."""
    for value in values:
        if values.count(value) > 1:
            raise ValueError(f"{shown(value)} stands in this list twice")
    return values


AlpnId = Annotated[str, AfterValidator(parse_alpn), Words("an ALPN protocol id as in h2 or h3")]
EchConfigList = Annotated[
    str,
    AfterValidator(parse_ech),
    WithJsonSchema({"type": "string", "description": "an ECHConfigList in base64"}),
    Words("an ECHConfigList in base64"),
]


class Https(Settings):
    """HTTPS records (RFC 9460), whose address hints are what the same client gets by A and AAAA."""

    alpn: Annotated[tuple[AlpnId, ...], AfterValidator(check_once)] = Field(
        (), max_length=16, description="protocols beside HTTP/1.1, best first, as in [h3, h2]"
    )
    port: Whole | None = Field(None, ge=1, le=65535, description="where to connect; default 443")
    ech: EchConfigList | None = Field(
        None, description="keys of TLS Encrypted Client Hello: an ECHConfigList in base64"
    )
