"""The same zones in NSD and Knot DNS: the same questions get the same answers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import dns.flags
import dns.message
import dns.name
import dns.query
import dns.rcode
import dns.rdatatype
import dns.rrset
import pytest
from plain_zones import TYPES, ZONES, names
from running import RunningServer
from yardsticks import NAMES, Address, yardstick

_INTO_ANOTHER_ZONE = {"to-kid.diff.test", "up.kid.diff.test"}
"""Aliases that lead out of their zone into another one of the same server: NSD goes on there, Knot
DNS and this server leave that to the resolver (docs/protocol.md)."""

pytestmark = [pytest.mark.interop, pytest.mark.slow]


class Reply(NamedTuple):
    """What is compared; records as (owner, TTL, type, data) in lower case, in no order."""

    rcode: str
    authoritative: bool
    truncated: bool
    answer: frozenset[tuple[str, int, str, str]]
    authority: frozenset[tuple[str, int, str, str]]


def _records(section: list[dns.rrset.RRset]) -> frozenset[tuple[str, int, str, str]]:
    return frozenset(
        (
            str(rrset.name).lower(),
            rrset.ttl,
            dns.rdatatype.to_text(rrset.rdtype),
            str(rdata).lower(),
        )
        for rrset in section
        for rdata in rrset
    )


def _ask(at: Address, name: str, type: str, edns: bool) -> Reply:
    query = dns.message.make_query(name, type, use_edns=0 if edns else -1)
    query.flags &= ~dns.flags.RD
    reply = dns.query.udp(query, at[0], port=at[1], timeout=30.0)
    assert (reply.edns == 0) == edns
    cut = bool(reply.flags & dns.flags.TC)
    if cut:
        # RFC 2181 9: what is left in it is to be ignored.
        reply.answer, reply.authority = [], []
    return Reply(
        dns.rcode.to_text(reply.rcode()),
        bool(reply.flags & dns.flags.AA),
        cut,
        _records(reply.answer),
        _records(reply.authority),
    )


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Address]:
    files = {f"zones/{zone}.zone": text for zone, text in ZONES.items()}
    with RunningServer(tmp_path_factory.mktemp("ours"), files) as server:
        yield server.udp


@pytest.fixture(scope="module", params=NAMES)
def theirs(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[str, Address]]:
    folder: Path = tmp_path_factory.mktemp("theirs")
    zones = {}
    for zone, text in ZONES.items():
        zones[zone] = folder / f"{zone}.zone"
        zones[zone].write_text(text)
    with yardstick(request.param, folder, zones) as address:
        yield request.param, address


@pytest.mark.parametrize("edns", [False, True], ids=["plain", "edns"])
def test_answers_are_the_same(ours: Address, theirs: tuple[str, Address], edns: bool) -> None:
    other, address = theirs
    differences = []
    for name in names():
        for type in TYPES:
            if other == "NSD" and name.lower() in _INTO_ANOTHER_ZONE and type != "CNAME":
                continue
            mine, other_reply = _ask(ours, name, type, edns), _ask(address, name, type, edns)
            if mine != other_reply:
                differences.append(f"{name} {type}\n  geodns: {mine}\n  {other}: {other_reply}")
    assert not differences, f"{len(differences)} differences:\n" + "\n".join(differences)
