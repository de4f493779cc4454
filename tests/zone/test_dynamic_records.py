"""Dynamic records as they are read from octoDNS's YAML, and what is wrong with some of them."""

from __future__ import annotations

import json
from contextlib import suppress
from ipaddress import ip_network
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import dns.name
import dns.rdatatype
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geodns.config.load import load as configured
from geodns.problem import ConfigurationError, Problem
from geodns.zone.content import Node, Zone
from geodns.zone.dynamic import (
    DynamicRecord,
    HealthCheck,
    Pool,
    PoolRule,
    PoolValue,
    pool_id,
    service_of,
    value_ids,
)
from geodns.zone.load import load_zones

APEX = '"": {type: NS, value: ns.other.test.}\n'
EXAMPLE = """
www:
  dynamic:
    pools:
      apac:
        fallback: na
        values:
        - value: 192.0.2.1
        - value: 192.0.2.2
      eu:
        fallback: na
        values:
        - value: 192.0.2.3
          weight: 2
        - value: 192.0.2.4
          weight: 3
          status: up
      na:
        values:
        - value: 192.0.2.5
          status: down
        - value: 192.0.2.6
    rules:
    - subnets: [198.51.100.0/24, "2001:db8::/32"]
      pool: eu
    - geos: [AF-ZA, AS, NA-US-CA]
      pool: apac
    - pool: na
  ttl: 60
  type: A
  values: [192.0.2.5, 192.0.2.6]
"""


def load(folder: Path, text: str) -> tuple[Zone | None, list[Problem]]:
    (folder / "example.test.yaml").write_text(APEX + text, encoding="utf-8")
    zones, problems, _ = load_zones(folder, None)
    return (zones[0] if zones else None), problems


def node(zone: Zone | None, name: str = "www") -> Node:
    assert zone is not None
    return zone.nodes[dns.name.from_text(name, zone.origin)]


def test_a_dynamic_record_is_read_beside_its_plain_values(tmp_path: Path) -> None:
    zone, problems = load(tmp_path, EXAMPLE)
    assert problems == []
    assert len(node(zone).rdatasets[dns.rdatatype.A]) == 2
    assert node(zone).dynamic == (
        DynamicRecord(
            type=dns.rdatatype.A,
            ttl=60,
            pools=(
                Pool("apac", (PoolValue("192.0.2.1"), PoolValue("192.0.2.2")), "na"),
                Pool("eu", (PoolValue("192.0.2.3", 2), PoolValue("192.0.2.4", 3, "up")), "na"),
                Pool("na", (PoolValue("192.0.2.5", 1, "down"), PoolValue("192.0.2.6"))),
            ),
            rules=(
                PoolRule("eu", (), (ip_network("198.51.100.0/24"), ip_network("2001:db8::/32"))),
                PoolRule("apac", ("AF-ZA", "AS", "NA-US-CA")),
                PoolRule("na"),
            ),
            defaults=("192.0.2.5", "192.0.2.6"),
            check=HealthCheck(),
            answers=1,
            line=4,
            column=3,
        ),
    )


def test_a_pool_is_followed_by_its_fallbacks(tmp_path: Path) -> None:
    zone, _ = load(tmp_path, EXAMPLE)
    (record,) = node(zone).dynamic
    assert record.chain("eu") == ("eu", "na")
    assert record.chain("na") == ("na",)
    assert record.chain("nowhere") == ()


def test_names_of_pools_and_values_can_be_typed() -> None:
    service = service_of(dns.name.from_text("www.example.test."), dns.rdatatype.A)
    assert service == "www.example.test/A"
    assert pool_id(service, "eu west") == "www.example.test/A@eu%20west"
    values = (PoolValue("192.0.2.1"), PoolValue("192.0.2.1"), PoolValue("lb.example.net."))
    assert value_ids(service, Pool("eu", values)) == [
        "www.example.test/A@eu/192.0.2.1",
        "www.example.test/A@eu/192.0.2.1#2",
        "www.example.test/A@eu/lb.example.net",
    ]


