"""A folder of zones: which files are read, what they hold, and that no content breaks loading."""

from __future__ import annotations

import os
from pathlib import Path
from tempfile import TemporaryDirectory

import dns.name
import dns.rdatatype
import dns.rdtypes.ANY.SOA
from hypothesis import given, settings
from hypothesis import strategies as st

from geodns.zone.content import Zone
from geodns.zone.load import load_zones

# The example of the configuration reference.
YAML = """\
"":
  - {type: NS, ttl: 3600, values: [ns1.example.test., ns2.example.test.]}
  - {type: MX, values: [{preference: 10, exchange: mail.example.test.}]}
  - {type: GEO, service: web}
www: {type: GEO, service: web, ttl: 30}
api: {type: GEO, service: api}
"*.apps": {type: GEO, service: web}
txt: {type: TXT, value: "hello world"}
"""
MASTER = """\
$TTL 3600
@ IN SOA ns1 hostmaster 77 3600 600 604800 300
  IN NS ns1
  IN NS ns2
  IN MX 10 mail
  IN GEO web
www 30 IN GEO web
api IN GEO api
$ORIGIN apps
* GEO web
$ORIGIN example.test.
txt TXT "hello world"
"""


def write(folder: Path, **files: str) -> None:
    for name, text in files.items():
        (folder / name.replace("_", ".")).write_text(text, encoding="utf-8")


def content(zone: Zone) -> dict[dns.name.Name, tuple[object, object]]:
    return {
        name: ((node.geo.service, node.geo.ttl) if node.geo else None, node.rdatasets)
        for name, node in zone.nodes.items()
    }


def soa(zone: Zone) -> dns.rdtypes.ANY.SOA.SOA:
    (rdata,) = zone.nodes[zone.origin].rdatasets[dns.rdatatype.SOA]
    assert isinstance(rdata, dns.rdtypes.ANY.SOA.SOA)
    return rdata


def test_both_formats_give_the_same_zone(tmp_path: Path) -> None:
    write(tmp_path, example_test_yaml=YAML)
    os.utime(tmp_path / "example.test.yaml", (77, 77))
    (from_yaml,), problems, _ = load_zones(tmp_path, {"web", "api"})
    assert {item.severity for item in problems} == {"warning"}  # the hosts have no addresses
    (tmp_path / "example.test.yaml").unlink()
    write(tmp_path, example_test_zone=MASTER)
    (from_master,), _, _ = load_zones(tmp_path, {"web", "api"})
    assert content(from_yaml) == content(from_master)
    assert len(from_yaml.nodes) == 5
    assert from_yaml.origin == dns.name.from_text("example.test.")


def test_a_made_soa_has_the_time_of_the_file_as_serial(tmp_path: Path) -> None:
    write(tmp_path, example_test_yaml=YAML)
    os.utime(tmp_path / "example.test.yaml", (2**32 + 5, 2**32 + 5))  # RFC 1982: modulo 2^32
    (zone,), _, _ = load_zones(tmp_path, None)
    assert soa(zone).to_text() == (
        "ns1.example.test. hostmaster.example.test. 5 3600 600 604800 300"
    )


def test_an_soa_in_yaml_keeps_what_it_sets(tmp_path: Path) -> None:
    write(
        tmp_path,
        a_test_yaml='"": [{type: SOA, ttl: 60, value: {serial: 9, minimum: 60}},'
        " {type: NS, value: ns.b.test.}]",
        b_test_yaml='"": [{type: NS, value: ns.a.test.}, {type: SOA, value:'
        " {primary: p.test., hostmaster: h.test., serial: 4294967295, refresh: 1, retry: 2,"
        " expire: 3, minimum: 4}}]",
        c_test_yaml='"": [{type: NS, value: ns.a.test.}, {type: SOA, value:'
        " 'm.test. r.test. 1 2 3 4 5'}]",
    )
    zones, problems, _ = load_zones(tmp_path, None)
    assert not problems
    assert [soa(zone).to_text() for zone in zones] == [
        "ns.b.test. hostmaster.a.test. 9 3600 600 604800 60",
        "p.test. h.test. 4294967295 1 2 3 4",
        "m.test. r.test. 1 2 3 4 5",
    ]


