"""The question to be explained, read from the words of a command line."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import NamedTuple

import dns.exception
import dns.name
import dns.rdatatype

from geodns.errors import GeodnsError
from geodns.wording import did_you_mean
from geodns.zone.draft import ContentError
from geodns.zone.names import parse_name

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_TYPES = tuple(type.name for type in dns.rdatatype.RdataType)


class QuestionError(GeodnsError):
    """A word can't be a part of a question; ``argument`` is which: NAME, TYPE or --client."""

    def __init__(self, argument: str, reason: str) -> None:
        super().__init__(reason)
        self.argument = argument


class Client(NamedTuple):
    """Who asks. ``subnet``: a resolver speaks for this network with EDNS client subnet (RFC 7871).

    Otherwise the network is one whole address, from which the packet comes.
    """

    network: Network
    subnet: bool

    @property
    def address(self) -> Address:
        """What is looked up: the address, or the network's first one."""
        return self.network.network_address


class Question(NamedTuple):
    """``name`` is absolute and in lower case (RFC 4343 3)."""

    name: dns.name.Name
    type: dns.rdatatype.RdataType
    client: Client


def parse_question(name: str, type: str, client: str, *, resolver: bool) -> Question:
    """The question that words stand for. Raises QuestionError.

    A name without a final dot is absolute as well. ``resolver``: the client is a resolver that
    sends no client subnet.
    """
    return Question(_name(name), _type(type), _client(client, resolver))


def _name(text: str) -> dns.name.Name:
    if text in ("", "@"):
        raise QuestionError("NAME", f"{text!r} is not a whole name; write it as www.example.test")
    try:
        return parse_name(text, dns.name.root).canonicalize()
    except ContentError as error:
        raise QuestionError("NAME", f"{error.message}; write it as www.example.test") from error


def _type(text: str) -> dns.rdatatype.RdataType:
    try:
        return dns.rdatatype.from_text(text)
    except (dns.exception.DNSException, ValueError):
        if text.upper() == "GEO":
            hint = "GEO ties a name to a service in a zone file; ask for A, AAAA or CNAME"
        else:
            hint = did_you_mean(text, _TYPES) or "as in A, AAAA, MX or TYPE65280"
        raise QuestionError("TYPE", f"{text!r} is not a record type; {hint}") from None


def _client(text: str, resolver: bool) -> Client:
    host, slash, length = text.strip().partition("/")
    try:
        if "%" in host:
            raise ValueError
        address = ip_address(host)
        if slash and not (length.isascii() and length.isdigit()):
            raise ValueError
        network = ip_network((address, int(length) if slash else address.max_prefixlen), False)
    except ValueError:
        raise QuestionError(
            "--client",
            f"{text!r} is not an address; write it as 203.0.113.7, 203.0.113.0/24 or 2001:db8::/48",
        ) from None
    if network.prefixlen == 0:
        # RFC 7871 7.1.2: with SOURCE PREFIX-LENGTH 0 a client asks not to be located.
        raise QuestionError(
            "--client",
            f"{text!r} has a prefix length of 0, which asks not to be located; give the resolver's "
            "address, with --resolver",
        )
    if resolver and network.prefixlen != address.max_prefixlen:
        raise QuestionError("--client", f"{text!r} is not one address, as a resolver's is")
    return Client(network, not resolver)
