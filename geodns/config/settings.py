"""The checked, frozen form of the configuration files: what the rest of the program trusts.

Everything here is validated by the loader (``geodns.config.load``) before anyone sees it, so no
module deeper down checks it again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import Field, GetJsonSchemaHandler, model_validator
from pydantic_core import CoreSchema

from geodns.config.abuse import Cookies, RateLimit
from geodns.config.access import AccountName, AllowQuery, VersionText
from geodns.config.base import Flag, Number, Settings, Whole
from geodns.config.health_settings import Health, Thresholds
from geodns.config.https import Https
from geodns.config.latency import LatencyAge, LatencyTable
from geodns.config.load_settings import LoadReport, LoadShedding
from geodns.config.pair import Pair
from geodns.config.probing import Check, Expect, HttpCheck, TcpCheck
from geodns.config.replication import Key, Transfer
from geodns.config.secondary import SecondaryRole
from geodns.config.steering import Branches, LatencyFilter, Preset, SteeringChoice
from geodns.config.transports import Proxy, Tcp, Tls
from geodns.config.ttl import TtlRange
from geodns.config.updating import UpdatePolicy
from geodns.config.values import (
    TTL,
    AbsoluteName,
    Address,
    AddressText,
    Duration,
    Listen,
    Share,
    parse_duration,
    parse_share,
    parse_socket_address,
)
from geodns.config.wording import StandIn, Words
from geodns.latency.estimate import DEFAULT, Estimate
from geodns.latency.resolvers import ResolverRow
from geodns.planning.plan import Rows
from geodns.socket_address import SocketAddress
from geodns.zone.content import Zone
from geodns.zone.serial import Style

__all__ = [
    "TTL",
    "Address",
    "AddressTarget",
    "Admin",
    "AllowQuery",
    "AvailabilityZone",
    "Check",
    "ClientSubnet",
    "CnameTarget",
    "Configuration",
    "Cookies",
    "Duration",
    "Endpoint",
    "Expect",
    "GeoIP",
    "Health",
    "HttpCheck",
    "Https",
    "LatencyAge",
    "LatencyRow",
    "LatencyTable",
    "Listen",
    "LoadReport",
    "LoadShedding",
    "Log",
    "Pair",
    "Proxy",
    "RateLimit",
    "Region",
    "Server",
    "Service",
    "Services",
    "Settings",
    "Share",
    "Tcp",
    "TcpCheck",
    "Thresholds",
    "Tls",
    "Topology",
    "parse_duration",
    "parse_share",
    "parse_socket_address",
]

# --- config/geodns.yaml -----------------------------------------------------------------------


class GeoIP(Settings):
    """Where client addresses are looked up."""

    databases: tuple[Path, ...] = Field(
        (), description="MMDB files, best first; none: the embedded country database"
    )


class ClientSubnet(Settings):
    """EDNS client subnet (RFC 7871)."""

    accept: Flag = Field(True, description="use the client subnet that a resolver sends")


class Admin(Settings):
    """Where the control process can be asked; both only for the operator."""

    socket: Path | None = Field(None, description="Unix socket of the admin API")
    http: Listen | None = Field(
        None, description="address of metrics, status page and admin API, read only"
    )


class Log(Settings):
    """How events are written to standard error."""

    format: Literal["auto", "text", "json"] = Field(
        "auto", description="auto: text on a terminal, else JSON"
    )
    level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="events below this level are not written"
    )


class Server(Settings):
    """``config/geodns.yaml``: the server. Paths are relative to the file."""

    listen: tuple[Listen, ...] = Field(
        (SocketAddress("127.0.0.1", 5300), SocketAddress("::1", 5300)),
        min_length=1,
        description="where queries are taken, over UDP and TCP",
    )
    identity: str | None = Field(None, description="answered to NSID, id.server and hostname.bind")
    version: VersionText | None = Field(
        None, description="answered to version.bind and version.server; none: they are refused"
    )
    user: AccountName | None = Field(
        None, description="whom to become when started as root, once that is no longer needed"
    )
    group: AccountName | None = Field(
        None, description="with `user`: its group; none: the one that the user belongs to"
    )
    workers: Literal["auto"] | Annotated[Whole, Field(ge=1, le=256)] = Field(
        "auto", description="processes that answer; auto: one per core"
    )
    geoip: GeoIP = Field(GeoIP(), description="where client addresses are looked up")
    client_subnet: ClientSubnet = Field(ClientSubnet(), description="EDNS client subnet")
    topology: Path | None = Field(None, description="file of regions, AZs and endpoints")
    services: Path | None = Field(None, description="file of services and health checks")
    latency: tuple[Path, ...] = Field(
        (), description="latency tables, YAML or CSV; for the same client the earlier file wins"
    )
    latency_age: LatencyAge = Field(
        LatencyAge(), description="how old the figures of latency tables may be"
    )
    resolvers: tuple[Path, ...] = Field(
        (), description="tables of where the clients of resolvers are that send no client subnet"
    )
    zones: Path | None = Field(None, description="folder of zone files: *.yaml, *.zone, *.db")
    name_servers: tuple[AbsoluteName, ...] = Field(
        (), description="NS records of zones in YAML that have none, as octoDNS's mostly have not"
    )
    keys: dict[AbsoluteName, Key] = Field({}, description="TSIG keys by name")
    transfer: Transfer = Field(Transfer(), description="who may copy zones, and who is told")
    secondary: SecondaryRole = Field(
        SecondaryRole(), description="zones that are copied from other servers"
    )
    update: UpdatePolicy = Field(UpdatePolicy(), description="who may change zones by RFC 2136")
    serial: Style = Field(
        "unixtime", description="serials of zones that set none: seconds since 1970, or YYYYMMDDnn"
    )
    allow_query: AllowQuery = Field(AllowQuery(), description="who may ask, zone by zone")
    rate_limit: RateLimit = Field(
        RateLimit(), description="limits on UDP replies to one network; none by default"
    )
    cookies: Cookies = Field(Cookies(), description="DNS cookies")
    state: Path = Field(Path("../var"), description="folder for what must survive a restart")
    admin: Admin = Field(Admin(), description="where the control process can be asked")
    tcp: Tcp = Field(Tcp(), description="limits on DNS over TCP and TLS")
    tls: Tls | None = Field(None, description="DNS over TLS; none: not offered")
    proxy: Proxy = Field(Proxy(), description="clients behind a balancer, PROXY protocol v2")
    pair: Pair | None = Field(None, description="two servers, one standing by; none: this is alone")
    log: Log = Field(Log(), description="how events are written")


# --- config/topology.yaml ---------------------------------------------------------------------


class Endpoint(Settings):
    """One service's presence in one AZ: addresses, or the target of a CNAME, never both.

    A bare list in YAML stands for ``{addresses: [...]}``.
    """

    words = "a list of addresses, or a mapping"

    addresses: tuple[AddressText, ...] = Field((), description="answered as A and AAAA")
    cname: AbsoluteName | None = Field(None, description="answered as CNAME; with the final dot")
    weight: Whole = Field(
        100, ge=0, le=65535, description="share among the endpoints of its region"
    )
    priority: Whole = Field(
        1, ge=0, le=65535, description="for the filter `priority`: lower is asked first"
    )
    capacity: Number | None = Field(
        None, gt=0, description="load that it can take, in the unit it reports"
    )

    @model_validator(mode="before")
    @classmethod
    def _list_means_addresses(cls, data: Any) -> Any:
        return {"addresses": data} if isinstance(data, list) else data

    @classmethod
    def __get_pydantic_json_schema__(
        cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        mapping = handler.resolve_ref_schema(handler(core_schema))
        return {"anyOf": [mapping["properties"]["addresses"], mapping]}


class AvailabilityZone(Settings):
    """One datacenter, the unit that fails and is withdrawn."""

    title: str | None = Field(None, description="name for people")
    endpoints: dict[str, Endpoint] = Field(
        {}, description="by service: its addresses, or a mapping with more"
    )


class Region(Settings):
    """A geographic area with a location; holds availability zones."""

    title: str | None = Field(None, description="name for people")
    location: Annotated[
        tuple[Annotated[Number, Field(ge=-90, le=90)], Annotated[Number, Field(ge=-180, le=180)]],
        Words("[latitude, longitude] in degrees, as in [50.11, 8.68]"),
        StandIn([0, 0]),
    ] = Field(description="latitude, longitude in degrees")
    country: Annotated[str, Words("an ISO 3166-1 code of two capitals, as in DE")] | None = Field(
        None, pattern="^[A-Z]{2}$", description="ISO 3166-1 alpha-2"
    )
    bias: Whole = Field(
        0, ge=-99, le=99, description="geoproximity: positive draws clients from farther away"
    )
    cost: Number | None = Field(
        None, ge=0, description="price of one unit of demand, for plans and the cost filter"
    )
    availability_zones: dict[str, AvailabilityZone] = Field(
        {}, description="its datacenters, by name"
    )


class Topology(Settings):
    """``config/topology.yaml``: where things are. Order matters where the cost is equal."""

    regions: dict[str, Region] = Field({}, description="regions by name")


# --- config/services.yaml ---------------------------------------------------------------------


class CnameTarget(Settings):
    """Answer with a CNAME when nothing is available."""

    cname: AbsoluteName = Field(description="the target, with the final dot")


class AddressTarget(Settings):
    """Answer with these addresses when nothing is available."""

    addresses: tuple[AddressText, ...] = Field(min_length=1, description="answered as A and AAAA")


class Service(Settings):
    """A named set of endpoints over all AZs: steering policy, check and answer policy."""

    steering: SteeringChoice = Field(
        Preset(latency=LatencyFilter()),
        description="how endpoints are ranked for a client; branches: failover by default",
    )
    branches: Branches = Field(
        {}, description="other services that it is made of, in place of endpoints, with shares"
    )
    check: str | None = Field(None, description="the health check; none: always healthy")
    needs: tuple[str, ...] = Field(
        (),
        description="other services: an endpoint is down for as long as one of theirs in the same "
        "AZ is",
    )
    load: LoadShedding | None = Field(
        None, description="shed load between two watermarks; load: {} takes the usual ones"
    )
    ttl: TTL | TtlRange = Field(
        30.0, description="of the answers, where the zone gives none; two bounds: it follows health"
    )
    answers: Whole = Field(1, ge=1, le=64, description="addresses in one answer")
    https: Https | None = Field(
        None, description="answer HTTPS with address hints; https: {} does so without parameters"
    )
    min_available: Annotated[Whole, Field(ge=1)] | Share | None = Field(
        None,
        union_mode="left_to_right",
        description="how many endpoints, or which share of them, must be available for any of "
        "them to count as such",
    )
    when_down: Literal["serve_all", "nodata"] | CnameTarget | AddressTarget = Field(
        "serve_all", description="what is answered when no endpoint is available"
    )

    @model_validator(mode="before")
    @classmethod
    def _branches_fail_over(cls, data: Any) -> Any:
        """Branches have no place by which they could be steered: the first is the first choice."""
        if isinstance(data, dict) and data.get("branches") and data.get("steering") is None:
            return {**data, "steering": "failover"}
        return data

    @property
    def longest_ttl(self) -> float:
        """In seconds, where the zone gives none."""
        return self.ttl.max if isinstance(self.ttl, TtlRange) else self.ttl

    @property
    def least_ttl(self) -> float | None:
        """In seconds, where the TTL follows health; None: it is fixed."""
        return self.ttl.min if isinstance(self.ttl, TtlRange) else None


def with_branches(services: Mapping[str, Service], *names: str) -> list[str]:
    """The services of these names and all that these are made of, as far as there are such."""
    found: dict[str, None] = {}
    ahead = list(reversed(names))
    while ahead:
        name = ahead.pop()
        if name not in found:
            found[name] = None
            ahead.extend(services[name].branches if name in services else ())
    return list(found)


class Services(Settings):
    """``config/services.yaml``: what is served, and how."""

    checks: dict[str, Check] = Field({}, description="health checks by name")
    services: dict[str, Service] = Field({}, description="services by name")
    health: Health = Field(Health(), description="when an AZ or a region is withdrawn")


# --- latency tables ---------------------------------------------------------------------------


class LatencyRow(NamedTuple):
    """One line of a latency table.

    ``client`` is a CIDR prefix, ``AS4134``, ``NA-US-CA``, ``EU-DE``, ``EU`` or ``default``, checked
    and in canonical form; ``milliseconds`` maps region names to round-trip times.
    """

    client: str
    milliseconds: dict[str, float]


# --- everything together ----------------------------------------------------------------------


class PoolEndpoint(NamedTuple):
    """One value of a dynamic record's pool: ``www.example.test/A@eu/192.0.2.1``.

    ``group`` is what people name the pool by, ``www.example.test/A@eu``. ``checked`` is False for
    a value that is in service whatever a check would say.
    """

    id: str
    pool: str
    group: str
    settings: Endpoint
    checked: bool


@dataclass(frozen=True)
class Configuration:
    """All that was read, whole and consistent; paths are absolute.

    ``files`` are all files and folders that a change of is a change of the configuration.
    ``latency`` holds only what is not too old, and ``estimate`` is for all that it does not name.
    ``overlays`` hold the geo names that are laid over zones copied from elsewhere.
    ``plans`` are the rows of plan files that services follow. ``pools`` are the endpoints of
    dynamic records, by the names of their services, which are among ``services``.
    """

    server: Server
    topology: Topology
    services: Services
    latency: tuple[LatencyRow, ...]
    zones: tuple[Zone, ...]
    files: tuple[Path, ...]
    estimate: Estimate = DEFAULT
    plans: Mapping[Path, Rows] = field(default_factory=dict)
    resolvers: tuple[ResolverRow, ...] = ()
    overlays: tuple[Zone, ...] = ()
    pools: Mapping[str, tuple[PoolEndpoint, ...]] = field(default_factory=dict)
