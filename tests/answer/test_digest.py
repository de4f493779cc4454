"""The digest of a compiled zone: the same content, the same digest, and nothing else."""

from __future__ import annotations

from random import Random

from geodns.answer.digest import digest_of, serial_of, with_serial
from geodns.answer.image import GEO, GeoRRset, Node, RRset, ZoneImage

APEX = b"\7example\4test\0"
SOA = b"\3ns1" + APEX + b"\4host" + APEX + b"".join(n.to_bytes(4, "big") for n in (9, 8, 7, 6, 5))
NAMES = ["web", "api"]


def _zone(random: Random) -> ZoneImage:
    nodes: dict[bytes, Node] = {APEX: {6: RRset(300, (SOA,)), 2: RRset(60, (b"\3ns1" + APEX,))}}
    for number in range(random.randrange(1, 8)):
        owner = b"\3a" + b"%02d" % number + APEX
        nodes[owner] = {
            1: RRset(random.choice([30, 60]), tuple(random.randbytes(4) for _ in range(3))),
            GEO: GeoRRset(random.randrange(2), 30),
        }
    return ZoneImage(APEX, nodes, 300)


def test_the_order_of_names_and_records_and_the_serial_do_not_matter() -> None:
    random = Random(1)
    for _ in range(200):
        zone = _zone(random)
        shuffled: dict[bytes, Node] = {}
        for owner in random.sample(sorted(zone.nodes), len(zone.nodes)):
            node = zone.nodes[owner]
            shuffled[owner] = {
                type: rrset
                if isinstance(rrset, GeoRRset)
                else RRset(rrset.ttl, tuple(random.sample(rrset.rdatas, len(rrset.rdatas))))
                for type, rrset in reversed(node.items())
            }
        shuffled[APEX][6] = RRset(300, (with_serial(SOA, random.getrandbits(32)),))
        same = ZoneImage(APEX, shuffled, 300)
        assert digest_of(same, NAMES) == digest_of(zone, NAMES)


def test_whatever_else_changes_is_seen() -> None:
    random = Random(2)
    for _ in range(300):
        zone = _zone(random)
        before = digest_of(zone, NAMES)
        owner = random.choice(sorted(zone.nodes))
        node = zone.nodes[owner]
        type = random.choice(sorted(node))
        rrset = node[type]
        change = random.randrange(3)
        if isinstance(rrset, GeoRRset):
            node[type] = GeoRRset(1 - rrset.service, 30) if change else GeoRRset(rrset.service, 31)
        elif change == 0:
            node[type] = RRset(rrset.ttl + 1, rrset.rdatas)
        elif change == 1:
            node[type] = RRset(rrset.ttl, (*rrset.rdatas, b"more" * 6))
        else:
            del node[type]
        assert digest_of(zone, NAMES) != before


def test_a_service_counts_by_its_name() -> None:
    zone = ZoneImage(APEX, {APEX: {GEO: GeoRRset(0, 30)}}, 300)
    moved = ZoneImage(APEX, {APEX: {GEO: GeoRRset(1, 30)}}, 300)
    assert digest_of(zone, ["web", "api"]) == digest_of(moved, ["api", "web"])


def test_a_serial_is_read_and_written() -> None:
    assert serial_of(SOA) == 9
    assert with_serial(SOA, 9) == SOA
    assert serial_of(with_serial(SOA, 2**32 - 1)) == 2**32 - 1