def test_only_the_faulty_zone_is_refused(tmp_path: Path) -> None:
    write(
        tmp_path,
        a_test_yaml="nonsense",
        b_test_zone="nonsense",
        c_test_yml=YAML.replace("example", "c"),
    )
    zones, problems, files = load_zones(tmp_path, {"web", "api"})
    assert [zone.origin.to_text() for zone in zones] == ["c.test."]
    assert {item.file.name for item in problems if item.severity == "error"} == {
        "a.test.yaml",
        "b.test.zone",
    }
    assert [file.name for file in files] == ["a.test.yaml", "b.test.zone", "c.test.yml"]


def test_files_of_other_kinds_are_not_zones(tmp_path: Path) -> None:
    write(tmp_path, README_txt="x", example_test_yaml=YAML)
    (tmp_path / ".hidden.yaml").write_text("x")
    (tmp_path / "folder.zone").mkdir()
    zones, _, files = load_zones(tmp_path, None)
    assert len(zones) == 1
    assert [file.name for file in files] == ["example.test.yaml"]


def test_two_files_for_one_zone_are_an_error(tmp_path: Path) -> None:
    write(tmp_path, example_test_yaml=YAML, example_test_zone=MASTER, Example_Test_db=MASTER)
    zones, problems, _ = load_zones(tmp_path, None)
    assert not zones
    assert [(item.id, item.file.name) for item in problems if item.severity == "error"] == [
        ("duplicate-zone", "example.test.yaml"),
        ("duplicate-zone", "example.test.zone"),
    ]


def test_a_name_that_is_no_zone_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a..b.yaml").write_text(YAML)
    (tmp_path / f"{'a' * 64}.zone").write_text(MASTER)
    zones, problems, _ = load_zones(tmp_path, None)
    assert not zones
    assert [item.id for item in problems] == ["bad-zone-name", "bad-zone-name"]


def test_a_missing_folder_is_one_problem(tmp_path: Path) -> None:
    zones, (problem,), files = load_zones(tmp_path / "nothing", None)
    assert (zones, files) == ((), [])
    assert problem.id == "unreadable-folder"


def test_a_pipe_or_a_dangling_link_is_not_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.test.zone")
    (tmp_path / "b.test.yaml").symlink_to(tmp_path / "nothing")
    _, problems, _ = load_zones(tmp_path, None)
    assert [item.id for item in problems] == ["unreadable-file", "unreadable-file"]


def test_a_key_that_stands_twice_refuses_the_zone(tmp_path: Path) -> None:
    write(tmp_path, example_test_yaml=YAML + "www: {type: A, value: 192.0.2.1}\n")
    zones, problems, _ = load_zones(tmp_path, None)
    assert not zones
    assert ("duplicate-key", 9, 1) in [(item.id, item.line, item.column) for item in problems]


def test_a_reverse_zone_is_named_by_its_file(tmp_path: Path) -> None:
    write(tmp_path)
    (tmp_path / "2.0.192.in-addr.arpa.yaml").write_text(
        "'': {type: NS, value: ns.a.test.}\n1: {type: PTR, value: a.test.}\n"
    )
    (zone,), problems, _ = load_zones(tmp_path, None)
    assert not problems
    assert dns.name.from_text("1.2.0.192.in-addr.arpa.") in zone.nodes


