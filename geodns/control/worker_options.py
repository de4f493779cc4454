"""From the server's settings to what its workers are started with."""

from __future__ import annotations

import os

from geodns.answer.limits import LimitRules
from geodns.config.abuse import RateLimit
from geodns.config.settings import Server
from geodns.server.options import WorkerOptions


def worker_count(server: Server) -> int:
    """How many processes answer; ``auto`` is one per core that this process may use."""
    return len(os.sched_getaffinity(0)) if server.workers == "auto" else server.workers


def _limits(settings: RateLimit) -> LimitRules | None:
    if not settings.responses_per_second:
        return None
    return LimitRules(
        settings.responses_per_second,
        settings.slip,
        round(settings.window),
        settings.ipv4_prefix,
        settings.ipv6_prefix,
        tuple(map(str, settings.exempt)),
        settings.log_only,
        settings.table,
    )


def worker_options(server: Server, cookie_secrets: tuple[bytes, ...]) -> WorkerOptions:
    """What a worker is started with."""
    return WorkerOptions(
        identity=server.identity or "",
        version=server.version or "",
        accept_client_subnet=server.client_subnet.accept,
        tcp_connections=server.tcp.connections,
        tcp_idle=server.tcp.idle,
        tcp_per_client=server.tcp.per_client,
        tcp_first_query=server.tcp.first_query,
        tls_handshake=server.tls.handshake if server.tls else WorkerOptions.tls_handshake,
        balancers=server.proxy.networks,
        log_format=server.log.format,
        log_level=server.log.level,
        limits=_limits(server.rate_limit),
        hands_over=bool(server.keys) or server.transfer.is_offered or bool(server.update.zones),
        cookie_secrets=cookie_secrets,
    )
