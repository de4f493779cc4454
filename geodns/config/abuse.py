"""Settings against misuse: limits on replies to one network, and cookies that lift them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field

from geodns.config.base import Flag, Settings, Whole
from geodns.config.values import Duration, Network
from geodns.config.wording import Words
from geodns.errors import GeodnsError

_SECRET_BYTES = 16  # SipHash-2-4's key: RFC 9018 4.4
_MOST_SECRETS = 2


def parse_secret(value: str) -> str:
    """32 hexadecimal digits, in lower case. Raises ValueError, without the value: it is secret."""
    try:
        secret = bytes.fromhex(value.strip())
    except ValueError:
        secret = b""
    if len(secret) != _SECRET_BYTES:
        raise ValueError(
            f"a cookie secret is {2 * _SECRET_BYTES} hexadecimal digits; "
            f"`openssl rand -hex {_SECRET_BYTES}` makes one"
        )
    return secret.hex()


Secret = Annotated[str, AfterValidator(parse_secret), Words("32 hexadecimal digits")]


class Cookies(Settings):
    """DNS cookies (RFC 7873, 9018). Who has a good one is never limited."""

    answer: Flag = Field(True, description="false: the option is passed over")
    secrets: tuple[Secret, ...] = Field(
        (),
        max_length=_MOST_SECRETS,
        description="32 hexadecimal digits, the same on all servers of one address; a second one "
        "is still accepted; none: a random one at each start",
    )
    secret_file: Path | None = Field(
        None, description="file with these secrets instead, one on each line"
    )


class RateLimit(Settings):
    """Limits on replies over UDP to one network, per worker; it may be an attack's victim."""

    responses_per_second: Whole = Field(
        0, ge=0, le=1_000_000, description="replies of one kind to one network; 0: no limits"
    )
    slip: Whole = Field(
        2,
        ge=0,
        le=100,
        description="one in so many is not dropped but cut short, so that a real client comes by "
        "TCP; 0: none",
    )
    window: Duration = Field(
        15.0, ge=1, le=3600, description="who goes on is limited for so long after it has stopped"
    )
    ipv4_prefix: Whole = Field(24, ge=8, le=32, description="length of an IPv4 network")
    ipv6_prefix: Whole = Field(56, ge=16, le=128, description="length of an IPv6 network")
    exempt: tuple[Network, ...] = Field((), description="networks without limits")
    log_only: Flag = Field(False, description="only count and log what would be limited")
    table: Whole = Field(
        100_000, ge=1000, le=10_000_000, description="networks remembered per worker"
    )


class SecretError(GeodnsError):
    """A file of cookie secrets can't be used; one sentence that does not repeat what is in it."""


def read_secrets(cookies: Cookies) -> tuple[bytes, ...]:
    """The secrets that are set; none if cookies are off or none is. Raises SecretError."""
    if not cookies.answer:
        return ()
    if cookies.secret_file is None:
        return tuple(map(bytes.fromhex, cookies.secrets))
    try:
        lines = cookies.secret_file.read_text().split()
        secrets = tuple(bytes.fromhex(parse_secret(line)) for line in lines)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise SecretError(f"{cookies.secret_file} can't be used: {reason}") from error
    if not 1 <= len(secrets) <= _MOST_SECRETS:
        raise SecretError(f"{cookies.secret_file} needs one secret or two, each on its line")
    return secrets
