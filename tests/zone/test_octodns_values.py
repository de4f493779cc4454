"""Each octoDNS value shape against dnspython's reading of the same record's presentation form."""

from __future__ import annotations

from pathlib import Path

import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import pytest

from geodns.problem import Problem
from geodns.zone.content import Zone
from geodns.zone.load import load_zones
from geodns.zone.shapes import RECORD_TYPES

SHA1 = "bf6b6825d2977c511a475bbefb88aad54a92ac73"
DIGEST = "2BB183AF5F22588179A53B0A98631FAD1A292118"
SHA256 = 4 * "bf6b6825d2977c51"

# (type, value in YAML, presentation form)
VALUES = [
    ("A", "192.0.2.1", "192.0.2.1"),
    ("AAAA", '"2001:DB8::1"', "2001:db8::1"),
    ("CAA", "{flags: 0, tag: issue, value: ca.test}", '0 issue "ca.test"'),
    ("CAA", "{tag: iodef, value: 'mailto:a@b.test'}", '0 iodef "mailto:a@b.test"'),
    ("CAA", "{tag: issue, value: 'ca.test\\; validationmethods=dns-01'}",
     '0 issue "ca.test; validationmethods=dns-01"'),
    ("CAA", '0 issue ";"', '0 issue ";"'),
    ("CNAME", "Target.Example.", "Target.Example."),
    ("CNAME", "bücher.example.", "xn--bcher-kva.example."),
    ("CNAME", r"'a\.b\032c\255.example.'", r"a\.b\032c\255.example."),
    ("DNAME", "other.test.", "other.test."),
    ("DS", "{key_tag: 60485, algorithm: 5, digest_type: 1, digest: " + DIGEST + "}",
     f"60485 5 1 {DIGEST}"),
    ("DS", "{flags: 60485, protocol: 5, algorithm: 1, public_key: " + DIGEST + "}",
     f"60485 5 1 {DIGEST}"),
    ("HTTPS", "{svcpriority: 1, targetname: ., svcparams: {alpn: [h2, h3], port: 8443}}",
     "1 . alpn=h2,h3 port=8443"),
    ("HTTPS", "{svcpriority: 0, targetname: www.example.test.}", "0 www.example.test."),
    ("SVCB", "{svcpriority: 2, targetname: a.test., svcparams: {mandatory: [alpn], alpn: [h2],"
     " no-default-alpn: null, ipv4hint: [192.0.2.1, 192.0.2.2], ipv6hint: ['2001:db8::1'],"
     " ech: AAj+DQAE3q2+7w==, key667: hello}}",
     "2 a.test. mandatory=alpn alpn=h2 no-default-alpn ipv4hint=192.0.2.1,192.0.2.2"
     " ipv6hint=2001:db8::1 ech=AAj+DQAE3q2+7w== key667=hello"),
    ("SVCB", "1 a.test. alpn=h2", '1 a.test. alpn="h2"'),
    ("LOC", "{lat_degrees: 31, lat_minutes: 58, lat_seconds: 52.1, lat_direction: S,"
     " long_degrees: 115, long_minutes: 49, long_seconds: 11.7, long_direction: E,"
     " altitude: 20, size: 10, precision_horz: 10, precision_vert: 2}",
     "31 58 52.1 S 115 49 11.7 E 20m 10m 10m 2m"),
    ("LOC", "{lat_degrees: 53, lat_direction: N, long_degrees: 2, long_direction: w}",
     "53 N 2 W 0m"),
    ("LOC", "31 58 52.1 S 115 49 11.7 E 20m", "31 58 52.1 S 115 49 11.7 E 20m"),
    ("MX", "{preference: 10, exchange: mail.example.test.}", "10 mail.example.test."),
    ("MX", "{priority: 10, value: mail.example.test.}", "10 mail.example.test."),
    ("MX", "10 mail.example.test.", "10 mail.example.test."),
    ("MX", "{preference: 0, exchange: .}", "0 ."),
    ("NAPTR", "{order: 100, preference: 10, flags: U, service: SIP+D2U,"
     " regexp: '!^.*$!sip:info@bar.example.com!', replacement: .}",
     '100 10 "U" "SIP+D2U" "!^.*$!sip:info@bar.example.com!" .'),
    ("NAPTR", r"{order: 1, preference: 1, flags: '', service: '',"
     r" regexp: '!(\\+1)!\\1!', replacement: a.test.}",
     r'1 1 "" "" "!(\\+1)!\\1!" a.test.'),
    ("OPENPGPKEY", "mQENBFVHm5sBCAC=", "mQENBFVHm5sBCAC="),
    ("PTR", "www.example.test.", "www.example.test."),
    ("SPF", "v=spf1 -all", '"v=spf1 -all"'),
    ("SRV", "{priority: 12, weight: 20, port: 30, target: foo.example.test.}",
     "12 20 30 foo.example.test."),
    ("SRV", "{priority: 0, weight: 0, port: 0, target: .}", "0 0 0 ."),
    ("SSHFP", f"{{algorithm: 1, fingerprint_type: 1, fingerprint: {SHA1}}}", f"1 1 {SHA1}"),
    ("TLSA", f"{{certificate_usage: 3, selector: 1, matching_type: 1,"
     f" certificate_association_data: {SHA256}}}",
     f"3 1 1 {SHA256}"),
    ("TLSA", f"3 1 1 {SHA256}", f"3 1 1 {SHA256}"),
    ("TXT", "have you any wool.", '"have you any wool."'),
    ("TXT", r"v=DKIM1\;k=rsa\;p=A/kinda+of", '"v=DKIM1;k=rsa;p=A/kinda+of"'),
    ("TXT", "'say \"hi\" now'", r'"say \"hi\" now"'),
    ("TXT", "'\"one \" \"string\"'", '"one string"'),
    ("TXT", r"'\000\255\\'", r'"\000\255\\"'),
    ("TXT", "''", '""'),
    ("TXT", "grün", r'"gr\195\188n"'),
    ("URI", "{priority: 10, weight: 1, target: 'ftp://ftp.example.test/public'}",
     '10 1 "ftp://ftp.example.test/public"'),
    ("HINFO", '\'"PC-Intel" Linux\'', '"PC-Intel" Linux'),
    ("RP", "mbox.example.test. txt.example.test.", "mbox.example.test. txt.example.test."),
    ("CERT", "PKIX 1 RSASHA256 MxFcby9k", "PKIX 1 RSASHA256 MxFcby9k"),
    ("AFSDB", "1 afs.example.test.", "1 afs.example.test."),
    ("TYPE65280", r"\# 2 abcd", r"\# 2 abcd"),
    ("TYPE1", r"\# 4 c0000201", "192.0.2.1"),
]  # fmt: skip


