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
from recordtypes import EXAMPLES

from geodns.answer.cold import Identity
from geodns.answer.engine import Engine
from geodns.problem import Problem
from geodns.zone.load import load_zones

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
