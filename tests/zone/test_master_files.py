"""RFC 1035 master files: what they may contain, and where their faults are."""

from __future__ import annotations

from pathlib import Path

import dns.name
import dns.rdatatype
import dns.zone
import pytest

from geodns.problem import Problem
from geodns.zone.content import Zone
from geodns.zone.load import load_zones

HEAD = """\
$TTL 3600
@ IN SOA ns.other.test. hostmaster 1 3600 600 604800 300
@ IN NS ns.other.test.
"""


def load(folder: Path, text: str) -> tuple[Zone | None, list[Problem]]:
    (folder / "example.test.zone").write_text(text, encoding="utf-8")
    zones, problems, _ = load_zones(folder, None)
    return (zones[0] if zones else None), problems


def records(zone: Zone) -> set[tuple[str, int, str]]:
    return {
        (name.to_text(), rdataset.ttl, f"{dns.rdatatype.to_text(rdataset.rdtype)} {rdata}")
        for name, node in zone.nodes.items()
        for rdataset in node.rdatasets.values()
        for rdata in rdataset
    }


EVERYTHING = r"""
$TTL 1h ; a comment
$ORIGIN example.test.
@	IN	SOA	ns1.example.test. hostmaster.example.test. (
		2026110100 ; serial
		1h 10m 1w 300 )
	NS	ns1
	NS	ns2.other.test.
ns1	A	192.0.2.1
	AAAA	2001:db8::1
WWW 300 IN A 192.0.2.2
    IN 300 A 192.0.2.3
mail IN A 192.0.2.4
@ MX 10 mail
text TXT "semi;colon" plain "quo\"te" ( "second"
 third )
esc\.aped TXT \226\130\172
_sip._tcp SRV 1 2 3 www
$ORIGIN sub
a CNAME b
b A 192.0.2.5
@ A 192.0.2.6
unknown TYPE65280 \# 3 0102 03
svcb HTTPS 1 . alpn="h2,h3" port=8443
loc LOC 31 58 52.1 S 115 49 11.7 E 20m
$GENERATE 1-4/2 host-${0,3,d} 60 A 192.0.2.$
$GENERATE 10-12 ${0,2,x} CNAME a-$
"""


def test_a_master_file_gives_what_dnspython_reads_from_it(tmp_path: Path) -> None:
    zone, problems = load(tmp_path, EVERYTHING)
    assert zone is not None, problems
    reference = dns.zone.from_text(EVERYTHING, "example.test.", relativize=False)
    expected = {
        (
            name.canonicalize().to_text(),
            rdataset.ttl,
            f"{dns.rdatatype.to_text(rdataset.rdtype)} {rdata}",
        )
        for name, node in reference.nodes.items()
        for rdataset in node.rdatasets
        for rdata in rdataset
    }
    assert records(zone) == expected
    assert not problems


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_any_line_ending_is_read(tmp_path: Path, newline: str) -> None:
    (tmp_path / "example.test.zone").write_bytes(
        (HEAD + "www A 192.0.2.1\nbad A x\n").replace("\n", newline).encode()
    )
    _, problems, _ = load_zones(tmp_path, None)
    assert [(item.id, item.line, item.column) for item in problems] == [("bad-rdata", 5, 7)]


# (line, owner, service, ttl, column of the service)
GEO_LINES = [
    ("www 30 IN GEO web", "www", "web", 30, 15),
    ("www IN 1m GEO web", "www", "web", 60, 15),
    ("WWW GEO web", "www", "web", None, 9),
    ("@ IN GEO web", "", "web", None, 10),
    (" GEO web ; the owner is that of the line before", "", "web", None, 6),
    ('*.apps IN geo "web"', "*.apps", "web", None, 15),
]  # fmt: skip


@pytest.mark.parametrize(("line", "owner", "service", "ttl", "column"), GEO_LINES)
def test_a_geo_line_ties_its_owner_to_a_service(
    tmp_path: Path, line: str, owner: str, service: str, ttl: int | None, column: int
) -> None:
    zone, problems = load(tmp_path, HEAD + line + "\n")
    assert zone is not None, problems
    node = zone.nodes[dns.name.from_text(f"{owner}.example.test." if owner else "example.test.")]
    assert node.geo == (service, ttl, 4, column)