def load(folder: Path, text: str) -> tuple[Zone | None, list[Problem]]:
    (folder / "example.test.yaml").write_text(text, encoding="utf-8")
    zones, problems, _ = load_zones(folder, None)
    return (zones[0] if zones else None), problems


def load_value(folder: Path, kind: str, value: str) -> tuple[Zone | None, list[Problem]]:
    text = f'"": {{type: NS, value: ns.other.test.}}\nx:\n  type: {kind}\n  value: {value}\n'
    return load(folder, text)


@pytest.mark.parametrize(("kind", "value", "presentation"), VALUES)
def test_a_value_gives_the_rdata_of_its_presentation_form(
    tmp_path: Path, kind: str, value: str, presentation: str
) -> None:
    zone, problems = load_value(tmp_path, kind, value)
    assert zone is not None, problems
    rdtype = dns.rdatatype.from_text(kind)
    rdataset = zone.nodes[dns.name.from_text("x.example.test.")].rdatasets[rdtype]
    expected = dns.rdata.from_text(dns.rdataclass.IN, rdtype, presentation)
    assert [rdata.to_wire() for rdata in rdataset] == [expected.to_wire()]
    assert rdataset.ttl == 3600


def test_every_shape_of_the_table_is_tested() -> None:
    served = {name for name, shape in RECORD_TYPES.items() if shape.value != "refused"}
    assert served - {kind for kind, _, _ in VALUES} == {"GEO", "NS", "SOA"}


