"""Copied zones in an image: as if their records were in a file, with overlays laid over them."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path
from typing import Any

import building
import dns.message
import dns.name
import dns.rcode
import pytest
from recordtypes import EXAMPLES

from geodns.answer.cold import Identity
from geodns.answer.compile import compile_image
from geodns.answer.copied import CopiedZone
from geodns.answer.engine import Engine
from geodns.answer.image import Image, RRset
from geodns.config.dynamic import with_dynamic_records
from geodns.config.settings import Configuration, Server
from geodns.control.copied_zones import copied_zones, wanted_copies, with_listed
from geodns.control.copies import Copies
from geodns.control.copies_file import read_copies
from geodns.control.serials import settle_serials
from geodns.replication.inbound import Whole
from geodns.replication.messages import Record
from geodns.zone.catalog import catalog_zone
from geodns.zone.content import Zone
from geodns.zone.load import load_zones
from geodns.zone.overlay import read_overlay
from geodns.zone.serial import Known

ORIGIN = dns.name.from_text("example.test.")
APEX = ORIGIN.to_digestable()
LATER = 2**33
COPIED = {"secondary": {"primaries": ["192.0.2.53"], "zones": {"example.test.": {}}}}
_ZONE = """\
@ 60 IN SOA ns1 admin 7 3600 600 86400 30
@ 60 IN NS ns1
ns1 60 IN A 192.0.2.53
"""


def _ignore(_zones: Collection[bytes]) -> None:
    """Nobody is to be told."""


def _read(folder: Path, text: str) -> Zone:
    own = folder / "copied"
    own.mkdir(exist_ok=True)
    (own / "example.test.zone").write_text(text)
    (zone,), problems, _ = load_zones(own, None)
    assert not [problem for problem in problems if problem.severity == "error"], problems
    return zone


def _records(zone: Zone) -> list[Record]:
    return [
        Record(owner.to_digestable(), int(type), int(rdataset.ttl), rdata.to_wire() or b"")
        for owner, node in zone.nodes.items()
        for type, rdataset in node.rdatasets.items()
        for rdata in rdataset
    ]


def _kept(folder: Path, zone: Zone) -> dict[bytes, Any]:
    """Through the file on disk."""
    records = _records(zone)
    (soa,) = (record for record in records if record.type == 6)
    others = [record for record in records if record.type != 6]
    random.Random(1).shuffle(others)
    folder = folder / "state"
    folder.mkdir(exist_ok=True)
    copies = Copies(folder, _ignore)
    asyncio.run(copies.replace(APEX, Whole(soa, others), 0, LATER))
    copies.close()
    return read_copies(folder, {APEX}, 0).nodes


def _configuration(folder: Path, **settings: Any) -> Configuration:
    made = building.configuration(folder, **settings)
    server = Server.model_validate(COPIED)
    return replace(made, zones=(), server=server)


def _random_zone(chance: random.Random) -> str:
    types = [type for type in EXAMPLES if type not in ("SOA", "OPT", "TSIG", "TKEY", "NS", "CNAME")]
    lines = [_ZONE]
    for n in range(40):
        owner = chance.choice((f"n{n}", f"a.b{n}.c", f"*.w{n}", f"Up{n}", "@"))
        type = chance.choice(types)
        if type != "DNAME":
            lines.append(f"{owner} {chance.choice((30, 60))} IN {type} {EXAMPLES[type]}\n")
    lines += ["cut 60 IN NS ns.cut\n", "ns.cut 60 IN A 192.0.2.9\n", "al 60 IN CNAME n1\n"]
    return "".join(lines)


@pytest.mark.parametrize("seed", range(20))
def test_a_copy_is_compiled_as_a_file_with_the_same_records(tmp_path: Path, seed: int) -> None:
    zone = _read(tmp_path, _random_zone(random.Random(seed)))
    configuration = _configuration(tmp_path)
    of_file = compile_image(replace(configuration, zones=(zone,)), building.three_places())
    copied, problems = copied_zones(configuration, {APEX: None}, _kept(tmp_path, zone))
    of_copy = compile_image(configuration, building.three_places(), copied)
    assert problems == ()
    assert _comparable(of_copy) == _comparable(of_file)


def _comparable(image: Image) -> tuple[int, dict[bytes, dict[int, object]]]:
    """Sets as sets: on disk they are in an order of their own."""
    zone = image.zones[APEX]
    return zone.negative_ttl, {
        owner: {
            type: (rrset.ttl, frozenset(rrset.rdatas)) if isinstance(rrset, RRset) else rrset
            for type, rrset in node.items()
        }
        for owner, node in zone.nodes.items()
    }


def _laid(folder: Path, zone: str, overlay: str, **settings: Any) -> tuple[Image, list[str]]:
    """The image with an overlay, and the warnings."""
    base = _configuration(folder, **settings)
    file = folder / "laid" / "overlay.yaml"
    file.parent.mkdir(exist_ok=True)
    file.write_text(overlay)
    read, problems, _ = read_overlay(file, ORIGIN, set(base.services.services))
    assert read is not None, problems
    configuration, _ = with_dynamic_records(replace(base, overlays=(read,)))
    kept = _kept(folder, _read(folder, zone))
    copied, warnings = copied_zones(configuration, {APEX: None}, kept)
    image = compile_image(configuration, building.three_places(), copied)
    return image, [str(warning) for warning in warnings]


def _ask(image: Image, name: str, type: str = "A") -> dns.message.Message:
    engine = Engine(image, Identity())
    reply = engine.respond(building.query(name, type, edns=True), "10.0.0.1")
    assert reply
    return dns.message.from_wire(reply)


def _answers(image: Image, name: str, type: str = "A") -> list[str]:
    return [rdata.to_text() for rrset in _ask(image, name, type).answer for rdata in rrset]


DYNAMIC = """\
dyn:
  type: A
  value: 192.0.2.200
  dynamic:
    pools: {one: {values: [{value: 192.0.2.201, status: up}]}}
    rules: [{pool: one}]
