"""The parts of the query benchmark that turn numbers and bytes into each other."""

from __future__ import annotations

import importlib
import struct
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any

import dns.edns
import dns.message
import dns.rrset
import maxminddb
import pytest

# Not import statements: mypy checks the package and the tests, and scripts/ is on neither's path.
answers: Any = importlib.import_module("benchmarks.answers")
country_database: Any = importlib.import_module("benchmarks.country_database")
document: Any = importlib.import_module("benchmarks.document")
figures: Any = importlib.import_module("benchmarks.figures")
load: Any = importlib.import_module("benchmarks.load")
wire: Any = importlib.import_module("benchmarks.wire")
workload: Any = importlib.import_module("benchmarks.workload")

REPORT = """
Statistics:

  Queries sent:         1000
  Queries completed:    990 (99.00%)
  Queries lost:         10 (1.00%)

  Response codes:       NOERROR 980 (98.99%), SERVFAIL 10 (1.01%)
  Run time (s):         2.000310
"""


def row(server: str, cpu_seconds: float, answered: int = 1_000_000) -> Any:
    """A row of the scenario "geo" with one sample of one second."""
    return figures.Row(server, "", "geo", (figures.Sample(answered, 0, 1.0, cpu_seconds),))


def test_a_query_without_edns_is_what_another_library_builds() -> None:
    packet = wire.query("host1.static.bench.test.")
    expected = dns.message.make_query("host1.static.bench.test.", "A", id=0, flags=0)
    assert packet == expected.to_wire()


def test_a_client_subnet_is_read_back_by_another_library() -> None:
    packet = wire.query("www1.geo.bench.test.", subnet=IPv4Network("203.0.113.0/24"))
    message = dns.message.from_wire(packet)
    assert message.edns == 0
    assert message.options == (dns.edns.ECSOption("203.0.113.0", 24, 0),)


def test_a_stream_has_each_packet_behind_its_length() -> None:
    assert wire.stream([b"abc", b"d"]) == b"\0\3abc\0\1d"


def test_only_the_expected_address_alone_is_a_right_answer() -> None:
    question = workload.Question(wire.query("www1.geo.bench.test."), "192.0.2.1")
    reply = dns.message.make_response(dns.message.from_wire(question.packet))
    assert answers.judge(reply.to_wire(), question) == "no A record in place of 192.0.2.1"
    reply.answer.append(dns.rrset.from_text("www1.geo.bench.test.", 60, "IN", "A", "192.0.2.1"))
    assert answers.judge(reply.to_wire(), question) is None


def test_dnsperfs_report_is_read() -> None:
    assert load.read_report(REPORT) == load.Load(
        answered=990, noerror=980, lost=10, seconds=2.00031
    )


def test_expectations_compare_cpu_per_query_in_the_same_scenario() -> None:
    rows = [row("geodns", 8.0), row("gdnsd", 5.0), row("PowerDNS", 10.0)]
    found = {one.peer: (one.measured, one.met) for one in figures.verdicts(rows)}
    assert found == {"gdnsd": (pytest.approx(1.6), True), "PowerDNS": (pytest.approx(0.8), False)}


def test_an_expectation_without_its_peer_is_neither_met_nor_missed() -> None:
    assert [one.met for one in figures.verdicts([row("geodns", 8.0)])] == [None, None]


def test_writing_one_section_keeps_the_others() -> None:
    first = document.replace_section("# Head\n", "queries", "old")
    both = document.replace_section(first, "locations", "maps")
    again = document.replace_section(both, "queries", r"new \1")
    assert r"new \1" in again
    assert "maps" in again
    assert "old" not in again


def test_the_rewritten_database_names_continents_and_drops_unknown_countries(
    tmp_path: Path,
) -> None:
    source, target = tmp_path / "source.mmdb", tmp_path / "target.mmdb"
    source.write_bytes(tiny_database())
    country_database.add_continents(source, target, {"DE": "EU"})
    with maxminddb.open_database(target) as reader:
        assert reader.get("1.2.3.4") == {"continent": {"code": "EU"}, "country": {"iso_code": "DE"}}
        assert reader.get("200.2.3.4") is None


def tiny_database() -> bytes:
    """One node: the lower half of IPv4 is in DE, the upper half in no real country."""
    encode, unsigned = country_database.encode, country_database.Unsigned
    german = encode({"country": {"iso_code": "DE"}})
    none = encode({"country": {"iso_code": "None"}})
    metadata = {
        "binary_format_major_version": unsigned(2, 16),
        "binary_format_minor_version": unsigned(0, 16),
        "build_epoch": unsigned(1, 64),
        "database_type": "Tiny",
        "description": {"en": "tiny"},
        "ip_version": unsigned(4, 16),
        "languages": ["en"],
        "node_count": unsigned(1, 32),
        "record_size": unsigned(32, 16),
    }
    tree = struct.pack("!2I", 1 + 16, 1 + 16 + len(german))
    whole: bytes = tree + bytes(16) + german + none + b"\xab\xcd\xefMaxMind.com" + encode(metadata)
    return whole
