"""Catalogs that are consumed: the zones that one lists, and whose a zone is where several do."""

from __future__ import annotations

import random
from collections.abc import Mapping
from pathlib import Path

import dns.name
import dns.rdata
import dns.zone
import pytest

from geodns.replication.messages import Record
from geodns.replication.secondary.catalogs import BrokenCatalogError, Member, members_of
from geodns.replication.secondary.ownership import Clash, Owned, Ownership, owned
from geodns.zone.catalog import catalog_zone, member_label

CATALOG = b"\3cat\7invalid\0"
GOOD = """\
@ 0 IN SOA invalid. invalid. 1 3600 600 2147483646 0
@ 0 IN NS invalid.
version 0 IN TXT "2"
a.zones 0 IN PTR Example.com.
group.a.zones 0 IN TXT "nodnssec"
group.a.zones 0 IN TXT "two" "strings"
coo.a.zones 0 IN PTR Other.invalid.
b.zones 0 IN PTR example.net.
"""


def records(text: str) -> list[Record]:
    """Of a zone in a master file, as they are kept."""
    zone = dns.zone.from_text(text, origin="cat.invalid.", relativize=False, check_origin=False)
    return [
        Record(name.to_digestable(), rdata.rdtype, ttl, rdata.to_wire() or b"")
        for name, ttl, rdata in zone.iterate_rdatas()
    ]


def name(text: str) -> bytes:
    return dns.name.from_text(text).to_digestable()


def test_members_have_their_labels_groups_and_new_owners() -> None:
    assert members_of(CATALOG, records(GOOD)) == {
        name("example.com."): Member(
            b"\1a", frozenset(("nodnssec", "twostrings")), name("other.invalid.")
        ),
        name("example.net."): Member(b"\1b"),
    }


def test_a_catalog_of_our_own_can_be_consumed() -> None:
    zones = [dns.name.from_text(text) for text in ("a.test.", "b.test.", ".")]
    made = catalog_zone(dns.name.from_text("cat.invalid."), zones, Path("x"), 1)
    found = [
        Record(owner.to_digestable(), rdata.rdtype, 0, rdata.to_wire() or b"")
        for owner, node in made.nodes.items()
        for rdataset in node.rdatasets.values()
        for rdata in rdataset
    ]
    assert members_of(CATALOG, found) == {
        zone.to_digestable(): Member(b"\x20" + member_label(zone).encode()) for zone in zones
    }


@pytest.mark.parametrize(
    "more",
    [
        "x.ext 0 IN TXT custom",
        "x.ext.a.zones 0 IN TXT custom",
        "group.a.zones 0 IN A 192.0.2.1",
        "a.zones 0 IN TXT other",
        "deep.c.zones 0 IN PTR example.org.",
        "zones 0 IN PTR example.org.",
        "group.d.zones 0 IN TXT nobody",
        "coo.d.zones 0 IN PTR one.invalid.\ncoo.d.zones 0 IN PTR two.invalid.",
        "unknown.a.zones 0 IN TXT property",
        "version 0 IN A 192.0.2.1",
    ],
)
def test_what_a_catalog_has_besides_is_ignored(more: str) -> None:
    assert members_of(CATALOG, records(GOOD + more + "\n")) == members_of(CATALOG, records(GOOD))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (GOOD.replace("version", "release"), 'version.cat.invalid. has not the one TXT record "2"'),
        (GOOD.replace('"2"', '"1"'), 'the one TXT record "2"'),
        (GOOD.replace('"2"', '"2" ""'), 'the one TXT record "2"'),
        (GOOD + 'version 0 IN TXT "3"\n', 'the one TXT record "2"'),
        (GOOD + "a.zones 0 IN PTR example.org.\n", "a.zones.cat.invalid. has several PTR records"),
        (GOOD + "coo.a.zones 0 IN PTR x.\n", "coo.a.zones.cat.invalid. has several PTR records"),
        (GOOD + "c.zones 0 IN PTR EXAMPLE.com.\n", r"example.com. is listed twice, by [ac]\.zones"),
    ],
)
def test_a_catalog_that_is_broken_is_told(text: str, reason: str) -> None:
    with pytest.raises(BrokenCatalogError, match=reason):
        members_of(CATALOG, records(text))


ONE, TWO, THREE = b"\3one\0", b"\3two\0", b"\5three\0"
Z = b"\1z\0"
_A, _B = Member(b"\1a"), Member(b"\1b")


