"""Settings of replication: who may copy zones, whom changes are told, and the keys to sign with."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal

import dns.name
from pydantic import AfterValidator, Field, model_validator

from geodns.config.base import Settings
from geodns.config.values import AbsoluteName, AddressText, Duration, Network
from geodns.config.wording import Words
from geodns.errors import GeodnsError
from geodns.socket_address import SocketAddress

DNS_PORT = 53
_LEAST_SECRET = 16  # bytes; RFC 8945 8 wants "at least as long as the keyed message digest"


def _parse_secret(value: str) -> str:
    """A secret in base64. Raises ValueError, without the value: it is secret."""
    try:
        secret = base64.b64decode(value.strip(), validate=True)
    except (binascii.Error, ValueError):
        secret = b""
    if len(secret) < _LEAST_SECRET:
        raise ValueError(
            f"a TSIG secret is {_LEAST_SECRET} bytes or more in base64; "
            "`openssl rand -base64 32` makes one"
        )
    return value.strip()


class Key(Settings):
    """A TSIG key (RFC 8945): both sides have it."""

    algorithm: Literal["hmac-sha256", "hmac-sha384", "hmac-sha512"] = Field(
        "hmac-sha256", description="how messages are signed"
    )
    secret: Annotated[str, AfterValidator(_parse_secret), Words("base64")] | None = Field(
        None, description="the secret in base64"
    )
    secret_file: Path | None = Field(None, description="file with the secret instead")

    @model_validator(mode="after")
    def _has_one_secret(self) -> Key:
        if (self.secret is None) is (self.secret_file is None):
            raise ValueError("a key has either secret or secret_file")
        return self


class Peer(Settings):
    """Whom something is allowed: by address, by key, or only by both. Text is a network."""

    words = "a network, or a mapping"

    network: Network | None = Field(None, description="where it comes from; none: anywhere")
    key: AbsoluteName | None = Field(None, description="the key that it is signed with; none: any")
    tls: bool = Field(False, description="only over TLS")

    @model_validator(mode="before")
    @classmethod
    def _text_means_a_network(cls, data: Any) -> Any:
        return {"network": data} if isinstance(data, str) else data

    @model_validator(mode="after")
    def _names_somebody(self) -> Peer:
        if self.network is None and self.key is None:
            raise ValueError("a peer has a network, a key, or both")
        return self


class Secondary(Settings):
    """A server that is told of changes. Text is its address."""

    words = "an address, or a mapping"

    address: AddressText = Field(description="its address")
    port: int = Field(DNS_PORT, ge=1, le=65535, description="its port")
    key: AbsoluteName | None = Field(None, description="the key to sign with; none: unsigned")

    @model_validator(mode="before")
    @classmethod
    def _text_means_an_address(cls, data: Any) -> Any:
        return {"address": data} if isinstance(data, str) else data

    @property
    def socket_address(self) -> SocketAddress:
        """Where it listens."""
        return SocketAddress(str(self.address), self.port)


class ZoneTransfer(Settings):
    """What one zone has in place of the settings for all."""

    allow: tuple[Peer, ...] | None = Field(None, description="who may copy it")
    notify: tuple[Secondary, ...] | None = Field(None, description="whom its changes are told")
    catalog: bool = Field(True, description="whether the catalog lists it")


class Transfer(Settings):
    """Zone transfers to secondaries (RFC 5936, 1996), over TCP and TLS."""

    allow: tuple[Peer, ...] = Field((), description="who may copy zones; none: nobody")
    notify: tuple[Secondary, ...] = Field((), description="whom changes are told")
    client: AddressText | None = Field(
        None,
        description="GEO names are transferred as what a client of this address is answered; none: "
        "one whose place is unknown",
    )
    refresh: Duration = Field(
        60.0,
        ge=1,
        description="how long after health has changed they are transferred anew",
    )
    journal: int = Field(
        16,
        ge=0,
        le=1024,
        description="how many MiB of changes are kept of each zone for IXFR, where the zone itself "
        "is not smaller; 0: none",
    )
    catalog: AbsoluteName | None = Field(
        None,
        description="a zone that is made to list those that may be copied (RFC 9432), with the "
        "final dot; none: there is none",
    )
    zones: dict[AbsoluteName, ZoneTransfer] = Field(
        {}, description="by zone, with the final dot: what it has in place of the above"
    )

    @cached_property
    def _by_name(self) -> dict[str, ZoneTransfer]:
        """What zones have of their own, by names in lower case."""
        return {dns.name.from_text(text.lower()).to_text(): own for text, own in self.zones.items()}

    def allow_of(self, zone: str) -> tuple[Peer, ...]:
        """Who may copy a zone, by its name with the final dot, in lower case."""
        own = self._by_name.get(zone)
        return self.allow if own is None or own.allow is None else own.allow

    def notify_of(self, zone: str) -> tuple[Secondary, ...]:
        """Whom changes of a zone are told."""
        own = self._by_name.get(zone)
        return self.notify if own is None or own.notify is None else own.notify

    def lists(self, zone: str) -> bool:
        """Whether the catalog lists a zone: one that somebody may copy."""
        own = self._by_name.get(zone)
        return bool(self.allow_of(zone)) and (own is None or own.catalog)

    @property
    def is_offered(self) -> bool:
        """Whether anybody may copy any zone."""
        return bool(self.allow) or any(zone.allow for zone in self.zones.values())


class KeyFileError(GeodnsError):
    """The file of a key's secret can't be used; one sentence that does not repeat what is in it."""


def secret_of(key: Key) -> bytes:
    """The secret. Raises KeyFileError."""
    if key.secret is not None:
        return base64.b64decode(key.secret)
    assert key.secret_file is not None
    try:
        return base64.b64decode(_parse_secret(key.secret_file.read_text(encoding="ascii")))
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise KeyFileError(f"{key.secret_file} can't be used: {reason}") from error


Keys = Mapping[str, Key]
"""By name, with the final dot."""
