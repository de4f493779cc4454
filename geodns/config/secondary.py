"""Settings of zones that are copied from other servers: from whom, and within which limits."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any

import dns.name
from pydantic import AfterValidator, Field, model_validator

from geodns.config.base import Settings, Whole
from geodns.config.replication import DNS_PORT, Peer
from geodns.config.values import AbsoluteName, AddressText, Duration
from geodns.config.wording import Words
from geodns.socket_address import SocketAddress
from geodns.wording import shown

TLS_PORT = 853  # RFC 9103 7.1: port 853 unless both sides agree on another
_PIN_BYTES = 32  # of SHA-256
_WEEK = 7 * 86400.0


def _parse_pin(value: str) -> str:
    """SHA-256 of a public key in base64, unchanged. Raises ValueError."""
    try:
        pin = base64.b64decode(value.strip(), validate=True)
    except (binascii.Error, ValueError):
        pin = b""
    if len(pin) != _PIN_BYTES:
        raise ValueError(
            f"{shown(value)} is no pin; it is the SHA-256 of a public key (SubjectPublicKeyInfo) in"
            " base64"
        )
    return value.strip()


class PrimaryTls(Settings):
    """How a primary proves over TLS who it is: by its certificate, or by its key (RFC 9103)."""

    name: str | None = Field(None, description="the name in its certificate; none: its address")
    ca: Path | None = Field(
        None, description="PEM file of authorities for its certificate; none: the system's"
    )
    pins: tuple[Annotated[str, AfterValidator(_parse_pin), Words("a pin in base64")], ...] = Field(
        (), description="SHA-256 of its public key in base64, in place of name and ca"
    )

    @model_validator(mode="after")
    def _has_one_proof(self) -> PrimaryTls:
        if self.pins and (self.name is not None or self.ca is not None):
            raise ValueError("a primary has pins, or a name and ca: where it has pins, these count")
        return self

    @property
    def digests(self) -> frozenset[bytes]:
        """The pins as bytes."""
        return frozenset(map(base64.b64decode, self.pins))


class PrimaryServer(Settings):
    """A server that zones are copied from. Text is its address."""

    words = "an address, or a mapping"

    address: AddressText = Field(description="its address")
    port: int | None = Field(
        None, ge=1, le=65535, description=f"its port; none: {DNS_PORT}, over TLS {TLS_PORT}"
    )
    key: AbsoluteName | None = Field(None, description="the key to sign with; none: unsigned")
    tls: PrimaryTls | None = Field(
        None, description="copy over TLS; `tls: {}` for a certificate that the system trusts"
    )
    source: AddressText | None = Field(
        None, description="which address of this machine to ask from; none: the system's choice"
    )

    @model_validator(mode="before")
    @classmethod
    def _text_means_an_address(cls, data: Any) -> Any:
        return {"address": data} if isinstance(data, str) else data

    @model_validator(mode="after")
    def _asks_from_its_family(self) -> PrimaryServer:
        if self.source is not None and self.source.version != self.address.version:
            raise ValueError(
                f"from {self.source} nothing gets to {self.address}: both are IPv4, or both IPv6"
            )
        return self

    @property
    def socket_address(self) -> SocketAddress:
        """Where it listens."""
        usual = DNS_PORT if self.tls is None else TLS_PORT
        return SocketAddress(str(self.address), self.port or usual)


Primaries = tuple[PrimaryServer, ...]


class Copied(Settings):
    """Where something is copied from, in place of the primaries of all."""

    primaries: Primaries | None = Field(
        None, min_length=1, description="servers to copy from, in the order to try"
    )
    allow_notify: tuple[Peer, ...] = Field(
        (), description="who may say that there is something new, besides the primaries"
    )


class SecondaryZone(Copied):
    """One zone that is copied."""

    overlay: Path | None = Field(
        None, description="zone file with GEO names and dynamic records that are laid over it"
    )


class CatalogMembers(Copied):
    """The zones that a catalog lists; by default they are copied from where the catalog is."""


class SecondaryCatalog(Copied):
    """A catalog (RFC 9432) whose zones are copied."""

    members: CatalogMembers = Field(
        CatalogMembers(), description="what the zones that it lists have of their own"
    )


class RefreshBounds(Settings):
    """Bounds on a time that a zone's SOA gives."""

    min: Duration = Field(5.0, ge=1, description="less counts as this")
    max: Duration = Field(4 * _WEEK, description="more counts as this")

    @model_validator(mode="after")
    def _is_in_order(self) -> RefreshBounds:
        if self.min > self.max:
            raise ValueError("min is above max")
        return self


class SecondaryRole(Settings):
    """Zones that are copied from other servers, by AXFR and IXFR, and answered as they are."""

    primaries: Primaries = Field(
        (), description="servers to copy from, for zones and catalogs that name none of their own"
    )
    zones: dict[AbsoluteName, SecondaryZone] = Field(
        {}, description="zones to copy, by name with the final dot; `NAME: {}` has the above"
    )
    catalogs: dict[AbsoluteName, SecondaryCatalog] = Field(
        {}, description="catalogs whose zones are copied, by name with the final dot"
    )
    refresh: RefreshBounds = Field(
        RefreshBounds(), description="how long until primaries are asked again"
    )
    retry: RefreshBounds = Field(RefreshBounds(), description="the same, where none has answered")
    transfers: Whole = Field(4, ge=1, le=100, description="how many zones are copied at once")
    size: Whole = Field(
        2048, ge=1, description="how many MiB one zone may have, as it is transferred"
    )
    idle: Duration = Field(
        30.0, ge=1, description="a transfer in which nothing comes for so long is given up"
    )
    longest: Duration = Field(3600.0, ge=1, description="and one that takes so long in all")

    @cached_property
    def zones_by_name(self) -> dict[str, SecondaryZone]:
        """By name in lower case."""
        return {_lower(text): own for text, own in self.zones.items()}

    @cached_property
    def catalogs_by_name(self) -> dict[str, SecondaryCatalog]:
        """By name in lower case."""
        return {_lower(text): own for text, own in self.catalogs.items()}

    @property
    def is_used(self) -> bool:
        """Whether anything is copied."""
        return bool(self.zones or self.catalogs)

    def primaries_of(self, copied: Copied) -> Primaries:
        """Whom a zone or a catalog is copied from."""
        return self.primaries if copied.primaries is None else copied.primaries

    def primaries_of_members(self, catalog: SecondaryCatalog) -> Primaries:
        """Whom the zones of a catalog are copied from."""
        own = catalog.members.primaries
        return self.primaries_of(catalog) if own is None else own

    def all_primaries(self) -> Iterator[tuple[tuple[str, ...], Primaries]]:
        """All lists of primaries, with their paths below ``secondary``."""
        yield ("primaries",), self.primaries
        for path, copied in self.all_copied():
            yield (*path, "primaries"), copied.primaries or ()

    def all_copied(self) -> Iterator[tuple[tuple[str, ...], Copied]]:
        """Everything that may name primaries and peers, with its path below ``secondary``."""
        for name, zone in self.zones.items():
            yield ("zones", name), zone
        for name, catalog in self.catalogs.items():
            yield ("catalogs", name), catalog
            yield ("catalogs", name, "members"), catalog.members


def authorities_of_primaries(role: SecondaryRole) -> Iterator[Path]:
    """The files that primaries' certificates are checked with."""
    for _, primaries in role.all_primaries():
        for primary in primaries:
            if primary.tls is not None and primary.tls.ca is not None:
                yield primary.tls.ca


def _lower(text: str) -> str:
    return dns.name.from_text(text.lower()).to_text()
