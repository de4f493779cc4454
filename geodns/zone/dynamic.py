"""octoDNS's dynamic records: pools of values, and rules that say which pool a client is sent to."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from ipaddress import IPv4Network, IPv6Network
from typing import Any, Literal, NamedTuple
from urllib.parse import quote

import dns.name
from dns.rdatatype import RdataType

Network = IPv4Network | IPv6Network
Status = Literal["up", "down", "obey"]
Protocol = Literal["HTTP", "HTTPS", "TCP", "ICMP", "UDP"]

_PLAIN = "._-~"  # what stands in an ID unquoted, besides letters and digits


class PoolValue(NamedTuple):
    """An address, or the absolute target of a CNAME, in canonical form.

    ``status``: ``up`` is always in service, ``down`` never, ``obey`` while its check says so.
    """

    value: str
    weight: int = 1
    status: Status = "obey"


class Pool(NamedTuple):
    """Values that share by weight. ``fallback`` names the pool that is asked when none is up."""

    name: str
    values: tuple[PoolValue, ...]
    fallback: str | None = None


class PoolRule(NamedTuple):
    """Sends clients to a pool: those in any of its subnets or geos, or all where it has neither.

    ``geos`` are octoDNS's codes, ``EU``, ``EU-DE``, ``NA-US-CA``; ``geocodes`` says who is in one.
    """

    pool: str
    geos: tuple[str, ...] = ()
    subnets: tuple[Network, ...] = ()

    @property
    def catches_all(self) -> bool:
        """Whether it is for every client that no rule before it is for."""
        return not self.geos and not self.subnets


class HealthCheck(NamedTuple):
    """How values are checked; the defaults are octoDNS's. ``host`` None: the record's name.

    ``more`` are settings of this server's own checks.
    """

    protocol: Protocol = "HTTPS"
    host: str | None = None
    path: str = "/_dns"
    port: int = 443
    more: tuple[tuple[str, Any], ...] = ()


class DynamicRecord(NamedTuple):
    """A dynamic record of type A, AAAA or CNAME.

    ``defaults`` are its plain values, which are answered without a check where no pool is left.
    ``answers`` is how many values one answer has. ``check``: None where nothing is checked.
    ``line`` and ``column`` count from 1.
    """

    type: RdataType
    ttl: int
    pools: tuple[Pool, ...]
    rules: tuple[PoolRule, ...]
    defaults: tuple[str, ...]
    check: HealthCheck | None
    answers: int
    line: int
    column: int

    def chain(self, pool: str) -> tuple[str, ...]:
        """A pool and its fallbacks, in the order in which they are asked."""
        fallbacks = {each.name: each.fallback for each in self.pools}
        found: dict[str, None] = {}
        ahead: str | None = pool
        while ahead is not None and ahead in fallbacks and ahead not in found:
            found[ahead] = None
            ahead = fallbacks[ahead]
        return tuple(found)


def subnets_around(subnet: Network, lengths: Collection[int]) -> Iterator[Network]:
    """The subnets of these prefix lengths that a subnet lies in, itself included, narrow first."""
    fitting = (length for length in lengths if length <= subnet.prefixlen)
    return (subnet.supernet(new_prefix=length) for length in sorted(fitting, reverse=True))


def service_of(owner: dns.name.Name, rdtype: RdataType) -> str:
    """The name of the service that stands for a record: ``www.example.test/A``.

    No configured service has a slash in its name, and ``@`` stands before a pool.
    """
    text = owner.to_text(omit_final_dot=True).replace("\\@", "\\064").replace("/", "\\047")
    return f"{text}/{rdtype.name}"


def pool_id(service: str, pool: str) -> str:
    """What people name a pool by, to drain it: ``www.example.test/A@eu``."""
    return f"{service}@{quote(pool, safe=_PLAIN)}"


def value_ids(service: str, pool: Pool) -> list[str]:
    """For each value what people name it by: ``www.example.test/A@eu/192.0.2.1``.

    One that stands in the pool again has a number: ``…/192.0.2.1#2``.
    """
    seen: dict[str, int] = {}
    found = []
    for each in pool.values:
        text = re.sub(r"\.$", "", each.value)
        seen[text] = seen.get(text, 0) + 1
        number = f"#{seen[text]}" if seen[text] > 1 else ""
        found.append(f"{pool_id(service, pool.name)}/{text}{number}")
    return found
