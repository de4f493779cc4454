"""The grammar of a latency table's client keys: ``203.0.113.0/24``, ``AS4134-CN``, ``EU-DE``."""

from __future__ import annotations

import re
from enum import IntEnum
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import NamedTuple

from geodns.errors import GeodnsError
from geodns.geo.countries import country_centre
from geodns.wording import shown

Network = IPv4Network | IPv6Network

CONTINENTS = ("AF", "AN", "AS", "EU", "NA", "OC", "SA")
_MOST_ASN = 2**32 - 1  # RFC 6793: AS numbers have four octets
_PREFIX = re.compile(r"[0-9A-Fa-f:.]+(/\d{1,3})?", re.ASCII)
_ASN = re.compile(r"AS(\d{1,20})(?:-([A-Z]{2}))?", re.ASCII)
_AREA = re.compile(r"([A-Z]{2})(?:-([A-Z]{2})(?:-([A-Z0-9]{1,3}))?)?", re.ASCII)

# Addresses in these are looked up as the IPv4 address that they carry, so a row for them would
# never be found: IPv4-mapped, NAT64 (RFC 6052), 6to4 (RFC 3056), Teredo (RFC 4380).
_EMBEDDING = tuple(
    IPv6Network(text) for text in ("::ffff:0:0/96", "64:ff9b::/96", "2002::/16", "2001::/32")
)


class Level(IntEnum):
    """How specific a client key is; of the rows that match a client, the highest level wins."""

    DEFAULT = 0
    CONTINENT = 1
    COUNTRY = 2
    SUBDIVISION = 3
    ASN = 4
    ASN_COUNTRY = 5
    PREFIX = 6


class ClientKey(NamedTuple):
    """A checked key. ``code`` is what a client's place is compared with.

    ``EU``, ``DE`` of ``EU-DE``, ``US-CA`` of ``NA-US-CA``, ``4134`` of ``AS4134``, ``4134-CN`` of
    ``AS4134-CN``, the prefix, or nothing for ``default``. ``text`` is the whole key, canonical.
    """

    level: Level
    code: str
    text: str


class ClientKeyError(GeodnsError):
    """The text is no client key; ``hint`` says what would be right, where that can be told."""

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.hint = hint


def parse_client(text: str) -> ClientKey:
    """The key that a text stands for; case and spelling of numbers are made canonical.

    Raises ClientKeyError.
    """
    word = text.strip() if text.isascii() else ""
    if "/" in word or ":" in word or re.fullmatch(r"[0-9.]+", word):
        return _prefix(word)
    upper = word.upper()
    if word.lower() == "default":
        return ClientKey(Level.DEFAULT, "", "default")
    if (match := _ASN.fullmatch(upper)) is not None:
        return _asn(match[1], match[2])
    if (match := _AREA.fullmatch(upper)) is not None:
        return _area(upper, match[1], match[2], match[3])
    raise ClientKeyError(
        f"{shown(text)} is not a client",
        "write a prefix as in 203.0.113.0/24, an AS number as in AS4134 or, in one country, "
        "AS4134-CN, a continent, country or subdivision as in EU, EU-DE, NA-US-CA, or default",
    )


def _prefix(word: str) -> ClientKey:
    try:
        if _PREFIX.fullmatch(word) is None:  # ip_network also takes netmasks and scope ids
            raise ValueError
        network = ip_network(word, strict=False)
    except ValueError:
        raise ClientKeyError(
            f"{shown(word)} is not an address prefix",
            "write it as in 203.0.113.0/24 or 2001:db8::/32",
        ) from None
    if "/" not in word:
        raise ClientKeyError(
            f"{shown(word)} is an address without a prefix length", f"write {network}"
        )
    try:
        ip_network(word, strict=True)
    except ValueError:
        raise ClientKeyError(
            f"{shown(word)} has bits set behind its prefix length", f"did you mean {network}?"
        ) from None
    if isinstance(network, IPv6Network) and any(map(network.subnet_of, _EMBEDDING)):
        raise ClientKeyError(
            f"{shown(word)} is never looked up: its addresses carry IPv4 addresses",
            "write the IPv4 prefix",
        )
    return ClientKey(Level.PREFIX, str(network), str(network))


def _asn(digits: str, country: str | None) -> ClientKey:
    number = int(digits)
    if not 0 < number <= _MOST_ASN:
        raise ClientKeyError(f"AS{digits} is not an AS number", f"they run from 1 to {_MOST_ASN}")
    if country is None:
        return ClientKey(Level.ASN, str(number), f"AS{number}")
    if country_centre(country) is None:
        raise ClientKeyError(
            f"{shown(f'AS{digits}-{country}')}: no country has the code {country}", "see ISO 3166-1"
        )
    code = f"{number}-{country}"
    return ClientKey(Level.ASN_COUNTRY, code, f"AS{code}")


def _area(text: str, continent: str, country: str | None, subdivision: str | None) -> ClientKey:
    if continent not in CONTINENTS:
        raise ClientKeyError(
            f"{shown(text)} does not begin with a continent",
            f"one of {', '.join(CONTINENTS)}; a country stands behind its continent, as in EU-DE",
        )
    if country is None:
        return ClientKey(Level.CONTINENT, continent, text)
    centre = country_centre(country)
    if centre is None:
        raise ClientKeyError(f"{shown(text)}: no country has the code {country}", "see ISO 3166-1")
    if centre.continent != continent:
        right = f"{centre.continent}{text.removeprefix(continent)}"
        raise ClientKeyError(f"{shown(text)}: {country} is in {centre.continent}", f"write {right}")
    if subdivision is None:
        return ClientKey(Level.COUNTRY, country, text)
    return ClientKey(Level.SUBDIVISION, f"{country}-{subdivision}", text)
