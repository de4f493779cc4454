"""Settings of a pair of servers: who the other is, and how both know each other."""

from __future__ import annotations

import base64
import binascii
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from geodns.config.base import Settings
from geodns.config.values import Duration, Listen
from geodns.config.wording import Words
from geodns.errors import GeodnsError

_LEAST_SECRET = 16  # bytes: too many to be found by trying
_HINT = "`openssl rand -base64 32` makes one"

NodeName = Annotated[
    str,
    Field(pattern=r"^[A-Za-z0-9]([A-Za-z0-9._-]{0,62})$"),
    Words("a name as in ns1: letters, digits, dots, hyphens, underscores; 63 at most"),
]


def _parse_secret(value: str) -> str:
    """A secret in base64. Raises ValueError, without the value: it is secret."""
    try:
        secret = base64.b64decode(value.strip(), validate=True)
    except (binascii.Error, ValueError):
        secret = b""
    if len(secret) < _LEAST_SECRET:
        raise ValueError(f"the secret is {_LEAST_SECRET} bytes or more in base64; {_HINT}")
    return value.strip()


class Other(Settings):
    """The other server of the pair."""

    name: NodeName = Field(description="its name, as its own `pair.name` says")
    address: Listen = Field(description="where it listens, as its own `pair.listen` says")


class Pair(Settings):
    """Two servers, one standing by. Both have these settings, each from its own side."""

    name: NodeName = Field(description="what the other knows this server by")
    listen: Listen = Field(description="where the other connects to, over TLS")
    other: Other = Field(description="the other server")
    begins_as: Literal["primary", "standby"] = Field(
        description="what it is when it starts for the first time; then its state folder knows"
    )
    secret: Annotated[str, AfterValidator(_parse_secret), Words("base64")] | None = Field(
        None, description="what both prove to have, in base64; the same on both"
    )
    secret_file: Path | None = Field(None, description="file with the secret instead")
    certificate: Path = Field(
        description="PEM file of the certificate for TLS; any will do, the secret vouches for it"
    )
    key: Path = Field(description="PEM file of the certificate's private key, not encrypted")
    geoip: Literal["follow", "own"] = Field(
        "follow",
        description="on a standby: follow the primary's `geoip`, databases included, or have one "
        "of its own",
    )
    acknowledge: Literal["alone", "both"] = Field(
        "alone",
        description="when the sender of a dynamic update is told that it is done: once this server "
        "has it on disk, or once both have",
    )
    silence: Duration = Field(
        5.0, ge=1, description="the other is taken for gone when it says nothing for so long"
    )

    @model_validator(mode="after")
    def _has_one_secret(self) -> Pair:
        if (self.secret is None) is (self.secret_file is None):
            raise ValueError("a pair has either secret or secret_file")
        if self.name == self.other.name:
            raise ValueError(f"both servers can't be {self.name}; each has a name of its own")
        return self


class SecretError(GeodnsError):
    """The file of the secret can't be used; one sentence that does not repeat what is in it."""


def secret_of(pair: Pair) -> bytes:
    """The secret. Raises SecretError."""
    if pair.secret is not None:
        return base64.b64decode(pair.secret)
    assert pair.secret_file is not None
    try:
        return base64.b64decode(_parse_secret(pair.secret_file.read_text(encoding="ascii")))
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise SecretError(f"{pair.secret_file} can't be used: {reason}") from error


OWN = frozenset(
    (
        "listen",
        "identity",
        "version",
        "user",
        "group",
        "workers",
        "state",
        "admin",
        "tcp",
        "tls",
        "proxy",
        "log",
        "pair",
    )
)
"""The settings that each server of a pair has for itself; all others are the primary's."""


def own_settings(pair: Pair) -> frozenset[str]:
    """Those that a server has for itself while it follows the other."""
    return OWN | {"geoip"} if pair.geoip == "own" else OWN
