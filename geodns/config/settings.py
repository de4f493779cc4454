"""The checked, frozen form of the four kinds of configuration file: what the rest of the program trusts.

Everything here is validated by the loader (``geodns.config.load``) before anyone sees it, so no
module deeper down checks it again.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

from geodns.zone.content import Zone

_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|d|w)?")
_UNIT_SECONDS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800, None: 1}


def parse_duration(value: Any) -> float:
    """``30s``, ``1.5m``, ``2h`` or a bare number of seconds, as seconds.

    Raises ValueError when it is none of these.
    """
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    match = _DURATION.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None:
        raise ValueError(
            f"{value!r} is not a duration; write a number with ms, s, m, h, d or w, as in 30s"
        )
    return float(match[1]) * _UNIT_SECONDS[match[2]]


def parse_share(value: Any) -> float:
    """``50%`` or a number from 0 to 1, as a number from 0 to 1. Raises ValueError otherwise."""
    number: float | None = None
    if isinstance(value, int | float) and not isinstance(value, bool):
        number = float(value)
    elif isinstance(value, str) and re.fullmatch(r"\d+(\.\d+)?\s*%", value.strip()):
        number = float(value.strip().rstrip("%")) / 100
    if number is None or not 0 <= number <= 1:
        raise ValueError(
            f"{value!r} is not a share; write a percentage, as in 50%, or a number from 0 to 1"
        )
    return number


class SocketAddress(NamedTuple):
    """An IP address to bind and a port. Port 0 asks the kernel for a free one."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def parse_socket_address(value: Any) -> SocketAddress:
    """``127.0.0.1:53`` or ``[::1]:53``. Raises ValueError otherwise."""
    if isinstance(value, SocketAddress):
        return value
    if isinstance(value, str):
        match = re.fullmatch(r"\[([0-9A-Fa-f:.]+)\]:(\d+)|([0-9.]+):(\d+)", value.strip())
        if match is not None:
            host, port = (match[1], match[2]) if match[1] else (match[3], match[4])
            address = IPv6Address(host) if match[1] else IPv4Address(host)
            if int(port) <= 65535:
                return SocketAddress(str(address), int(port))
    raise ValueError(f"{value!r} is not an address and port; write 127.0.0.1:53 or [::1]:53")


_DURATION_SCHEMA = {
    "anyOf": [
        {"type": "string", "pattern": r"^\d+(\.\d+)?\s*(ms|s|m|h|d|w)?$"},
        {"type": "number", "minimum": 0},
    ],
    "description": "a duration: a number with ms, s, m, h, d or w (bare: seconds)",
}
_SHARE_SCHEMA = {
    "anyOf": [
        {"type": "string", "pattern": r"^\d+(\.\d+)?\s*%$"},
        {"type": "number", "minimum": 0, "maximum": 1},
    ],
    "description": "a share: a percentage, or a number from 0 to 1",
}
Duration = Annotated[float, BeforeValidator(parse_duration), WithJsonSchema(_DURATION_SCHEMA)]
Share = Annotated[float, BeforeValidator(parse_share), WithJsonSchema(_SHARE_SCHEMA)]
Listen = Annotated[
    SocketAddress,
    BeforeValidator(parse_socket_address),
    WithJsonSchema({"type": "string", "description": "address:port, or [address]:port for IPv6"}),
]
TTL = Annotated[Duration, Field(ge=0, le=2**31 - 1)]  # RFC 2181 8: at most 2^31 - 1 seconds
Address = IPv4Address | IPv6Address


