# ruff: noqa: E501 - a table reads best with a row per line
"""Every record type that dnspython knows, from master files and YAML to the bytes of an answer."""

from __future__ import annotations

import pkgutil
from pathlib import Path

import dns.message
import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rdtypes.ANY
import dns.rdtypes.IN
import pytest
from building import image, query

from geodns.answer.cold import Identity
from geodns.answer.engine import Engine
from geodns.problem import Problem
from geodns.zone.load import load_zones

_B64 = "MxFcby9k"
_SHA256 = "0123456789abcdef" * 4

# type -> an example in which names are absolute
EXAMPLES = {
    "A": "192.0.2.1",
    "AAAA": "2001:db8::1",
    "AFSDB": "1 afs.Example.test.",
    "AMTRELAY": "10 1 3 relay.Example.test.",
    "APL": "1:192.0.2.0/24 !2:2001:db8::/32",
    "AVC": '"app-name:x" "y"',
    "CAA": '128 issue "ca.example.net; policy=ev"',
    "CDNSKEY": f"257 3 8 {_B64}",
    "CDS": f"12345 8 2 {_SHA256}",
    "CERT": f"PKIX 1 RSASHA256 {_B64}",
    "CNAME": "Target.Example.test.",
    "CSYNC": "66 3 A NS AAAA",
    "DHCID": "AAIBY2/AuCccgoJbsaxcQc9TUapptP69lOjxfNuVAA2kjEA=",
    "DLV": f"12345 8 2 {_SHA256}",
    "DNAME": "Target.Example.test.",
    "DNSKEY": f"257 3 8 {_B64}",
    "DS": f"12345 8 2 {_SHA256}",
    "EUI48": "00-00-5e-00-53-2a",
    "EUI64": "00-00-5e-ef-10-00-00-2a",
    "GPOS": "-32.6882 116.8652 10.0",
    "HINFO": '"PC-Intel" "Linux"',
    "HIP": f"2 200100107b1a74df365639cc39f1d578 {_B64} rvs.Example.test.",
    "HTTPS": '1 svc.Example.test. alpn="h2,h3" port="8443" ipv4hint="192.0.2.1" ipv6hint="2001:db8::1"',
    "IPSECKEY": f"10 3 2 gw.Example.test. {_B64}",
    "ISDN": '"150862028003217" "004"',
    "KEY": f"256 3 8 {_B64}",
    "KX": "10 kx.Example.test.",
    "L32": "10 10.1.2.0",
    "L64": "10 2001:0db8:1140:1000",
    "LOC": "31 58 52.100 S 115 49 11.700 E 20.00m 10.00m 10.00m 2.00m",
    "LP": "10 l64.Example.test.",
    "MX": "10 mail.Example.test.",
    "NAPTR": '100 10 "u" "E2U+sip" "!^.*$!sip:info@example.test!" naptr.Example.test.',
    "NID": "10 0014:4fff:ff20:ee64",
    "NINFO": '"ninfo"',
    "NSAP": "0x47000580005a0000000001e133ffffff00016100",
    "NSAP-PTR": "foo.Example.test.",
    "NSEC": "next.Example.test. A MX RRSIG NSEC TYPE1234",
    "NSEC3": "1 1 12 aabbccdd 2t7b4g4vsa5smi47k61mv5bv1a22bojr MX DNSKEY NS SOA NSEC3PARAM RRSIG",
    "NSEC3PARAM": "1 0 12 aabbccdd",
    "OPENPGPKEY": _B64,
    "PTR": "host.Example.test.",
    "PX": "10 map822.Example.test. mapx400.Example.test.",
    "RESINFO": '"qnamemin" "exterr=15-17"',
    "RP": "mbox.Example.test. txt.Example.test.",
    "RRSIG": f"A 8 3 3600 20301231235959 20260101000000 12345 Example.test. {_B64}",
    "RT": "10 relay.Example.test.",
    "SIG": f"A 8 3 3600 20301231235959 20260101000000 12345 Example.test. {_B64}",
    "SMIMEA": f"3 1 1 {_SHA256}",
    "SPF": '"v=spf1 -all"',
    "SRV": "0 5 443 srv.Example.test.",
    "SSHFP": "1 1 0123456789abcdef0123456789abcdef01234567",
    "SVCB": '1 svc.Example.test. mandatory="alpn" alpn="dot" key65333="x"',
    "TLSA": f"3 1 1 {_SHA256}",
    "TXT": '"one" "two \\"quoted\\" \\000\\255"',
    "URI": '10 1 "https://www.example.test/path"',
    "WALLET": '"BTC" "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa"',
    "WKS": "192.0.2.1 6 25 80",
    "X25": '"311061700956"',
    "ZONEMD": "2018031500 1 1 " + "0123456789abcdef" * 6,
    "DSYNC": "CDS 1 5300 sync.Example.test.",
    "TYPE65280": "\\# 4 01020304",
    "TYPE731": "\\# 0",
}  # fmt: skip
# At the apex, or a delegation: shown by tests of the engine. BRID and HHIT are CBOR in base64.
_ELSEWHERE = {"SOA", "NS", "BRID", "HHIT"}
_ONLY_IN_MESSAGES = {"OPT", "TKEY", "TSIG"}
# RFC 3597 4: the types of RFC 1035, whose names may be compressed
_COMPRESSED = {"CNAME", "MX", "PTR"}
_YAML = '"": {type: NS, value: ns.other.test.}\nx:\n  type: KIND\n  value: VALUE\n'
_MASTER = "$TTL 60\n@ SOA ns.other.test. h 1 2 3 4 5\n@ NS ns.other.test.\nx KIND VALUE\n"