def test_geo_lines_follow_origin_and_generate(tmp_path: Path) -> None:
    zone, problems = load(
        tmp_path, HEAD + "$ORIGIN eu\nwww GEO web\n@ GEO api\n$GENERATE 1-2 w$ 9 IN GEO s$\n"
    )
    assert zone is not None, problems
    found = {
        name.to_text(): (node.geo.service, node.geo.ttl)
        for name, node in zone.nodes.items()
        if node.geo
    }
    assert found == {
        "www.eu.example.test.": ("web", None),
        "eu.example.test.": ("api", None),
        "w1.eu.example.test.": ("s1", 9),
        "w2.eu.example.test.": ("s2", 9),
    }


def test_without_a_ttl_line_the_last_stated_ttl_counts_then_the_soa_minimum(tmp_path: Path) -> None:
    zone, _ = load(
        tmp_path,
        "@ SOA ns.other.test. h 1 2 3 4 77\n@ NS ns.other.test.\na 5 A 192.0.2.1\nb A 192.0.2.2\n",
    )
    assert zone is not None
    ttls = {
        name.labels[0]: next(iter(node.rdatasets.values())).ttl for name, node in zone.nodes.items()
    }
    assert ttls == {b"example": 77, b"a": 5, b"b": 5}


def test_a_file_is_included_with_its_own_origin(tmp_path: Path) -> None:
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts" / "hosts.inc").write_text("$ORIGIN deep\na A 192.0.2.1\n b\n")
    (tmp_path / "parts" / "more.inc").write_text("$INCLUDE hosts2.inc\n")
    (tmp_path / "parts" / "hosts2.inc").write_text("c A 192.0.2.3\n")
    text = HEAD + "$INCLUDE parts/hosts.inc sub\nb A 192.0.2.2\n$INCLUDE parts/more.inc\n"
    (tmp_path / "example.test.zone").write_text(text)
    (tmp_path / "parts" / "hosts.inc").write_text("$ORIGIN deep\na A 192.0.2.1\n")
    zones, problems, files = load_zones(tmp_path, None)
    assert not problems
    names = {name.to_text() for name in zones[0].nodes}
    assert names == {
        "example.test.",
        "a.deep.sub.example.test.",
        "b.example.test.",
        "c.example.test.",
    }
    assert [file.name for file in files] == [
        "example.test.zone",
        "hosts.inc",
        "more.inc",
        "hosts2.inc",
    ]


def test_a_fault_in_an_included_file_names_that_file(tmp_path: Path) -> None:
    (tmp_path / "part.inc").write_text("\na A nonsense\n")
    zone, (problem,) = load(tmp_path, HEAD + "$INCLUDE part.inc\n")
    assert zone is None
    assert (problem.file.name, problem.line, problem.column) == ("part.inc", 2, 5)


def test_a_file_that_includes_itself_is_refused(tmp_path: Path) -> None:
    zone, problems = load(tmp_path, HEAD + "$INCLUDE example.test.zone\n")
    assert zone is None
    assert [(item.id, item.line, item.column) for item in problems] == [("include-loop", 4, 10)]