def _to(catalog: bytes, member: Member = _A) -> Member:
    return member._replace(coo=catalog)


@pytest.mark.parametrize(
    ("before", "one", "two", "owner", "reset", "clash"),
    [
        # new, dropped, and back under another label
        (None, _A, None, ONE, False, ()),
        (Owned(ONE, _A), None, None, None, False, ()),
        (Owned(ONE, _A), _A, None, ONE, False, ()),
        (Owned(ONE, _A), _B, None, ONE, True, ()),
        # two list it: who had it, keeps it
        (None, _A, _B, ONE, False, (TWO,)),
        (Owned(TWO, _B), _A, _B, TWO, False, (ONE,)),
        # dropped by one, it is a new zone of the other
        (Owned(ONE, _A), None, _A, TWO, True, ()),
        # it moves where both say so, with what is kept of it where the label stays
        (Owned(ONE, _A), _to(TWO), None, ONE, False, ()),
        (Owned(ONE, _A), _to(TWO), _A, TWO, False, ()),
        (Owned(ONE, _A), _to(TWO), _B, TWO, True, ()),
        (Owned(TWO, _A), _to(TWO), _A, TWO, False, ()),
        # it was said, but is not any more
        (Owned(ONE, _to(TWO)), None, _A, TWO, True, ()),
        (Owned(ONE, _to(TWO)), _A, _A, ONE, False, (TWO,)),
        # round in a circle
        (Owned(ONE, _A), _to(TWO), _to(ONE), TWO, False, ()),
    ],
)
def test_whose_a_zone_is(
    before: Owned | None,
    one: Member | None,
    two: Member | None,
    owner: bytes | None,
    reset: bool,
    clash: tuple[bytes, ...],
) -> None:
    catalogs = {
        catalog: {} if member is None else {Z: member}
        for catalog, member in ((ONE, one), (TWO, two))
    }
    found = owned({} if before is None else {Z: before}, catalogs)
    assert {zone: each.catalog for zone, each in found.zones.items()} == (
        {} if owner is None else {Z: owner}
    )
    assert (Z in found.reset) is reset
    assert (Z in found.removed) is (before is not None and owner is None)
    assert found.clashes == tuple(Clash(Z, each, owner) for each in clash)


def test_a_zone_that_is_configured_is_nobodys() -> None:
    assert owned({}, {ONE: {Z: _A}}, {Z}) == Ownership(
        {}, frozenset(), frozenset(), (Clash(Z, ONE, None),)
    )


def test_through_random_histories_a_zone_has_one_owner_and_leaves_it_for_a_reason() -> None:
    chance = random.Random(5)
    for _ in range(2000):
        before: Mapping[bytes, Owned] = {}
        for _ in range(6):
            catalogs = {
                catalog: {
                    bytes((1, 97 + n, 0)): Member(
                        bytes((1, 97 + chance.randrange(2))),
                        coo=chance.choice((None, ONE, TWO, THREE)),
                    )
                    for n in range(3)
                    if chance.random() < 0.6
                }
                for catalog in (ONE, TWO, THREE)
            }
            configured = {Z for Z in (b"\1a\0",) if chance.random() < 0.1}
            now = owned(before, catalogs, configured)
            _judge(before, catalogs, configured, now)
            before = now.zones


def _judge(
    before: Mapping[bytes, Owned],
    catalogs: Mapping[bytes, Mapping[bytes, Member]],
    configured: set[bytes],
    now: Ownership,
) -> None:
    listed = {zone for members in catalogs.values() for zone in members}
    assert now.zones.keys() == listed - configured
    assert now.removed == before.keys() - now.zones.keys()
    for zone, (catalog, member) in now.zones.items():
        assert catalogs[catalog][zone] == member
        former = before.get(zone)
        if former is None or zone not in catalogs[former.catalog]:
            assert (zone in now.reset) is (former is not None)
            continue
        assert (zone in now.reset) is (former.member.label != member.label)
        # Every step of the way was said by who had it.
        way, at = [former.catalog], former.catalog
        while at != catalog:
            coo = catalogs[at][zone].coo
            assert coo is not None
            at = coo
            way.append(at)
            assert zone in catalogs[at]
            assert len(way) <= 3
        rest = catalogs[at][zone].coo
        assert rest is None or rest in way or zone not in catalogs[rest]