def test_a_and_aaaa_of_a_name_are_independent(tmp_path: Path) -> None:
    zone, problems = load(
        tmp_path,
        """
www:
- {type: A, value: 192.0.2.9,
   dynamic: {pools: {one: {values: [{value: 192.0.2.1}]}}, rules: [{pool: one}]}}
- {type: AAAA, value: "2001:db8::9",
   dynamic: {pools: {two: {values: [{value: "2001:DB8:0::1"}]}}, rules: [{pool: two}]}}
""",
    )
    assert problems == []
    assert [record.type.name for record in node(zone).dynamic] == ["A", "AAAA"]
    assert node(zone).dynamic[1].pools == (Pool("two", (PoolValue("2001:db8::1"),)),)


def test_targets_of_a_cname_are_not_checked(tmp_path: Path) -> None:
    zone, problems = load(
        tmp_path,
        """
www:
  type: CNAME
  value: last.example.net.
  dynamic: {pools: {one: {values: [{value: LB.example.net.}]}}, rules: [{pool: one}]}
  octodns: {healthcheck: {protocol: TCP, port: 80}}
""",
    )
    assert [(item.id, item.severity) for item in problems] == [("not-checked", "warning")]
    (record,) = node(zone).dynamic
    assert record.check is None
    assert record.pools == (Pool("one", (PoolValue("lb.example.net."),)),)
    assert record.defaults == ("last.example.net.",)


def test_the_older_geo_is_pools_by_place_from_narrow_to_wide(tmp_path: Path) -> None:
    zone, problems = load(
        tmp_path,
        """
www:
  type: A
  values: [192.0.2.8, 192.0.2.9]
  geo:
    NA: [192.0.2.1]
    NA-US-NY: [192.0.2.2, 192.0.2.3]
    AS-CY: 192.0.2.4
""",
    )
    assert [(item.id, item.severity) for item in problems] == [("old-geo", "warning")]
    (record,) = node(zone).dynamic
    assert record.pools == (
        Pool("NA", (PoolValue("192.0.2.1"),)),
        Pool("NA-US-NY", (PoolValue("192.0.2.2"), PoolValue("192.0.2.3")), "NA"),
        Pool("AS-CY", (PoolValue("192.0.2.4"),)),
    )
    assert [rule.geos for rule in record.rules] == [("NA-US-NY",), ("AS-CY",), ("NA",)]
    assert record.answers == 2


@pytest.mark.parametrize(
    ("asked", "check"),
    [
        ("{protocol: TCP, port: 8080}", HealthCheck("TCP", port=8080)),
        ("{protocol: ICMP}", HealthCheck("ICMP")),
        ("{host: a.test, path: up, port: '8443'}", HealthCheck("HTTPS", "a.test", "/up", 8443)),
        ("{protocol: UDP}", None),
    ],
)
def test_health_checks_have_octodns_s_settings_and_defaults(
    tmp_path: Path, asked: str, check: HealthCheck | None
) -> None:
    text = EXAMPLE + f"  octodns: {{healthcheck: {asked}}}\n"
    zone, problems = load(tmp_path, text)
    assert node(zone).dynamic[0].check == check
    assert [item.id for item in problems] == ([] if check else ["not-checked"])


_ONE = "pools: {one: {values: [{value: 192.0.2.1}]}}, rules: [{pool: one}]"
_TWO = "pools: {one: {values: [{value: 192.0.2.1}]}, two: {values: [{value: 192.0.2.2}]}}"


def _two(rules: str) -> str:
    return f"{{{_TWO}, rules: [{rules}]}}"