# (lines after the head, id, line, column); the head is three lines long
BAD_LINES = [
    ("www A 192.0.2.256", "bad-rdata", 4, 7),
    ("www MX 10", "bad-rdata", 4, 8),
    ("www MX ten mail", "bad-rdata", 4, 8),
    ("www MX 10 mail extra", "bad-rdata", 4, 16),
    ("www A", "bad-rdata", 4, 5),
    ("www", "missing-type", 4, 1),
    ("www 30 IN", "missing-type", 4, 8),
    ("www IN AA 192.0.2.1", "unknown-type", 4, 8),
    ("www IN ANY 192.0.2.1", "meta-type", 4, 8),
    ("www CH TXT x", "wrong-class", 4, 5),
    ("www 2147483648 A 192.0.2.1", "bad-ttl", 4, 5),
    ("www GEO", "bad-rdata", 4, 5),
    ('www GEO ""', "bad-rdata", 4, 9),
    (r"www GEO \999", "bad-escape", 4, 9),
    ("www GEO web api", "bad-rdata", 4, 13),
    ("www.other.test. A 192.0.2.1", "outside-zone", 4, 1),
    ("a..b A 192.0.2.1", "bad-name", 4, 1),
    ('"www" A 192.0.2.1', "bad-name", 4, 1),
    (r"a\999 A 192.0.2.1", "bad-name", 4, 1),
    (f"{'a' * 64} A 192.0.2.1", "label-too-long", 4, 1),
    (f"{'a.' * 125}a A 192.0.2.1", "name-too-long", 4, 1),
    ('www TXT "open', "syntax", 4, 9),
    ("www LOC 1 N 2 W 99999999999m", "bad-rdata", 4, 17),
    ("www TXT open)", "syntax", 4, 13),
    ("www TXT ( open\nnext A 192.0.2.1", "syntax", 4, 9),
    ("www TXT a\\", "syntax", 4, 10),
    ("$ORIGIN", "bad-directive", 4, 1),
    ("$ORIGIN a b", "bad-directive", 4, 11),
    ("$TTL soon", "bad-ttl", 4, 6),
    ("$TTTL 5", "unknown-directive", 4, 1),
    ("$INCLUDE nothing.inc", "unreadable-file", 4, 10),
    ("$INCLUDE ../secret.inc", "include-outside", 4, 10),
    ("$INCLUDE /etc/passwd", "include-outside", 4, 10),
    ("$INCLUDE \\000", "bad-directive", 4, 10),
    (f"$INCLUDE {'a' * 300}", "bad-directive", 4, 10),
    ("$GENERATE 1-2 a$ A", "bad-directive", 4, 1),
    ("$GENERATE 2-1 a$ A 192.0.2.$", "bad-range", 4, 11),
    ("$GENERATE 1-2/0 a$ A 192.0.2.$", "bad-range", 4, 11),
    ("$GENERATE 0-4294967295 a$ A 192.0.2.$", "bad-range", 4, 11),
    ("$GENERATE 1-1 a${x} A 192.0.2.$", "bad-modifier", 4, 15),
    ("$GENERATE 1-1 a${-2,1,n} A 192.0.2.$", "bad-modifier", 4, 15),
    ("$GENERATE 256-256 a$ A 192.0.2.$", "bad-rdata", 4, 24),
]  # fmt: skip


@pytest.mark.parametrize(("lines", "id", "line", "column"), BAD_LINES)
def test_a_bad_line_is_told_with_its_position(
    tmp_path: Path, lines: str, id: str, line: int, column: int
) -> None:
    zone, problems = load(tmp_path, HEAD + lines + "\n")
    assert zone is None
    assert [(item.id, item.line, item.column) for item in problems] == [(id, line, column)]
    assert problems[0].severity == "error"


def test_all_bad_lines_are_told_at_once(tmp_path: Path) -> None:
    _, problems = load(tmp_path, HEAD + 'a A x\nb TXT "open\nc A 192.0.2.1\nd NOTYPE 1\n')
    assert [(item.id, item.line) for item in problems] == [
        ("bad-rdata", 4),
        ("syntax", 5),
        ("unknown-type", 7),
    ]


def test_a_record_without_ttl_or_owner_is_refused(tmp_path: Path) -> None:
    zone, problems = load(tmp_path, "  A 192.0.2.1\n@ NS ns.other.test.\n" + HEAD[10:])
    assert zone is None
    assert [(item.id, item.line) for item in problems[:2]] == [
        ("missing-owner", 1),
        ("missing-ttl", 2),
    ]


def test_a_file_that_is_not_utf_8_is_refused_with_the_line(tmp_path: Path) -> None:
    (tmp_path / "example.test.zone").write_bytes(HEAD.encode() + b"a TXT \xff\n")
    zones, problems, _ = load_zones(tmp_path, None)
    assert not zones
    assert [(item.id, item.line) for item in problems] == [("not-utf-8", 4)]
