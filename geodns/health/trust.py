"""Whom a check trusts: TLS contexts, and when the certificate that was shown expires."""

from __future__ import annotations

import math
import ssl
from functools import lru_cache
from pathlib import Path

from geodns.errors import GeodnsError
from geodns.health.kits.kit import TlsSettings
from geodns.health.probe import describe

_DAY = 86400.0


def context_for(settings: TlsSettings, alpn: tuple[str, ...] = ()) -> ssl.SSLContext:
    """Raises GeodnsError when the file of authorities can't be read."""
    if not settings.verify:
        return _context(None, 0, alpn, False)
    try:
        file = settings.ca or ssl.get_default_verify_paths().cafile
        changed = Path(file).stat().st_mtime_ns if file else 0
        return _context(settings.ca, changed, alpn, True)
    except OSError as error:
        raise GeodnsError(
            f"{settings.ca}: the authorities to trust can't be read: {describe(error)}"
        ) from error


@lru_cache(maxsize=32)
def _context(
    authorities: Path | None,
    changed: int,  # noqa: ARG001  a key
    alpn: tuple[str, ...],
    verify: bool,
) -> ssl.SSLContext:
    """Reading the system's authorities takes 35 ms: once, not for every check of every reload."""
    context = ssl.create_default_context(cafile=authorities)
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if alpn:
        context.set_alpn_protocols(list(alpn))
    return context


def expiry(tls: ssl.SSLObject | ssl.SSLSocket | None) -> float | None:
    """When the other side's certificate expires, in seconds since 1970.

    None without TLS, and where it wasn't verified: the ssl module then doesn't take it apart.
    """
    certificate = tls.getpeercert() if tls is not None else None
    text = certificate.get("notAfter") if certificate else None
    return float(ssl.cert_time_to_seconds(text)) if isinstance(text, str) else None


def with_expiry(detail: str, expires: float | None, warning: float, wall: float) -> str:
    """The detail, and a warning where the certificate is valid for less than ``warning`` seconds.

    ``wall`` is now, in seconds since 1970.
    """
    left = math.inf if expires is None else expires - wall
    if left >= warning:
        return detail
    days = int(left // _DAY)
    return f"{detail}; the certificate expires in {days} day{'' if days == 1 else 's'}"
