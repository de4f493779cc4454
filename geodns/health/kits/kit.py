"""What the kinds of checks have in common: settings that several share, and the entry of a kind."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import Field

from geodns.config.base import Flag, Settings, Whole
from geodns.config.values import Duration
from geodns.health.kits.hosts import ServerName
from geodns.health.probe import Prober

Port = Annotated[Whole, Field(ge=1, le=65535)]


class Kit(NamedTuple):
    """One kind of check. ``success`` and ``opens`` are its row in docs/health.md.

    ``prober`` takes the settings; None: the monitor gives the verdict without probing.
    """

    settings: type[CheckSettings]
    prober: Callable[[Any], Prober] | None
    success: str
    opens: str


class CheckSettings(Settings):
    """What every check has."""

    families: tuple[Literal["ipv4", "ipv6"], ...] = Field(
        ("ipv4", "ipv6"), min_length=1, description="which of an endpoint's addresses are probed"
    )


class ProbingCheck(CheckSettings):
    """A check that probes again and again."""

    interval: Duration = Field(10.0, ge=0.05, description="from the start of one probe to the next")
    fast_interval: Duration | None = Field(
        None,
        ge=0.05,
        description="the same while results disagree with the verdict; default: interval",
    )
    timeout: Duration = Field(2.0, gt=0, description="for a whole probe: connect, send, receive")
    rise: Whole = Field(2, ge=1, description="successes in a row after which a target is up")
    fall: Whole = Field(3, ge=1, description="failures in a row after which a target is down")


class ConnectingCheck(ProbingCheck):
    """A check that opens a TCP connection."""

    connect_timeout: Duration | None = Field(
        None, gt=0, description="for the TCP connection alone; default: timeout"
    )


class TlsSettings(Settings):
    """What a check that may speak TLS needs."""

    server_name: ServerName | None = Field(
        None, description="the name asked for, and verified, in TLS"
    )
    ca: Path | None = Field(
        None, description="PEM file of the authorities to trust in place of the system's"
    )
    verify: Flag = Field(True, description="false: take any certificate")
    certificate_warning: Duration = Field(
        14 * 86400.0, ge=0, description="warn when the certificate is valid for less than this"
    )