# (dynamic in YAML, id, what stands where it is told, part of the message or hint)
FAULTS = [
    ("nonsense", "bad-dynamic", "nonsense", "must be a mapping"),
    ("{rules: [{pool: one}]}", "bad-pools", "{rules", "no pools"),
    ("{pools: {}, rules: [{pool: one}]}", "bad-pools", "{}, rules", "no pools"),
    ("{pools: {one: 1}, rules: [{pool: one}]}", "bad-pool", "1}", "must be a mapping"),
    ("{pools: {one: {}}, rules: [{pool: one}]}", "bad-pool", "{}}", "no list of values"),
    ("{pools: {one: {values: [{}]}}, rules: [{pool: one}]}", "missing-value", "{}]", "as in"),
    (
        "{pools: {one: {values: [{value: x}]}}, rules: [{pool: one}]}",
        "bad-rdata",
        "x}",
        "fit type A",
    ),
    (
        "{pools: {one: {values: [{value: '2001:db8::1'}]}}, rules: [{pool: one}]}",
        "bad-rdata",
        "'2001",
        "192.0.2.1",
    ),
    (
        "{pools: {one: {values: [{value: 192.0.2.1, weight: 7}]}}, rules: [{pool: one}]}",
        "lone-weight",
        "7}",
        "gets everything",
    ),
    (
        "{pools: {one: {values: [{value: 192.0.2.1, weight: 101}, {value: 192.0.2.2}]}},"
        " rules: [{pool: one}]}",
        "bad-weight",
        "101",
        "1 to 100",
    ),
    (
        "{pools: {one: {values: [{value: 192.0.2.1, weight: heavy}, {value: 192.0.2.2}]}},"
        " rules: [{pool: one}]}",
        "bad-weight",
        "heavy",
        "'heavy'",
    ),
    (
        "{pools: {one: {values: [{value: 192.0.2.1, status: upp}]}}, rules: [{pool: one}]}",
        "bad-status",
        "upp",
        "did you mean up?",
    ),
    (
        "{pools: {one: {fallback: onne, values: [{value: 192.0.2.1}]}}, rules: [{pool: one}]}",
        "undefined-pool",
        "onne",
        "did you mean one?",
    ),
    (
        "{pools: {one: {fallback: two, values: [{value: 192.0.2.1}]},"
        " two: {fallback: one, values: [{value: 192.0.2.1}]}}, rules: [{pool: one}]}",
        "fallback-loop",
        "two, values",
        "one -> two -> one",
    ),
    (_two("{pool: one}"), "unused-pool", "{values: [{value: 192.0.2.2", "'two'"),
    (f"{{{_ONE.split(', rules')[0]}}}", "bad-rules", "{pools", "no rules"),
    (_two("{geos: [EU], pool: two}, {pool: on}"), "undefined-pool", "on}", "did you mean one?"),
    (
        _two("{geos: [EU], pool: two}, {geos: [AS], pool: two}, {pool: one}"),
        "reused-pool",
        "two}, {pool: one}]}",
        "earlier rule",
    ),
    (_two("{geos: [XX], pool: two}, {pool: one}"), "bad-geo", "XX", "continent"),
    (_two("{geos: [eu], pool: two}, {pool: one}"), "bad-geo", "eu]", "write EU"),
    (_two("{geos: [AS-DE], pool: two}, {pool: one}"), "bad-geo", "AS-DE", "write EU-DE"),
    (
        _two("{geos: [NA-US-ZZ], pool: two}, {pool: one}"),
        "bad-geo",
        "NA-US-ZZ",
        "no subdivision ZZ",
    ),
    (_two("{geos: EU, pool: two}, {pool: one}"), "bad-rule", "EU,", "a list"),
    (
        _two("{geos: [EU], pool: two}, {geos: [EU-DE], pool: one}, {pool: one}"),
        "shadowed-geo",
        "EU-DE]",
        "within EU of rule 1",
    ),
    (
        _two("{geos: [EU, EU-DE], pool: two}, {pool: one}"),
        "shadowed-geo",
        "EU-DE]",
        "within EU of rule 1",
    ),
    (
        _two("{subnets: [10.0.0.1/8], pool: two}, {pool: one}"),
        "bad-subnet",
        "10.0.0.1",
        "192.0.2.0/24",
    ),
    (
        _two(
            "{subnets: [10.0.0.0/8], pool: two}, {subnets: [10.1.0.0/16], pool: one}, {pool: one}"
        ),
        "shadowed-subnet",
        "10.1",
        "within 10.0.0.0/8 of rule 1",
    ),
    (
        _two("{geos: [EU], pool: two}, {subnets: [10.0.0.0/8], pool: one}, {pool: one}"),
        "bad-order",
        "{subnets",
        "subnets alone come first",
    ),
    (_two("{pool: two}, {pool: one}"), "duplicate-default", "{pool: one}]}", "rule 1"),
    (_two("{pool: one}, {geos: [EU], pool: two}"), "no-catch-all", "{geos: [EU]", "plain values"),
    (
        _two("{geos: [EU], pool: two}, {geos: [AS], pool: one}"),
        "no-catch-all",
        "{geos: [AS]",
        "plain values",
    ),
]