def test_a_long_text_is_split_in_strings_of_255_bytes(tmp_path: Path) -> None:
    zone, _ = load_value(tmp_path, "TXT", "é" * 300)
    assert zone is not None
    (rdata,) = zone.nodes[dns.name.from_text("x.example.test.")].rdatasets[dns.rdatatype.TXT]
    strings = rdata.strings
    assert [len(string) for string in strings] == [255, 255, 90]
    assert b"".join(strings).decode() == "é" * 300


# (type, value in YAML, id of the problem, column, part of message or hint)
BAD_VALUES = [
    ("A", "192.0.2.256", "bad-rdata", 10, "does not fit type A"),
    ("A", "[192.0.2.1, nonsense]", "bad-rdata", 22, "nonsense"),
    ("A", "12", "bad-value", 10, "put it in quotes"),
    ("AAAA", "192.0.2.1", "bad-rdata", 10, "AAAA"),
    ("ALIAS", "a.test.", "refused-type", 0, "GEO ties the apex"),
    ("URLFWD", "{path: /}", "refused-type", 0, "redirect"),
    ("CAA", "{flags: 256, tag: issue, value: x}", "bad-field", 18, "from 0 to 255"),
    ("CAA", "{flags: 0, tag: i ssue, value: x}", "bad-field", 26, "letters and digits"),
    ("CNAME", "www", "missing-final-dot", 10, "write www.example.test."),
    ("CNAME", "www.example.test", "missing-final-dot", 10, "write www.example.test."),
    ("CNAME", "www.other.test", "missing-final-dot", 10, "write www.other.test."),
    ("CNAME", "a..test.", "bad-name", 10, "empty label"),
    ("CNAME", "''", "bad-name", 10, "empty string"),
    ("CNAME", r"'\999.test.'", "bad-name", 10, "escape"),
    ("CNAME", f"{'a' * 64}.test.", "label-too-long", 10, "63 bytes"),
    ("CNAME", "'" + "a." * 130 + "'", "name-too-long", 10, "255 bytes"),
    ("DS", "{key_tag: 1, algorithm: 5, digest_type: 1, digest: xyz}", "bad-field", 61, "hex"),
    ("LOC", "{lat_degrees: 91}", "bad-field", 24, "from 0 to 90"),
    ("LOC", "{lat_degrees: 1, lat_direction: Q}", "bad-field", 42, "N or S"),
    ("LOC", "{lat_degrees: 1, lat_seconds: .nan, lat_direction: N}", "bad-field", 40, "number"),
    ("MX", "{preference: 10}", "missing-field", 10, "'exchange'"),
    ("MX", "{preference: ten, exchange: a.test.}", "bad-field", 23, "whole number"),
    ("MX", "{preferense: 10, exchange: a.test.}", "unknown-field", 23, "did you mean preference?"),
    ("MX", "10 mail", "missing-final-dot", 10, "final"),
    ("MX", "{preference: 10, exchange: mail}", "missing-final-dot", 37, "mail.example.test."),
    ("RP", "a b.test.", "missing-final-dot", 10, "must end with a dot"),
    ("SRV", "{priority: 1, weight: 1, port: 65536, target: a.test.}", "bad-field", 41, "65535"),
    ("SSHFP", "{algorithm: 1, fingerprint_type: 1, fingerprint: 1234}", "bad-value", 59, "quotes"),
    ("SVCB", "{svcpriority: 1, targetname: a., svcparams: [x]}", "bad-field", 54, "mapping"),
    ("SVCB", "{svcpriority: 1, targetname: a., svcparams: {port: {}}}", "bad-field", 61, "port"),
    ("SVCB", "{svcpriority: 1, targetname: a., svcparams: {port: x}}", "bad-rdata", 10, "SVCB"),
    ("TXT", r"'\999'", "bad-escape", 10, "escape"),
    ("TXT", r"'abc\'", "bad-escape", 10, "escape"),
    ("TXT", "[a: b]", "bad-value", 11, "string"),
    ("TXT", "2026", "bad-value", 10, "quotes"),
    ("TXT", "[]", "missing-value", 0, "no value"),
    ("TYPE65280", "abcd", "bad-rdata", 10, "TYPE65280"),
    ("HINFO", "'\"open'", "bad-rdata", 10, "not closed"),
    ("HINFO", '"a b\\nc d"', "bad-rdata", 10, "several lines"),
    ("A", '"192.0.2.1\\n192.0.2.2"', "bad-rdata", 10, "as in 192.0.2.1"),
    ("TXT", "x" * 66000, "rdata-too-long", 10, "65535"),
    ("OPENPGPKEY", "AAAA" * 22000, "rdata-too-long", 10, "65535"),
    ("OPENPGPKEY", "'*'", "bad-field", 10, "base64"),
    ("ANY", "x", "meta-type", 0, "only in messages"),
    ("CNMAE", "a.test.", "unknown-type", 0, "did you mean CNAME?"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "value", "id", "column", "says"), BAD_VALUES)
