"""Zones with random edits, and the messages in which dnspython would transfer them."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import dns.flags
import dns.message
import dns.name
import dns.rdata
import dns.rdatatype
import dns.rrset
import dns.tsig
from recordtypes import EXAMPLES

ORIGIN = dns.name.from_text("example.test.")
APEX = ORIGIN.to_wire() or b""
_UNKNOWN = {"TYPE65280": r"\# 3 abcdef", "TYPE1234": r"\# 0"}
_TEXTS = [
    (type, text.replace("Example", "example").replace("Target", "target"))
    for type, text in {**EXAMPLES, **_UNKNOWN}.items()
    if type not in ("SOA", "OPT", "TSIG", "TKEY")
]
RDATAS = tuple(dns.rdata.from_text("IN", type, text) for type, text in _TEXTS)
_NS = dns.rdata.from_text("IN", "NS", "ns1.example.test.")
Set = tuple[dns.name.Name, int, dns.rdata.Rdata]
"""Owner, TTL, data."""


def soa(serial: int, timers: str) -> dns.rdata.Rdata:
    """An SOA with this serial."""
    return dns.rdata.from_text(
        "IN", "SOA", f"ns1.example.test. hostmaster.example.test. {serial} {timers}"
    )


@dataclass(frozen=True)
class Version:
    """A zone at one serial: its records but for the SOA."""

    serial: int
    records: dict[tuple[dns.name.Name, dns.rdata.Rdata], int] = field(default_factory=dict)
    timers: str = "3600 600 86400 60"

    @property
    def soa(self) -> Set:
        return ORIGIN, 3600, soa(self.serial, self.timers)

    @property
    def others(self) -> Iterator[Set]:
        """All records but the SOA; there is always an NS, which ``records`` has not."""
        yield ORIGIN, 3600, _NS
        for (owner, rdata), ttl in self.records.items():
            yield owner, ttl, rdata

    def edited(self, chance: random.Random) -> Version:
        """A later one."""
        records = dict(self.records)
        for key in [key for key in records if chance.random() < 0.2]:
            del records[key]
        for key in [key for key in records if chance.random() < 0.1]:
            records[key] = chance.choice((0, 60, 2**31 - 1))
        for _ in range(chance.choice((0, 1, 5, 20))):
            records[_owner(chance), _rdata(chance)] = chance.choice((30, 3600))
        step = chance.choice((1, 1, 1, 2**31 - 1, 1000))
        return Version((self.serial + step) % 2**32, records)


def _owner(chance: random.Random) -> dns.name.Name:
    labels = [chance.choice((b"a", b"b", b"*", b"c-3", b"\x00.", b"Up", b"x" * 63))]
    labels *= chance.choice((0, 1, 1, 2, 3))
    return dns.name.Name((*labels, *ORIGIN.labels))


def _rdata(chance: random.Random) -> dns.rdata.Rdata:
    if chance.random() < 0.3:
        return dns.rdata.from_text("IN", "A", f"192.0.2.{chance.randrange(256)}")
    return chance.choice(RDATAS)


def whole(version: Version) -> Iterator[Set]:
    """As AXFR has it."""
    yield version.soa
    yield from version.others
    yield version.soa


def steps(versions: Sequence[Version]) -> Iterator[Set]:
    """As IXFR has it, from the first to the last of them."""
    yield versions[-1].soa
    for before, after in itertools.pairwise(versions):
        yield before.soa
        yield from _without(before, after)
        yield after.soa
        yield from _without(after, before)
    yield versions[-1].soa


def _without(one: Version, other: Version) -> Iterator[Set]:
    for (owner, rdata), ttl in one.records.items():
        if other.records.get((owner, rdata)) != ttl:
            yield owner, ttl, rdata


def written(
    query: dns.message.Message,
    records: Sequence[Set],
    chance: random.Random,
    key: dns.tsig.Key | None = None,
) -> list[bytes]:
    """The messages of a reply; with a key, all but some in the middle are signed."""
    packets: list[bytes] = []
    context = None
    left = list(records)
    while left:
        count = min(len(left), chance.choice((1, 2, 10, 100)))
        message = dns.message.make_response(query)
        message.flags |= dns.flags.AA
        message.answer = [dns.rrset.from_rdata(*record) for record in left[:count]]
        del left[:count]
        if packets and chance.random() < 0.5:
            message.question = []
        if key is None:
            packets.append(message.to_wire(max_size=65535))
        elif packets and left and chance.random() < 0.5:
            message.tsig = None
            packets.append(message.to_wire(max_size=65535))
            assert context is not None
            context.update(packets[-1])
        else:
            message.use_tsig(key)
            message.request_mac = query.mac or b""
            packets.append(message.to_wire(max_size=65535, multi=True, tsig_ctx=context))
            context = message.tsig_ctx
    return packets
