"""Single values of the configuration: how each is written, and its type in the program."""

from __future__ import annotations

import re
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)
from typing import Annotated, Any

import dns.exception
import dns.name
from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema

from geodns.config.wording import Words
from geodns.socket_address import SocketAddress
from geodns.wording import shown

_DURATION = re.compile(r"(\d{1,15}(?:\.\d{1,15})?)\s*(ms|s|m|h|d|w)?", re.ASCII)
_UNIT_SECONDS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800, None: 1}
_SHARE = re.compile(r"(\d{1,15}(?:\.\d{1,15})?)\s*%", re.ASCII)
_SOCKET_ADDRESS = re.compile(
    r"\[(?P<v6>[0-9A-Fa-f:.]+)\]:(?P<v6_port>\d{1,5})|(?P<v4>[0-9.]+):(?P<v4_port>\d{1,5})",
    re.ASCII,
)
_STATUS = re.compile(r"([1-5]\d\d)(?:\s*-\s*([1-5]\d\d))?", re.ASCII)

Address = IPv4Address | IPv6Address


def parse_duration(value: Any) -> float:
    """``30s``, ``1.5m``, ``2h`` or a bare number of seconds, as seconds.

    Raises ValueError when it is none of these.
    """
    if _is_number(value):
        return float(value)
    match = _DURATION.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None:
        raise ValueError(
            f"{shown(value)} is not a duration; write a number with ms, s, m, h, d or w, as in 30s"
        )
    return float(match[1]) * _UNIT_SECONDS[match[2]]


def parse_share(value: Any) -> float:
    """``50%`` or a number from 0 to 1, as a number from 0 to 1. Raises ValueError otherwise."""
    number = float(value) if _is_number(value) else -1.0
    match = _SHARE.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is not None:
        number = float(match[1]) / 100
    if not 0 <= number <= 1:
        raise ValueError(
            f"{shown(value)} is not a share; write a percentage, as in 50%, or a number from 0 to 1"
        )
    return number


def _is_number(value: Any) -> bool:
    """Whether it is a number, within what a float can hold."""
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e15


def parse_socket_address(value: Any) -> SocketAddress:
    """``127.0.0.1:53`` or ``[::1]:53``. Raises ValueError otherwise."""
    if isinstance(value, SocketAddress):
        return value
    match = _SOCKET_ADDRESS.fullmatch(value.strip()) if isinstance(value, str) else None
    try:
        if match is not None and int(match["v6_port"] or match["v4_port"]) <= 65535:
            if match["v6"]:
                return SocketAddress(str(IPv6Address(match["v6"])), int(match["v6_port"]))
            return SocketAddress(str(IPv4Address(match["v4"])), int(match["v4_port"]))
    except ValueError:  # digits and dots, but no address
        pass
    raise ValueError(f"{shown(value)} is not an address and port; write 127.0.0.1:53 or [::1]:53")


def parse_address(value: Any) -> Address:
    """An IPv4 or IPv6 address without a scope. Raises ValueError otherwise."""
    if isinstance(value, IPv4Address | IPv6Address):
        return value
    try:
        if isinstance(value, str) and "%" not in value:
            return ip_address(value.strip())
    except ValueError:  # said below, in one way for every value
        pass
    raise ValueError(
        f"{shown(value)} is not an IP address; write it as in 192.0.2.1 or 2001:db8::1"
    )


def parse_network(value: Any) -> IPv4Network | IPv6Network:
    """``192.0.2.0/24``, ``2001:db8::/32`` or one address. Raises ValueError otherwise."""
    if isinstance(value, IPv4Network | IPv6Network):
        return value
    text = value.strip() if isinstance(value, str) else ""
    try:
        if text and "%" not in text:
            return ip_network(text)
    except ValueError as error:
        if "has host bits set" in str(error):
            meant = ip_network(text, strict=False)
            raise ValueError(f"{shown(value)} has bits behind its prefix; write {meant}") from error
    raise ValueError(
        f"{shown(value)} is not a network; write it as in 192.0.2.0/24 or 2001:db8::/32"
    )


def parse_absolute_name(value: str) -> str:
    """A host or domain name that ends with a dot, unchanged. Raises ValueError otherwise."""
    try:
        name = dns.name.from_text(value, origin=None)
    except (dns.exception.DNSException, UnicodeError) as error:
        raise ValueError(f"{shown(value)} is not a name: {error}") from error
    if not name.is_absolute():
        raise ValueError(f"{shown(value)} must end with a dot: {value}.")
    return value


def parse_status(value: int | tuple[int, ...] | str) -> int | tuple[int, ...] | str:
    """HTTP statuses to expect, unchanged: one, several, or ``200-299``. Raises ValueError."""
    texts = [str(one) for one in (value if isinstance(value, tuple) else (value,))]
    matches = [_STATUS.fullmatch(text.strip()) for text in texts]
    if not matches or not all(match and int(match[1]) <= int(match[2] or 599) for match in matches):
        raise ValueError(
            f"{shown(value)} is not an HTTP status; write 200, [200, 204] or a range as in 200-299"
        )
    return value


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
_LISTEN_SCHEMA = {"type": "string", "description": "address:port, or [address]:port for IPv6"}
_ADDRESS_SCHEMA = {"type": "string", "description": "an IPv4 or IPv6 address"}
_NETWORK_SCHEMA = {"type": "string", "description": "a network as address/length, or one address"}

Duration = Annotated[
    float,
    BeforeValidator(parse_duration),
    WithJsonSchema(_DURATION_SCHEMA),
    Words("a duration as in 30s"),
]
Share = Annotated[
    float,
    BeforeValidator(parse_share),
    WithJsonSchema(_SHARE_SCHEMA),
    Words("a share as in 50%"),
]
Listen = Annotated[
    SocketAddress,
    BeforeValidator(parse_socket_address),
    WithJsonSchema(_LISTEN_SCHEMA),
    Words("an address and port as in 127.0.0.1:53"),
]
AddressText = Annotated[
    Address,
    BeforeValidator(parse_address),
    WithJsonSchema(_ADDRESS_SCHEMA),
    Words("an IP address"),
]
Network = Annotated[
    IPv4Network | IPv6Network,
    BeforeValidator(parse_network),
    WithJsonSchema(_NETWORK_SCHEMA),
    Words("a network as in 192.0.2.0/24"),
]
AbsoluteName = Annotated[
    str,
    AfterValidator(parse_absolute_name),
    Words("a name with the final dot, as in eu.cdn.example.net."),
]
TTL = Annotated[Duration, Field(ge=0, le=2**31 - 1)]  # RFC 2181 8: at most 2^31 - 1 seconds
