"""The ``grpc`` check: its settings. The exchange is in ``health/probe_grpc.py``, which needs h2."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from geodns.config.base import Flag
from geodns.health.kits.hosts import Host
from geodns.health.kits.kit import ConnectingCheck, Kit, Port, TlsSettings
from geodns.health.probe import Prober


class GrpcCheck(ConnectingCheck, TlsSettings):
    """The standard gRPC health protocol (grpc.health.v1.Health/Check)."""

    type: Literal["grpc"] = Field(description="the protocol")
    port: Port = Field(description="where to connect")
    service: Annotated[str, Field(max_length=1024)] = Field(
        "", description="the service whose health is asked for; default: the whole server"
    )
    tls: Flag = Field(False, description="speak TLS, and verify the certificate")
    authority: Host | None = Field(
        None,
        description=":authority, and TLS server name without server_name; default: address",
    )


def _prober(check: GrpcCheck) -> Prober:
    from geodns.health.probe_grpc import GrpcProber

    return GrpcProber(check)


KIT = Kit(GrpcCheck, _prober, "the status `SERVING` from `grpc.health.v1.Health`", "one connection")
