"""Small zones as they are received from primaries, for tests of what keeps them."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping
from pathlib import Path

import dns.name

from geodns.answer.image import RRset
from geodns.control.copies_file import read_copies
from geodns.replication.difference import Difference
from geodns.replication.inbound import Steps, Whole
from geodns.replication.messages import Record

APEX = dns.name.from_text("copied.test.").to_digestable()
A, TXT = 1, 16

Content = frozenset[tuple[bytes, int, bytes]]
"""(owner, type, rdata)"""


def owner(label: str) -> bytes:
    """A name of the zone, in wire form."""
    return dns.name.from_text(label, dns.name.from_text("copied.test.")).to_digestable()


def soa(serial: int, apex: bytes = APEX) -> Record:
    """An SOA record: refresh 60, retry 30, expire 600."""
    numbers = (serial, 60, 30, 600, 10)
    rdata = b"\2ns" + apex + b"\0" + b"".join(each.to_bytes(4, "big") for each in numbers)
    return Record(apex, 6, 3600, rdata)


def records(content: Iterable[tuple[bytes, int, bytes]], ttl: int = 300) -> tuple[Record, ...]:
    """Its records."""
    return tuple(Record(name, type, ttl, rdata) for name, type, rdata in content)


def whole(serial: int, content: Content) -> Whole:
    """As AXFR brings it."""
    return Whole(soa(serial), records(content))


def steps(since: int, before: Content, until: int, after: Content) -> Steps:
    """As IXFR brings it, in one step."""
    gone, new = records(before - after), records(after - before)
    return Steps(since, soa(until), (Difference(soa(since), soa(until), gone, new),))


def some(random: random.Random, most: int = 40) -> Content:
    """Random content, in which names, types and data come again."""
    names = [owner(label) for label in ("a", "b", "*.c", "@", "d.a")]
    return frozenset(
        (random.choice(names), random.choice((A, TXT)), bytes(random.choices(b"xy", k=4)))
        for _ in range(random.randrange(most))
    )


def kept_serial_and_content(
    folder: Path, apex: bytes = APEX, now: float = 0
) -> tuple[int, Content] | None:
    """What any process reads of the copy."""
    found = read_copies(folder, {apex}, now)
    assert not found.damaged
    nodes = found.nodes.get(apex)
    return None if nodes is None else (_serial(nodes), _content(nodes))


def _serial(nodes: Mapping[bytes, Mapping[int, object]]) -> int:
    rrset = nodes[APEX][6]
    assert isinstance(rrset, RRset)
    return int.from_bytes(rrset.rdatas[0][-20:-16], "big")


def _content(nodes: Mapping[bytes, Mapping[int, object]]) -> Content:
    return frozenset(
        (name, type, rdata)
        for name, node in nodes.items()
        for type, rrset in node.items()
        if type != 6 and isinstance(rrset, RRset)
        for rdata in rrset.rdatas
    )
