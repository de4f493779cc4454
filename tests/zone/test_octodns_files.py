"""A folder of octoDNS's files is loaded as it is, and holds what octoDNS says it holds."""

from __future__ import annotations

import shutil
from pathlib import Path

import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import pytest
from octodns.provider.yaml import YamlProvider
from octodns.zone import Zone as OctodnsZone

from geodns.problem import Problem
from geodns.zone.content import Zone
from geodns.zone.load import load_zones

FILES = Path(__file__).parent / "octodns"
SERVERS = ("ns1.example.org.", "ns2.example.org.")
# A name that not every file system has.
UNICODE = """---
? ''
: type: TXT
  value: books
größe:
  ttl: 60
  type: A
  value: 192.0.2.77
www:
  type: CNAME
  value: bücher.example.net.
"""
ZONES = ("2.0.192.in-addr.arpa.", "bücher.test.", "example.test.")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shutil.copytree(FILES, tmp_path, dirs_exist_ok=True)
    (tmp_path / "bücher.test.yaml").write_text(UNICODE, encoding="utf-8")
    return tmp_path


def loaded(folder: Path) -> tuple[dict[dns.name.Name, Zone], list[Problem]]:
    zones, problems, _ = load_zones(folder, None, name_servers=SERVERS)
    return {zone.origin: zone for zone in zones}, problems


def test_all_of_a_folder_but_octodns_s_own_configuration_is_loaded(folder: Path) -> None:
    zones, problems = loaded(folder)
    assert zones.keys() == {dns.name.from_text(name) for name in ZONES}
    assert [(item.file.name, item.id, item.severity) for item in problems] == [
        ("example.test.yaml", "ignored-record", "warning"),
        ("example.test.yaml", "old-geo", "warning"),
        ("octodns.yaml", "not-a-zone", "warning"),
    ]


def test_a_zone_without_name_servers_has_those_of_the_server(folder: Path) -> None:
    zones, _ = loaded(folder)
    for zone in zones.values():
        apex = zone.nodes[zone.origin].rdatasets
        assert {str(rdata) for rdata in apex[dns.rdatatype.NS]} == set(SERVERS)
        assert str(apex[dns.rdatatype.SOA][0]).startswith(SERVERS[0])
    without, problems, _ = load_zones(folder, None)
    assert without == ()
    assert {item.id for item in problems if item.severity == "error"} == {"missing-ns"}


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("name", ZONES)
def test_every_record_is_the_one_that_octodns_reads(folder: Path, name: str) -> None:
    theirs = OctodnsZone(dns.name.from_text(name).to_text(), [])
    YamlProvider("files", str(folder)).populate(theirs)
    zones, _ = loaded(folder)
    zone = zones[dns.name.from_text(name)]
    compared = 0
    for record in theirs.records:
        if record.ignored:
            continue
        owner, ttl, kind, texts = record.rrs
        rdataset = zone.nodes[dns.name.from_text(owner)].rdatasets[dns.rdatatype.from_text(kind)]
        expected = {dns.rdata.from_text(dns.rdataclass.IN, rdataset.rdtype, text) for text in texts}
        assert (int(rdataset.ttl), set(rdataset)) == (ttl, expected)
        compared += 1
    made_up = 2  # SOA and NS
    assert compared == sum(len(node.rdatasets) for node in zone.nodes.values()) - made_up
