"""Names of hosts in checks: what a certificate is for, and what a Host header may say."""

from __future__ import annotations

import re
from ipaddress import IPv6Address, ip_address
from typing import Annotated

import dns.exception
import dns.name
from pydantic import AfterValidator

from geodns.config.wording import Words
from geodns.wording import shown

# Underscores are in no host name of RFC 1123 2.1, but they are in use, and in certificates.
_LABEL = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?", re.ASCII)
_WITH_PORT = re.compile(r"(?P<host>\[[^\]]*\]|[^:]*)(?::(?P<port>[0-9]{1,5}))?", re.ASCII)
_MOST_NAME = 253  # characters: RFC 1035 2.3.4, less what the root and the first length take


def parse_server_name(value: str) -> str:
    """A host name without the final dot, or an address, unchanged. Raises ValueError."""
    if _is_address(value):
        return value
    if value.endswith(".") and len(value) > 1:
        # RFC 6066 3: "The hostname is represented as a byte string using ASCII encoding without
        # a trailing dot."
        raise ValueError(f"{shown(value)} must be written without its final dot: {value[:-1]}")
    if not value.isascii():
        raise ValueError(f"{shown(value)} must be written in ASCII{_in_ascii(value)}")
    labels = value.split(".")
    if len(value) > _MOST_NAME or not all(map(_LABEL.fullmatch, labels)):
        raise ValueError(f"{shown(value)} is not a host name; write it as in www.example.net")
    # What ends in a number is read as an IPv4 address everywhere.
    if labels[-1].isdecimal():
        raise ValueError(f"{shown(value)} is neither a host name nor an address")
    return value


def parse_host(value: str) -> str:
    """A host name or address, and a port if there is one, unchanged. Raises ValueError.

    RFC 9110 7.2: ``Host = uri-host [ ":" port ]``, where an IPv6 address is in brackets.
    """
    if ":" in value and _is_address(value):
        raise ValueError(f"{shown(value)} needs brackets: [{value}]")
    match = _WITH_PORT.fullmatch(value)
    if match is None or int(match["port"] or 1) not in range(1, 65536):
        raise ValueError(
            f"{shown(value)} is not a host name with a port; write it as in www.example.net:8080"
        )
    host = match["host"]
    if host.startswith("[") and not isinstance(_address(host[1:-1]), IPv6Address):
        raise ValueError(f"{shown(host)} is not an IPv6 address in brackets, as in [2001:db8::1]")
    if not host.startswith("["):
        parse_server_name(host)
    return value


def name_in(host: str) -> str:
    """The name or address in what ``parse_host`` takes, without brackets and port."""
    match = _WITH_PORT.fullmatch(host)
    return host if match is None else match["host"].strip("[]")


def _address(text: str) -> object:
    try:
        return None if "%" in text else ip_address(text)
    except ValueError:
        return None


def _is_address(text: str) -> bool:
    return _address(text) is not None


def _in_ascii(value: str) -> str:
    try:
        name = dns.name.from_text(value).to_text(omit_final_dot=True)
    except (dns.exception.DNSException, UnicodeError):
        return ", as in www.example.net"
    return f": {name}"


ServerName = Annotated[str, AfterValidator(parse_server_name), Words("a host name")]
Host = Annotated[
    str, AfterValidator(parse_host), Words("a host name, with a port if need be, as in a.test:8080")
]
