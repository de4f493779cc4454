"""All kinds of checks. A new kind is added here: its settings to Check, its entry to KITS."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from geodns.health.kits import combination, dns, exec, grpc, http, icmp, push, tcp, tls
from geodns.health.kits.kit import Kit

Check = Annotated[
    http.HttpCheck
    | tcp.TcpCheck
    | tls.TlsCheck
    | dns.DnsCheck
    | icmp.IcmpCheck
    | grpc.GrpcCheck
    | exec.ExecCheck
    | push.PushCheck
    | combination.CombinedCheck,
    Field(discriminator="type"),
]

KITS: tuple[Kit, ...] = (
    http.KIT,
    tcp.KIT,
    tls.KIT,
    dns.KIT,
    icmp.KIT,
    grpc.KIT,
    exec.KIT,
    push.KIT,
    combination.KIT,
)