RICH_YAML = (
    YAML
    + r"""
sub: {type: NS, values: [ns.sub.example.test.]}
s: {type: SRV, value: {priority: 1, weight: 1, port: 1, target: www.example.test.}}
l: {type: LOC, value: {lat_degrees: 1, lat_direction: N, long_degrees: 2, long_direction: W}}
h: {type: HTTPS, value: {svcpriority: 1, targetname: ., svcparams: {alpn: [h2], port: 1}}}
n: {type: NAPTR, value: {order: 1, preference: 1, flags: U, service: S, regexp: '', replacement: .}}
c: {type: CAA, value: {tag: issue, value: a}}
d: {type: TXT, value: 'v=DKIM1\; p=\065'}
u: {type: TYPE65280, value: '\# 2 abcd'}
"""
)
RICH_MASTER = (
    MASTER
    + r"""
sub NS ns.sub
h HTTPS 1 . alpn="h2" port=1
l LOC 1 N 2 W 0m
d TXT ( "a\065;" b ) ; comment
u TYPE65280 \# 2 abcd
$GENERATE 1-3 a${0,2,x} A 192.0.2.$
$INCLUDE example.test.zone
"""
)
PIECES = st.sampled_from(
    [b"", b'"', b"\\", b"(", b")", b";", b"$", b"{", b"}", b"[", b":", b"\n", b" ", b"\x00",
     b"\xff", b"@", b"*", b"..", b"\\999", b"\\#", b"=", b"- ", b"&a ", b"*a", b"<<: ", b"!x ",
     b"null", b"99999999999999999999", b"-1", b".inf", b"\xc3\xbc", b"a" * 70, b"a." * 130,
     b"GEO", b"SOA"]
)  # fmt: skip
EDITS = st.lists(
    st.tuples(st.integers(0, 2000), st.integers(0, 12), PIECES), min_size=1, max_size=6
)


def mutated(text: str, edits: list[tuple[int, int, bytes]]) -> bytes:
    data = text.encode()
    for place, removed, piece in edits:
        place %= len(data) + 1
        data = data[:place] + piece + data[place + removed :]
    return data


@settings(max_examples=300, deadline=None)
@given(name=st.sampled_from(["example.test.yaml", "example.test.zone"]), edits=EDITS)
def test_no_mutated_file_raises(name: str, edits: list[tuple[int, int, bytes]]) -> None:
    text = RICH_YAML if name.endswith("yaml") else RICH_MASTER
    with TemporaryDirectory() as folder:
        (Path(folder) / name).write_bytes(mutated(text, edits))
        zones, problems, _ = load_zones(Path(folder), {"web", "api"})
    refused = any(item.severity == "error" for item in problems)
    assert refused == (not zones)
    for zone in zones:
        for owner, node in zone.nodes.items():
            assert owner == owner.canonicalize()
            assert owner.is_subdomain(zone.origin)
            for rdataset in node.rdatasets.values():
                assert rdataset
                assert all(len(rdata.to_wire()) <= 65535 for rdata in rdataset)


@settings(max_examples=200, deadline=None)
@given(
    name=st.sampled_from(["example.test.yaml", "example.test.zone"]), data=st.binary(max_size=200)
)
def test_no_random_file_raises(name: str, data: bytes) -> None:
    with TemporaryDirectory() as folder:
        (Path(folder) / name).write_bytes(data)
        load_zones(Path(folder), None)


@settings(max_examples=200, deadline=None)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    ["type", "ttl", "value", "values", "service", "octodns", "exchange"]
                ),
                inner | st.sampled_from(["MX", "TXT", "SOA", "GEO", "SVCB", "A", "LOC"]),
                max_size=4,
            )
        ),
        max_leaves=12,
    )
)
def test_no_yaml_structure_raises(data: object) -> None:
    with TemporaryDirectory() as folder:
        # JSON is YAML, and Python's repr of these is close enough to JSON to parse.
        text = '"": {type: NS, value: ns.a.test.}\nx: ' + repr(data).replace("None", "null")
        (Path(folder) / "example.test.yaml").write_text(text, encoding="utf-8")
        load_zones(Path(folder), None)


def test_a_set_of_thousands_of_records_is_read_without_comparing_all_with_all(
    tmp_path: Path,
) -> None:
    records = "".join(f"many PTR host-{number}\n" for number in range(20_000))
    write(tmp_path, example_test_zone=MASTER + records)
    (zone,), _, _ = load_zones(tmp_path, {"web", "api"})
    many = zone.nodes[dns.name.from_text("many.example.test.")].rdatasets[dns.rdatatype.PTR]
    assert len(many) == 20_000