class Settings(BaseModel):
    """A frozen mapping of a configuration file; an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


# --- config/geodns.yaml -----------------------------------------------------------------------


class GeoIP(Settings):
    """Where client addresses are looked up."""

    databases: tuple[Path, ...] = Field(
        (), description="MMDB files, best first; none: the embedded country database"
    )


class ClientSubnet(Settings):
    """EDNS client subnet (RFC 7871)."""

    accept: bool = Field(True, description="use the client subnet that a resolver sends")


class Admin(Settings):
    """Where the control process can be asked; both only for the operator."""

    socket: Path | None = Field(None, description="Unix socket of the admin API")
    http: Listen | None = Field(
        None, description="address of metrics, status page and admin API, read only"
    )


class Tcp(Settings):
    """Limits on DNS over TCP (RFC 7766 6.1, 6.2)."""

    connections: int = Field(
        1000, ge=1, description="open connections per worker; more: the longest idle goes"
    )
    idle: Duration = Field(
        10.0, gt=0, description="a connection that says nothing for so long is closed"
    )


class Log(Settings):
    """How events are written to standard error."""

    format: Literal["auto", "text", "json"] = Field(
        "auto", description="auto: text on a terminal, else JSON"
    )
    level: Literal["debug", "info", "warning", "error"] = "info"


class Server(Settings):
    """``config/geodns.yaml``: the server. Paths are relative to the file."""

    listen: tuple[Listen, ...] = Field(
        (SocketAddress("127.0.0.1", 5300), SocketAddress("::1", 5300)),
        min_length=1,
        description="UDP and TCP",
    )
    identity: str | None = Field(None, description="answered to NSID, id.server and hostname.bind")
    workers: Literal["auto"] | Annotated[int, Field(ge=1, le=256)] = Field(
        "auto", description="auto: one per core"
    )
    geoip: GeoIP = GeoIP()
    client_subnet: ClientSubnet = ClientSubnet()
    topology: Path | None = None
    services: Path | None = None
    latency: tuple[Path, ...] = ()
    zones: Path | None = Field(None, description="folder of zone files: *.yaml, *.zone, *.db")
    state: Path = Field(Path("../var"), description="folder for what must survive a restart")
    admin: Admin = Admin()
    tcp: Tcp = Tcp()
    log: Log = Log()


# --- config/topology.yaml ---------------------------------------------------------------------


class Endpoint(Settings):
    """One service's presence in one AZ: addresses, or the target of a CNAME, never both.

    A bare list in YAML stands for ``{addresses: [...]}``.
    """

    addresses: tuple[Address, ...] = ()
    cname: str | None = Field(None, description="absolute name, with the final dot")
    weight: int = Field(100, ge=0, le=65535, description="share among the endpoints of its region")
    capacity: float | None = Field(
        None, gt=0, description="load that it can take, in the unit it reports"
    )


class AvailabilityZone(Settings):
    """One datacenter, the unit that fails and is withdrawn."""

    title: str | None = None
    endpoints: dict[str, Endpoint] = {}


class Region(Settings):
    """A geographic area with a location; holds availability zones."""

    title: str | None = None
    location: tuple[
        Annotated[float, Field(ge=-90, le=90)], Annotated[float, Field(ge=-180, le=180)]
    ] = Field(description="latitude, longitude in degrees")
    country: str | None = Field(None, pattern="^[A-Z]{2}$", description="ISO 3166-1 alpha-2")
    bias: int = Field(
        0, ge=-99, le=99, description="geoproximity: positive draws clients from farther away"
    )
    availability_zones: dict[str, AvailabilityZone] = {}


class Topology(Settings):
    """``config/topology.yaml``: where things are. Order matters where the cost is equal."""

    regions: dict[str, Region] = {}


# --- config/services.yaml ---------------------------------------------------------------------


class Expect(Settings):
    """What a healthy HTTP answer looks like."""

    status: int | tuple[int, ...] | str = Field(
        200, description="a status, a list, or a range as in 200-299"
    )
    body: str | None = Field(
        None, description="text that must stand in the first 64 KiB of the body"
    )


class _Check(Settings):
    interval: Duration = Field(10.0, ge=0.05, description="from the start of one probe to the next")
    timeout: Duration = Field(2.0, gt=0, description="for a whole probe: connect, send, receive")
    rise: int = Field(2, ge=1, description="successes in a row after which a target is up")
    fall: int = Field(3, ge=1, description="failures in a row after which a target is down")
    families: tuple[Literal["ipv4", "ipv6"], ...] = Field(
        ("ipv4", "ipv6"), description="which of an endpoint's addresses are probed"
    )


class HttpCheck(_Check):
    """A request to each address; the certificate is verified for https."""

    type: Literal["http", "https"]
    port: int | None = Field(None, ge=1, le=65535, description="default 80, or 443 for https")
    method: Literal["GET", "HEAD"] = "GET"
    path: str = Field("/", pattern="^/")
    host: str | None = Field(
        None, description="Host header and TLS server name; default: the address"
    )
    expect: Expect = Expect()
    ca: Path | None = Field(
        None, description="PEM file of the authorities to trust in place of the system's"
    )


class TcpCheck(_Check):
    """A connection that opens is a success."""

    type: Literal["tcp"]
    port: int = Field(ge=1, le=65535)


Check = Annotated[HttpCheck | TcpCheck, Field(discriminator="type")]


class CnameTarget(Settings):
    """Answer with a CNAME when nothing is available."""

    cname: str


class AddressTarget(Settings):
    """Answer with these addresses when nothing is available."""

    addresses: tuple[Address, ...] = Field(min_length=1)


class Failover(Settings):
    """The options of the ``failover`` preset."""

    order: tuple[str, ...] = Field(
        (), description="regions or AZs, first choice first; default: file order"
    )


class FailoverSteering(Settings):
    """``steering: {failover: {order: [...]}}``"""

    failover: Failover


class Service(Settings):
    """A named set of endpoints over all AZs, with a steering policy, a check and an answer policy."""

    steering: Literal["latency", "nearest", "failover"] | FailoverSteering = "latency"
    check: str | None = None
    ttl: TTL = 30.0
    answers: int = Field(1, ge=1, le=64, description="addresses in one answer")
    when_down: Literal["serve_all", "nodata"] | CnameTarget | AddressTarget = "serve_all"


class Thresholds(Settings):
    """When too little of a group is healthy to keep the rest in service, and when it may come back."""

    withdraw_below: Share
    restore_above: Share
    hold: Duration = Field(
        60.0, ge=0, description="how long it must stay above before it is restored"
    )


class Health(Settings):
    """Verdicts above single endpoints."""

    availability_zone: Thresholds = Thresholds(withdraw_below=0.5, restore_above=0.8, hold=60.0)
    region: Thresholds = Thresholds(withdraw_below=0.01, restore_above=0.01, hold=0.0)


class Services(Settings):
    """``config/services.yaml``: what is served, and how."""

    checks: dict[str, Check] = {}
    services: dict[str, Service] = {}
    health: Health = Health()


# --- latency tables ---------------------------------------------------------------------------


class LatencyTable(Settings):
    """A latency table in YAML: client -> region -> milliseconds."""

    measured: date | None = None
    latency: dict[str, dict[str, Annotated[float, Field(ge=0, le=100_000)]]] = {}


class LatencyRow(NamedTuple):
    """One line of a latency table.

    ``client`` is a CIDR prefix, ``AS4134``, ``NA-US-CA``, ``EU-DE``, ``EU`` or ``default``, checked
    and in canonical form; ``milliseconds`` maps region names to round-trip times.
    """

    client: str
    milliseconds: dict[str, float]


# --- everything together ----------------------------------------------------------------------


@dataclass(frozen=True)
class Configuration:
    """All that was read, whole and consistent; paths are absolute.

    ``files`` are all files and folders that a change of is a change of the configuration.
    """

    server: Server
    topology: Topology
    services: Services
    latency: tuple[LatencyRow, ...]
    zones: tuple[Zone, ...]
    files: tuple[Path, ...]
