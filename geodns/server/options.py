"""What a worker needs to know besides the image."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import NamedTuple

from geodns.answer.limits import LimitRules


class LogOptions(NamedTuple):
    """How a worker writes its events, as ``geodns.log.configure`` takes it."""

    format: str
    level: str


@dataclass(frozen=True)
class WorkerOptions:
    """``identity`` is told to NSID and id.server, ``version`` to version.bind; empty: nothing is.

    ``tcp_connections`` is the most that are open at a time, TLS included, ``tcp_per_client`` of
    one client; ``tcp_idle``, ``tcp_first_query`` and ``tls_handshake`` are in seconds;
    ``balancers`` are the networks that must send PROXY headers. ``cookie_secrets``: the first makes
    cookies, all are accepted; none: no cookies. Without ``limits``, replies are not limited.
    ``hands_over``: control answers transfers, signed queries, NOTIFY and UPDATE.
    """

    identity: str
    accept_client_subnet: bool
    tcp_connections: int
    tcp_idle: float
    tcp_per_client: int = 50
    tcp_first_query: float = 5.0
    tls_handshake: float = 5.0
    balancers: tuple[str, ...] = ()
    version: str = ""
    log_format: str = "auto"
    log_level: str = "info"
    limits: LimitRules | None = None
    hands_over: bool = False
    cookie_secrets: tuple[bytes, ...] = field(default=(), repr=False)

    @property
    def log(self) -> LogOptions:
        return LogOptions(self.log_format, self.log_level)

    def to_json(self) -> str:
        """The form in which they go on a command line; so the secrets are left out."""
        given = asdict(self)
        del given["cookie_secrets"]
        limits = self.limits._asdict() if self.limits is not None else None
        return json.dumps({**given, "limits": limits})

    @classmethod
    def from_json(cls, text: str) -> WorkerOptions:
        """The reverse of ``to_json``."""
        given = json.loads(text)
        limits = given["limits"]
        if limits is not None:
            limits = LimitRules(**{**limits, "exempt": tuple(limits["exempt"])})
        return cls(**{**given, "balancers": tuple(given["balancers"]), "limits": limits})
