"""Settings of the transports other than plain UDP: TCP, TLS, and balancers in front."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, create_model

from geodns.config.base import Settings, Whole
from geodns.config.values import Duration, Listen, Network


class Tcp(Settings):
    """Limits on DNS over TCP and TLS (RFC 7766 6.1, 6.2)."""

    connections: Whole = Field(
        1000, ge=1, description="open connections per worker; more: the longest idle goes"
    )
    per_client: Whole = Field(
        50, ge=1, description="open connections per worker of one IPv4 address or IPv6 /56 network"
    )
    first_query: Duration = Field(
        5.0, gt=0, description="a connection that has asked nothing after so long is closed"
    )
    idle: Duration = Field(
        10.0, gt=0, description="a connection that asks or reads nothing for so long is closed"
    )


class Tls(Settings):
    """DNS over TLS (RFC 7858)."""

    listen: tuple[Listen, ...] = Field(
        min_length=1, description="where queries are taken over TLS, as in 192.0.2.1:853"
    )
    certificate: Path = Field(
        description="PEM file: the server's certificate, then those that lead to its root"
    )
    key: Path = Field(description="PEM file: the certificate's private key, not encrypted")
    handshake: Duration = Field(
        5.0, gt=0, description="a connection whose handshake takes longer is closed"
    )


# `from` is a word of Python's own, so it can't be written as an attribute of a class.
_From = create_model(
    "_From",
    __base__=Settings,
    **{  # type: ignore[call-overload]
        "from": (
            tuple[Network, ...],
            Field((), description="networks of balancers; they must send a PROXY v2 header"),
        )
    },
)


class Proxy(_From):
    """Clients behind a balancer that tells their addresses (PROXY protocol version 2)."""

    @property
    def networks(self) -> tuple[str, ...]:
        """The balancers' networks, as text."""
        return tuple(map(str, getattr(self, "from")))