def _expected(kind: str) -> bytes:
    rdtype = dns.rdatatype.from_text(kind)
    wire = dns.rdata.from_text(dns.rdataclass.IN, rdtype, EXAMPLES[kind]).to_wire()
    assert wire is not None
    return wire


def _problems(folder: Path, name: str, text: str) -> list[Problem]:
    (folder / name).write_text(text)
    return [item for item in load_zones(folder, None)[1] if item.severity == "error"]


def _loaded(folder: Path, name: str, text: str, kind: str) -> list[bytes]:
    (folder / name).write_text(text)
    (zone,), _, _ = load_zones(folder, None)
    rdataset = zone.nodes[dns.name.from_text("x.example.test.")].rdatasets[
        dns.rdatatype.from_text(kind)
    ]
    return [rdata.to_wire() for rdata in rdataset]


def test_the_table_has_every_type_that_dnspython_knows() -> None:
    modules = [
        module.name.replace("_", "-")
        for package in (dns.rdtypes.ANY, dns.rdtypes.IN)
        for module in pkgutil.iter_modules(package.__path__)
    ]
    assert len(modules) > 60
    assert set(modules) - _ELSEWHERE - _ONLY_IN_MESSAGES <= set(EXAMPLES)


@pytest.mark.parametrize("kind", EXAMPLES)
def test_a_master_file_may_have_any_type(tmp_path: Path, kind: str) -> None:
    text = _MASTER.replace("KIND", kind).replace("VALUE", EXAMPLES[kind])
    assert _loaded(tmp_path, "example.test.zone", text, kind) == [_expected(kind)]


@pytest.mark.parametrize("kind", EXAMPLES)
def test_any_type_may_be_written_as_an_unknown_one(tmp_path: Path, kind: str) -> None:
    # RFC 3597 5
    wire = _expected(kind)
    value = f"\\# {len(wire)} {wire.hex()}"
    number = f"TYPE{int(dns.rdatatype.from_text(kind))}"
    text = _MASTER.replace("KIND", number).replace("VALUE", value)
    assert _loaded(tmp_path, "example.test.zone", text, kind) == [wire]


# In octoDNS's YAML the strings of these are one: test_octodns_values.py has them.
@pytest.mark.parametrize("kind", sorted(EXAMPLES.keys() - {"TXT", "SPF"}))
def test_an_answer_has_the_very_bytes(tmp_path: Path, kind: str) -> None:
    value = EXAMPLES[kind].replace("'", "''")
    text = _YAML.replace("KIND", kind).replace("VALUE", f"'{value}'")
    engine = Engine(image(tmp_path, zone=text), Identity("ns1.demo"))
    wire = engine.respond(query("x.example.test", kind), "198.51.100.1")
    assert wire is not None
    (rrset,) = dns.message.from_wire(wire).answer
    found = rrset[0].to_wire()
    assert found is not None
    # RFC 1035 4.1.4: a pointer takes over the letters that it points to.
    assert found.lower() == _expected(kind).lower()
    if kind not in _COMPRESSED:
        assert _expected(kind) in wire


@pytest.mark.parametrize("kind", sorted(_ONLY_IN_MESSAGES))
def test_what_stands_only_in_messages_is_refused(tmp_path: Path, kind: str) -> None:
    text = _MASTER.replace("KIND", kind).replace("VALUE", "\\# 0")
    (problem,) = _problems(tmp_path, "example.test.zone", text)
    assert (problem.id, problem.line) == ("meta-type", 4)