"""


def test_an_overlay_takes_the_place_of_addresses_and_leaves_the_rest(tmp_path: Path) -> None:
    zone = _ZONE + "www 60 IN A 192.0.2.99\nwww 60 IN TXT kept\ndyn 60 IN A 192.0.2.98\n"
    image, warnings = _laid(tmp_path, zone, "www: {type: GEO, service: web}\n" + DYNAMIC)
    assert warnings == []
    assert _answers(image, "www.example.test") == ["192.0.2.1"]
    assert _answers(image, "www.example.test", "AAAA") == ["2001:db8::1"]
    assert _answers(image, "www.example.test", "TXT") == ['"kept"']
    assert _answers(image, "dyn.example.test") == ["192.0.2.201"]
    assert _answers(image, "ns1.example.test") == ["192.0.2.53"]


GEO = "{}: {{type: GEO, service: web}}\n"


@pytest.mark.parametrize(
    ("records", "owner", "warning"),
    [
        ("cut 60 IN NS ns.elsewhere.test.\n", "cut", "is delegated by the primary"),
        ("cut 60 IN NS ns.elsewhere.test.\n", "www.cut", "is delegated by the primary"),
        ("old 60 IN DNAME new.test.\n", "www.old", "is below a DNAME of the primary"),
    ],
)
def test_an_overlay_is_not_for_what_the_primary_gives_away(
    tmp_path: Path, records: str, owner: str, warning: str
) -> None:
    plain, _ = _laid(tmp_path, _ZONE + records, GEO.format("other"))
    image, (told,) = _laid(tmp_path, _ZONE + records, GEO.format(owner))
    assert warning in told
    assert "overlay.yaml:1" in told
    name = f"{owner}.example.test"
    assert _ask(image, name).to_text() == _ask(plain, name).to_text()


def test_an_overlay_wins_over_an_alias_and_says_so(tmp_path: Path) -> None:
    image, (told,) = _laid(
        tmp_path, _ZONE + "www 60 IN CNAME cdn.elsewhere.test.\n", GEO.format("www")
    )
    assert "overlay-over-cname" in told
    assert _answers(image, "www.example.test") == ["192.0.2.1"]
    assert _answers(image, "www.example.test", "CNAME") == []


def test_a_name_that_may_be_an_alias_does_not_stand_beside_others(tmp_path: Path) -> None:
    services = {"web": {"steering": "nearest", "when_down": {"cname": "elsewhere.test."}}}
    zone = _ZONE + "www 60 IN TXT here\nwww 60 IN A 192.0.2.99\n"
    overlay = GEO.format("www") + GEO.format('""') + GEO.format("free")
    image, warnings = _laid(tmp_path, zone, overlay, services=services)
    assert sum("can't stand beside" in told for told in warnings) == 2
    assert _answers(image, "www.example.test") == ["192.0.2.99"]
    assert _answers(image, "free.example.test") == ["192.0.2.1"]


def test_signatures_of_what_is_replaced_go_and_a_signed_zone_is_warned_of(tmp_path: Path) -> None:
    signature = "20300101000000 20260101000000 1 example.test. AAAA"
    zone = _ZONE + "".join(
        (
            "@ 60 IN DNSKEY 257 3 13 " + "A" * 88 + "\n",
            "www 60 IN A 192.0.2.99\nwww 60 IN TXT kept\n",
            f"www 60 IN RRSIG A 13 3 60 {signature}\n",
            f"www 60 IN RRSIG TXT 13 3 60 {signature}\n",
        )
    )
    image, (told,) = _laid(tmp_path, zone, GEO.format("www"))
    assert "overlay-unsigned" in told
    (left,) = _answers(image, "www.example.test", "RRSIG")
    assert left.startswith("TXT ")


def test_a_zone_that_is_not_there_is_an_error_of_the_server(tmp_path: Path) -> None:
    configuration = _configuration(tmp_path)
    copied, _ = copied_zones(configuration, {APEX: None}, {})
    image = compile_image(configuration, building.three_places(), copied)
    for name in ("example.test", "www.example.test", "a.b.example.test"):
        reply = _ask(image, name, "SOA")
        assert reply.rcode() == dns.rcode.SERVFAIL
        assert [int(error.code) for error in reply.extended_errors()] == [24]
        assert not reply.answer
        assert not reply.authority
    assert _ask(image, "elsewhere.test").rcode() == dns.rcode.REFUSED
    assert settle_serials(image, configuration, {}, {}, {}, copied) == ({}, ())


def test_serials_are_the_primarys_and_our_own_where_something_is_laid_over(tmp_path: Path) -> None:
    zone = _read(tmp_path, _ZONE)
    configuration = _configuration(tmp_path)

    file = tmp_path / "overlay.yaml"
    file.write_text(GEO.format("www"))
    geo, _, _ = read_overlay(file, ORIGIN, None)
    assert geo is not None
    laid = geo.nodes

    def settled(*, overlay: bool, before: dict[bytes, Known]) -> dict[bytes, Known]:
        (copied,), _ = copied_zones(configuration, {APEX: None}, _kept(tmp_path, zone))
        assert isinstance(copied, CopiedZone)
        if overlay:
            copied.overlay = laid
        image = compile_image(configuration, building.three_places(), [copied])
        return settle_serials(image, configuration, before, {}, {}, [copied])[0]

    assert settled(overlay=False, before={APEX: Known(99, b"other")})[APEX].serial == 7
    first = settled(overlay=True, before={})
    assert first[APEX].serial == 7
    assert settled(overlay=True, before=first) == first
    assert settled(overlay=True, before={APEX: Known(7, b"other")})[APEX].serial == 8


def test_what_is_there_otherwise_is_not_copied(tmp_path: Path) -> None:
    zone = _read(tmp_path, _ZONE)
    catalog, other = b"\7catalog\0", b"\5other\0"
    roles = {"primaries": ["192.0.2.1"], "zones": {"named.": {}}, "catalogs": {"catalog.": {}}}
    server = Server.model_validate({"secondary": roles})
    configuration = replace(_configuration(tmp_path), zones=(zone,), server=server)
    owners = {APEX: catalog, other: catalog, b"\4gone\0": b"\4else\0"}
    assert list(wanted_copies(configuration, owners)) == [b"\5named\0", other]


def test_the_catalog_that_is_made_lists_what_other_catalogs_list(tmp_path: Path) -> None:
    origin = dns.name.from_text("made.")
    made = catalog_zone(origin, [], tmp_path, 1)
    server = Server.model_validate(
        {
            "transfer": {"allow": ["192.0.2.0/24"], "catalog": "made."},
            "secondary": {"primaries": ["192.0.2.1"], "catalogs": {"catalog.": {}}},
        }
    )
    configuration = replace(_configuration(tmp_path), zones=(made,), server=server)
    listed = with_listed(configuration, [CopiedZone(APEX, None)])
    assert listed.zones == (catalog_zone(origin, [ORIGIN], tmp_path, 1),)
