"""Bytes in a configuration: as text, or in hexadecimal."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, WithJsonSchema

from geodns.config.wording import Words
from geodns.wording import shown

_MOST = 16 * 1024  # bytes to send or to look for: more is a mistake
_SCHEMA = {
    "anyOf": [
        {"type": "string"},
        {
            "type": "object",
            "required": ["hex"],
            "properties": {"hex": {"type": "string", "description": "bytes in hexadecimal"}},
            "additionalProperties": False,
        },
    ],
    "description": "text, or {hex: 50 49 4e 47}",
}


def parse_octets(value: Any) -> bytes:
    """``PING`` (as UTF-8) or ``{hex: 50 49 4e 47}``. Raises ValueError."""
    if isinstance(value, str):
        octets = value.encode()
    elif isinstance(value, bytes):
        octets = value
    elif isinstance(value, dict) and value.keys() == {"hex"}:
        octets = _from_hex(value["hex"])
    else:
        raise ValueError(f"{shown(value)} is neither text nor {{hex: 50 49 4e 47}}")
    if not 0 < len(octets) <= _MOST:
        raise ValueError(f"these are {len(octets)} bytes; from 1 to {_MOST} are possible")
    return octets


def _from_hex(value: Any) -> bytes:
    try:
        # YAML reads 50 and 0x50 as numbers, which have lost how they were written.
        if isinstance(value, str):
            return bytes.fromhex(value)
    except ValueError:  # said below
        pass
    raise ValueError(f'{shown(value)} is not hexadecimal; write it in quotes, as in hex: "50 49"')


Octets = Annotated[
    bytes,
    BeforeValidator(parse_octets),
    WithJsonSchema(_SCHEMA),
    Words("text, or {hex: 50 49 4e 47}"),
]