def test_a_bad_value_is_told_with_its_position(
    tmp_path: Path, kind: str, value: str, id: str, column: int, says: str
) -> None:
    zone, problems = load_value(tmp_path, kind, value)
    assert zone is None
    (problem,) = problems
    assert problem.id == id
    assert problem.severity == "error"
    assert says in str(problem)
    if column:
        assert (problem.line, problem.column) == (4, column)
    else:
        assert problem.line in {3, 4}


# (record in YAML, id, line, column)
BAD_RECORDS = [
    ("x: nonsense", "bad-record", 2, 4),
    ("x: [nonsense]", "bad-record", 2, 5),
    ("x: {value: 192.0.2.1}", "missing-type", 2, 4),
    ("x: {type: A}", "missing-value", 2, 4),
    ("x: {type: A, value: 192.0.2.1, values: [192.0.2.2]}", "value-and-values", 2, 40),
    ("x: {type: A, ttl: -1, value: 192.0.2.1}", "bad-ttl", 2, 19),
    ("x: {type: A, ttl: 2147483648, value: 192.0.2.1}", "bad-ttl", 2, 19),
    ("x: {type: A, ttl: soon, value: 192.0.2.1}", "bad-ttl", 2, 19),
    ("x: {type: GEO}", "missing-service", 2, 4),
    ("x: {type: GEO, service: [web]}", "missing-service", 2, 25),
    ("x: {type: GEO, service: web, ttl: x}", "bad-ttl", 2, 35),
    ("x: {type: GEO, service: web, value: y}", "unknown-key", 2, 37),
    ('"@": {type: A, value: 192.0.2.1}', "bad-name", 2, 1),
    ("www.example.test.: {type: A, value: 192.0.2.1}", "absolute-name", 2, 1),
    ("www.other.test.: {type: A, value: 192.0.2.1}", "outside-zone", 2, 1),
    ("a..b: {type: A, value: 192.0.2.1}", "bad-name", 2, 1),
    (f"{'a' * 64}: {{type: A, value: 192.0.2.1}}", "label-too-long", 2, 1),
    (f"{'a.' * 125}a: {{type: A, value: 192.0.2.1}}", "name-too-long", 2, 1),
]  # fmt: skip


