"""The ``tls`` check: a handshake, the certificate, and the protocol agreed on."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Literal

from pydantic import Field

from geodns.config.https import AlpnId
from geodns.config.values import Address
from geodns.health.kits.kit import ConnectingCheck, Kit, Port, TlsSettings
from geodns.health.probe import ProbeError, Result, Seen, conclude
from geodns.health.trust import context_for, expiry, with_expiry
from geodns.health.wire import Wire


class TlsCheck(ConnectingCheck, TlsSettings):
    """A TLS handshake; nothing is sent after it."""

    type: Literal["tls"] = Field(description="the protocol")
    port: Port = Field(443, description="where to connect")
    alpn: tuple[AlpnId, ...] = Field(
        (), description="protocols to offer, as in [h2]; one of them must be taken"
    )


class TlsProber:
    """Shakes hands and closes. Raises GeodnsError when ``ca`` can't be read."""

    def __init__(self, check: TlsCheck, wall: Callable[[], float] = time.time) -> None:
        self._check = check
        self._wall = wall
        self._context = context_for(check, check.alpn)

    async def __call__(self, address: Address) -> Result:
        return await conclude(lambda: self._attempt(address), self._check.timeout)

    async def _attempt(self, address: Address) -> Seen:
        check = self._check
        with Wire(address) as wire:
            await wire.connect(check.port, check.connect_timeout)
            tls = await wire.start_tls(self._context, check.server_name or str(address))
        if check.alpn and tls.selected_alpn_protocol() not in check.alpn:
            raise ProbeError(f"the server takes none of {', '.join(check.alpn)}")
        expires = expiry(tls)
        detail = with_expiry(
            tls.version() or "TLS", expires, check.certificate_warning, self._wall()
        )
        return Seen(detail, expires=expires)


KIT = Kit(
    TlsCheck,
    TlsProber,
    "a TLS handshake with a certificate that holds and, if asked for, a protocol of `alpn`",
    "one connection",
)