@pytest.mark.parametrize(("dynamic", "id", "at", "says"), FAULTS)
def test_a_fault_is_told_with_its_position_and_is_a_warning_where_the_record_is_lenient(
    tmp_path: Path, dynamic: str, id: str, at: str, says: str
) -> None:
    text = f"www:\n  type: A\n  value: 192.0.2.9\n  dynamic:   {dynamic}\n"
    zone, problems = load(tmp_path, text)
    assert zone is None
    found = next(item for item in problems if item.id == id)
    assert (found.line, found.severity) == (5, "error")
    assert text.splitlines()[3][found.column - 1 :].startswith(at)
    assert says in str(found)
    zone, problems = load(tmp_path, f"{text}  octodns: {{lenient: true}}\n")
    found = next(item for item in problems if item.id == id)
    # No address at all can be made of such a value, by octoDNS neither.
    assert (found.severity == "error") == (id == "bad-rdata")
    assert (zone is None) == (id == "bad-rdata")


@pytest.mark.parametrize(
    ("rule", "id"),
    [
        ("{geos: [EU-DE-BY], pool: two}", "geo-of-ours"),
        ('{subnets: ["::ffff:192.0.2.0/120"], pool: two}', "never-matches"),
        ("{geos: [EU], pool: two, weight: 1}", "unknown-key"),
    ],
)
def test_what_is_odd_is_a_warning(tmp_path: Path, rule: str, id: str) -> None:
    dynamic = _two(f"{rule}, {{pool: one}}")
    text = f"www:\n  type: A\n  value: 192.0.2.9\n  dynamic: {dynamic}\n"
    zone, problems = load(tmp_path, text)
    assert zone is not None
    assert [(item.id, item.severity) for item in problems] == [(id, "warning")]


def test_a_lenient_record_needs_no_plain_values(tmp_path: Path) -> None:
    text = f"www: {{type: A, dynamic: {{{_ONE}}}, octodns: {{lenient: true}}}}\n"
    zone, problems = load(tmp_path, text)
    assert problems == []
    assert node(zone).rdatasets == {}
    assert node(zone).dynamic[0].defaults == ()


def test_a_rule_that_nothing_could_be_read_of_is_for_nobody(tmp_path: Path) -> None:
    dynamic = _two("{geos: [XX], pool: two}, {pool: one}")
    lenient = "octodns: {lenient: true}"
    text = f"www: {{type: A, value: 192.0.2.9, dynamic: {dynamic}, {lenient}}}\n"
    zone, _ = load(tmp_path, text)
    assert node(zone).dynamic[0].rules == (PoolRule("one"),)


@pytest.mark.parametrize(
    ("others", "id"),
    [
        ("{type: TXT, value: x}", "cname-beside-other-data"),
        ("{type: GEO, service: web}", "cname-beside-other-data"),
    ],
)
def test_an_alias_without_plain_values_stands_alone_too(
    tmp_path: Path, others: str, id: str
) -> None:
    alias = (
        "{type: CNAME, octodns: {lenient: true}, dynamic:"
        " {pools: {one: {values: [{value: a.example.net.}]}}, rules: [{pool: one}]}}"
    )
    zone, problems = load(tmp_path, f"www: [{alias}, {others}]\n")
    assert zone is None
    assert [item.id for item in problems if item.severity == "error"] == [id]


_WORDS = (
    *("pools", "rules", "values", "value", "weight", "status", "fallback", "pool", "geos"),
    *("subnets", "healthcheck", "protocol", "port", "path", "host", "lenient", "geodns", "EU"),
)
_ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.sampled_from([*_WORDS, "192.0.2.1", "EU-DE"]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(_WORDS), inner, max_size=4)
    ),
    max_leaves=20,
)


@settings(max_examples=300, deadline=None)
@given(
    type=st.sampled_from(["A", "CNAME", "TXT"]),
    parts=st.dictionaries(st.sampled_from(["dynamic", "geo", "octodns"]), _ANYTHING),
    inner=st.fixed_dictionaries({}, optional={"pools": _ANYTHING, "rules": _ANYTHING}),
)
def test_no_structure_raises(type: str, parts: dict[str, Any], inner: dict[str, Any]) -> None:
    record = {"type": type, "value": "192.0.2.1", "dynamic": inner, **parts}
    with TemporaryDirectory() as folder:
        zone, problems = load(Path(folder), f"www: {json.dumps(record)}\n")
        refused = any(item.severity == "error" for item in problems)
        assert refused == (zone is None)
        (Path(folder) / "geodns.yaml").write_text("zones: .\n")
        with suppress(ConfigurationError):
            configured(Path(folder) / "geodns.yaml")