@pytest.mark.parametrize(("record", "id", "line", "column"), BAD_RECORDS)
def test_a_bad_record_is_told_with_its_position(
    tmp_path: Path, record: str, id: str, line: int, column: int
) -> None:
    zone, problems = load(tmp_path, f'"": {{type: NS, value: ns.other.test.}}\n{record}\n')
    assert zone is None
    assert [(item.id, item.line, item.column) for item in problems] == [(id, line, column)]


def test_keys_of_octodns_itself_do_not_break_loading(tmp_path: Path) -> None:
    zone, problems = load(
        tmp_path,
        '"": {type: NS, value: ns.other.test., octodns: {healthcheck: {port: 1}}, lenient: true}\n'
        "a: {type: TXT, value: x, dynamic: {pools: {}}}\n"
        "b: {type: A, values: [192.0.2.1], tll: 30}\n"
        "c: {type: A, value: 192.0.2.1, octodns: {ignored: true}}\n"
        "d: {type: A, value: 192.0.2.1, octodns: {included: [route53]}}\n"
        "e: {type: A, value: 192.0.2.1, octodns: {excluded: [geodns]}}\n"
        "f: {type: A, value: 192.0.2.1, octodns: {excluded: [route53]}}\n",
    )
    assert zone is not None
    assert [(item.id, item.line, item.column) for item in problems] == [
        ("not-served", 2, 1),
        ("unknown-key", 3, 35),
        ("ignored-record", 4, 1),
        ("ignored-record", 5, 1),
        ("ignored-record", 6, 1),
    ]
    assert {item.severity for item in problems} == {"warning"}
    assert problems[1].hint == "did you mean ttl?"
    served = {name.relativize(zone.origin).to_text() for name in zone.nodes}
    assert served == {"@", "a", "b", "f"}


def test_what_is_wrong_in_a_lenient_record_is_left_out(tmp_path: Path) -> None:
    zone, problems = load(
        tmp_path,
        '"": {type: NS, value: ns.other.test.}\n'
        "a: {type: A, values: [192.0.2.1, nonsense], octodns: {lenient: true}}\n"
        "b: {type: MX, value: {preference: 10}, octodns: {lenient: true}}\n"
        "c: {type: ALIAS, value: www.example.test., octodns: {lenient: true}}\n",
    )
    assert zone is not None
    assert [(item.id, item.line, item.severity) for item in problems] == [
        ("bad-rdata", 2, "warning"),
        ("missing-field", 3, "warning"),
        ("refused-type", 4, "warning"),
    ]
    assert all("left out" in item.message for item in problems)
    assert len(zone.nodes[dns.name.from_text("a.example.test.")].rdatasets[dns.rdatatype.A]) == 1
    assert dns.name.from_text("b.example.test.") not in zone.nodes


def test_a_ttl_may_have_units(tmp_path: Path) -> None:
    zone, _ = load(
        tmp_path,
        '"": {type: NS, ttl: 1h30m, value: ns.other.test.}\ng: {type: GEO, service: s, ttl: 1m}',
    )
    assert zone is not None
    assert zone.nodes[zone.origin].rdatasets[dns.rdatatype.NS].ttl == 5400
    geo = zone.nodes[dns.name.from_text("g.example.test.")].geo
    assert geo is not None
    assert geo.ttl == 60


def test_owners_are_in_lower_case_and_u_labels_are_encoded(tmp_path: Path) -> None:
    zone, _ = load(
        tmp_path,
        '"": {type: NS, value: NS.Other.Test.}\n'
        "WWW: {type: A, value: 192.0.2.1}\n"
        "_sip.bücher: {type: A, value: 192.0.2.1}\n"
        r"'a\.b\255': {type: A, value: 192.0.2.1}",
    )
    assert zone is not None
    labels = [name.labels[:-3] for name in zone.nodes]
    assert labels == [(), (b"www",), (b"_sip", b"xn--bcher-kva"), (b"a.b\xff",)]
    assert "NS.Other.Test." in str(zone.nodes[zone.origin].rdatasets[dns.rdatatype.NS])
