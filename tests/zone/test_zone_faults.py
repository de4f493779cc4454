"""Every rule about a zone as a whole: what it finds, exactly where, and what it leaves alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from geodns.zone.load import load_zones

DIGEST = "2BB183AF5F22588179A53B0A98631FAD1A292118"
HEAD = """\
$TTL 3600
@ IN SOA ns.other.test. hostmaster 1 3600 600 604800 300
@ IN NS ns.other.test.
"""

# (lines after the head of three lines, [(id, line, column)])
ERRORS = [
    ("www CNAME a.other.test.\nwww A 192.0.2.1", [("cname-beside-other-data", 4, 1)]),
    ("www TXT x\nwww CNAME a.other.test.", [("cname-beside-other-data", 5, 1)]),
    ("www GEO web\nwww CNAME a.other.test.", [("cname-beside-other-data", 5, 1)]),
    ("www CNAME a.other.test.\nwww CNAME b.other.test.", [("several-cname", 5, 1)]),
    ("www DNAME a.other.test.\nwww DNAME b.other.test.", [("several-dname", 5, 1)]),
    ("@ SOA ns.other.test. h 2 1 1 1 1", [("several-soa", 4, 1)]),
    ("www SOA ns.other.test. h 2 1 1 1 1", [("soa-not-at-apex", 4, 1)]),
    ("www GEO web\nwww A 192.0.2.1", [("geo-beside-address", 5, 1)]),
    ("www AAAA ::1\nwww GEO web", [("geo-beside-address", 4, 1)]),
    ("www GEO web\nwww GEO api", [("duplicate-geo", 5, 1)]),
    ("www GEO webb", [("undefined-service", 4, 9)]),
    ("sub NS ns.other.test.\nsub GEO web", [("geo-at-delegation", 5, 1)]),
    ("sub NS ns.other.test.\nsub DNAME a.other.test.",
     [("occluded", 5, 1), ("dname-at-delegation", 5, 1)]),
    ("sub NS ns.sub\n", [("missing-glue", 4, 1)]),
    ("sub NS ns.sub\n NS ns2.sub\n", [("missing-glue", 4, 1), ("missing-glue", 5, 2)]),
    ("@ NS alias\nalias CNAME a.other.test.", [("target-is-cname", 4, 1)]),
    ("sub NS alias\nalias CNAME a.other.test.", [("target-is-cname", 4, 1)]),
    ("www.other.test. A 192.0.2.1", [("outside-zone", 4, 1)]),
    ("d DNAME a.other.test.\nx.y.d A 192.0.2.1\nd A 192.0.2.1", [("below-dname", 5, 1)]),
    ("@ DNAME a.other.test.\nx A 192.0.2.1", [("below-dname", 5, 1)]),
]  # fmt: skip


WARNINGS = [
    ("sub NS ns.sub\n NS ns.other.test.\nsub2 NS ns.sub\n NS ns.other.test.",
     [("missing-glue", 4, 1), ("missing-glue", 6, 1)]),
    ("a NS ns.b\nb NS ns.a\nns.a A 192.0.2.1\nns.b A 192.0.2.2", []),
    ("sub NS sub\nsub A 192.0.2.1\n", []),
    ("sub NS ns.sub\nns.sub A 192.0.2.1\nns.sub AAAA ::1\nsub DS 1 5 1 " + DIGEST, []),
    ("sub NS ns.other.test.\nsub TXT x", [("occluded", 5, 1)]),
    ("sub NS ns.other.test.\na.sub GEO web", [("occluded", 5, 1)]),
    ("sub NS ns.other.test.\na.sub A 192.0.2.1", [("occluded", 5, 1)]),
    ("sub NS ns.other.test.\na.sub NS ns.other.test.", [("occluded", 5, 1)]),
    ("@ MX 1 alias\nalias CNAME a.other.test.", [("target-is-cname", 4, 1)]),
    ("s SRV 1 1 1 alias\nalias CNAME a.other.test.", [("target-is-cname", 4, 1)]),
    ("@ MX 1 mail", [("target-without-address", 4, 1)]),
    ("@ MX 1 mail\n* A 192.0.2.1", []),
    ("@ MX 1 mail\n* CNAME a.other.test.", [("target-is-cname", 4, 1)]),
    ("@ MX 1 mail.b\n* A 192.0.2.1\nx.b A 192.0.2.1", [("target-without-address", 4, 1)]),
    ("@ MX 1 www\nwww GEO web", []),
    ("@ MX 0 .", []),
    ("a 1 A 192.0.2.1\na 2 A 192.0.2.2\na 1 AAAA ::1", [("ttl-differs", 5, 1)]),
    ("a A 192.0.2.1\na A 192.0.2.1", [("duplicate-record", 5, 1)]),
    ("a CNAME b\nb CNAME c\nc CNAME b\nd CNAME a", [("cname-loop", 5, 1)]),
    ("*.w NS ns.other.test.", [("odd-wildcard", 4, 1)]),
    ("*.w DNAME a.other.test.", [("odd-wildcard", 4, 1)]),
    ("www.example.test A 192.0.2.1", [("repeated-origin", 4, 1)]),
    ("www DS 1 5 1 " + DIGEST, [("misplaced-ds", 4, 1)]),
]  # fmt: skip


def found(folder: Path, text: str, name: str = "example.test.zone") -> tuple[int, list[object]]:
    (folder / name).write_text(text)
    zones, problems, _ = load_zones(folder, {"web", "api"})
    severities = {item.severity for item in problems}
    assert bool(zones) == ("error" not in severities)
    return len(zones), [(item.id, item.line, item.column) for item in problems]


@pytest.mark.parametrize(("lines", "expected"), ERRORS)
def test_a_fault_refuses_the_zone(
    tmp_path: Path, lines: str, expected: list[tuple[str, int, int]]
) -> None:
    assert found(tmp_path, HEAD + lines + "\n") == (0, expected)


@pytest.mark.parametrize(("lines", "expected"), WARNINGS)
def test_an_oddity_is_a_warning(
    tmp_path: Path, lines: str, expected: list[tuple[str, int, int]]
) -> None:
    assert found(tmp_path, HEAD + lines + "\n") == (1, expected)


def test_a_set_of_records_that_no_message_can_hold_is_a_warning(tmp_path: Path) -> None:
    def lines(count: int) -> str:
        return "".join(f"many TXT {'x' * 240}{number:03d}\n" for number in range(count))

    assert found(tmp_path, HEAD + lines(250)) == (1, [])
    assert found(tmp_path, HEAD + lines(260)) == (1, [("set-too-long", 4, 1)])


def test_a_zone_without_soa_or_ns_is_refused(tmp_path: Path) -> None:
    assert found(tmp_path, "$TTL 60\nwww A 192.0.2.1\n") == (
        0,
        [("missing-ns", 1, 1), ("missing-soa", 1, 1)],
    )


@pytest.mark.parametrize("text", ["", "# empty\n", "{}\n"])
def test_an_empty_yaml_zone_is_refused(tmp_path: Path, text: str) -> None:
    count, problems = found(tmp_path, text, "example.test.yaml")
    assert count == 0
    assert problems


# The same faults in YAML: (record lines after the NS line, [(id, line, column)])
IN_YAML = [
    ("w: {type: GEO, service: webb}", [("undefined-service", 2, 25)]),
    ("w:\n- {type: GEO, service: web}\n- {type: A, value: 192.0.2.1}",
     [("geo-beside-address", 4, 20)]),
    ("w:\n- {type: GEO, service: web}\n- {type: GEO, service: api}", [("duplicate-geo", 4, 3)]),
    ("w: {type: CNAME, values: [a.test., b.test.]}", [("several-cname", 2, 36)]),
    ("w:\n- {type: CNAME, value: a.test.}\n- {type: TXT, value: x}",
     [("cname-beside-other-data", 3, 24)]),
    ("w: {type: A, values: [192.0.2.1, 192.0.2.1]}", [("duplicate-record", 2, 34)]),
    ("w:\n- {type: A, ttl: 1, value: 192.0.2.1}\n- {type: A, value: 192.0.2.2}",
     [("ttl-differs", 4, 20)]),
    ("w: {type: SOA, value: {}}", [("soa-not-at-apex", 2, 23)]),
    ("W: {type: A, value: 192.0.2.1}\nw: {type: A, value: 192.0.2.1}",
     [("duplicate-record", 3, 21)]),
]  # fmt: skip


@pytest.mark.parametrize(("lines", "expected"), IN_YAML)
def test_faults_in_yaml_are_told_at_the_value(
    tmp_path: Path, lines: str, expected: list[tuple[str, int, int]]
) -> None:
    text = f'"": {{type: NS, value: ns.other.test.}}\n{lines}\n'
    _, problems = found(tmp_path, text, "example.test.yaml")
    assert problems == expected


def test_a_misspelt_service_gets_a_suggestion(tmp_path: Path) -> None:
    (tmp_path / "example.test.zone").write_text(HEAD + "www GEO webb\n")
    _, (problem,), _ = load_zones(tmp_path, {"web", "api"})
    assert problem.hint == "did you mean web?"


def test_services_are_not_checked_when_they_are_unknown(tmp_path: Path) -> None:
    (tmp_path / "example.test.zone").write_text(HEAD + "www GEO webb\n")
    zones, problems, _ = load_zones(tmp_path, None)
    assert zones
    assert not problems
