"""Rules for what services need: one text that breaks each, and exactly what is found."""

from __future__ import annotations

from pathlib import Path

import pytest
from configfolder import TOPOLOGY, found, problems, write

Finding = tuple[str, int, int]

CHECKED = "checks:\n  c: {type: tcp, port: 80}\nservices:\n"
OF_NEEDS = {"undefined-service", "repeated-need", "need-loop", "need-of-branches", "unchecked-need"}
WEB_AND_DB = CHECKED + "  web: {check: c, needs: [db]}\n  db: {check: c}\n"


@pytest.mark.parametrize(
    ("services", "expected"),
    [
        ("  web: {check: c, needs: [db]}\n  db: {check: c}\n", []),
        ("  web: {check: c, needs: [bd]}\n  db: {check: c}\n", [("undefined-service", 4, 27)]),
        ("  web: {needs: [db, db]}\n  db: {check: c}\n", [("repeated-need", 4, 21)]),
        ("  web: {needs: [web]}\n", [("need-loop", 4, 16)]),
        (
            "  web: {needs: [a]}\n  a: {needs: [web]}\n",
            [("need-loop", 4, 16), ("need-loop", 5, 14)],
        ),
        (
            "  web: {needs: [a]}\n  a: {needs: [b]}\n  b: {needs: [a]}\n",
            [("need-loop", 5, 14), ("need-loop", 6, 14)],
        ),
        (
            "  web: {needs: [a]}\n  a: {needs: [b]}\n  b: {needs: [web]}\n",
            [("need-loop", 4, 16), ("need-loop", 5, 14), ("need-loop", 6, 14)],
        ),
        (
            "  web: {needs: [a]}\n  a: {needs: [b]}\n  b: {needs: [d]}\n  d: {needs: [web]}\n",
            [("need-loop", line, 16 if line == 4 else 14) for line in (4, 5, 6, 7)],
        ),
        # Two ways to the same service are no loop.
        ("  web: {needs: [a, b]}\n  a: {needs: [d]}\n  b: {needs: [d]}\n  d: {check: c}\n", []),
        ("  web: {needs: [db]}\n  db:\n", [("unchecked-need", 4, 17)]),
        ("  web: {needs: [a]}\n  a: {needs: [db]}\n  db: {check: c}\n", []),
        (
            "  web: {branches: [db], needs: [db]}\n  db: {check: c}\n",
            [("need-of-branches", 4, 25)],
        ),
        (
            "  web: {needs: [all]}\n  all: {branches: [db]}\n  db: {check: c}\n",
            [("need-of-branches", 4, 17)],
        ),
    ],
)
def test_needs_are_other_services_that_can_be_down(
    tmp_path: Path, services: str, expected: list[Finding]
) -> None:
    findings = found(write(tmp_path, services=CHECKED + services))
    assert [tuple(item) for file, *item in findings if item[0] in OF_NEEDS] == expected


def test_a_loop_is_told_as_the_way_around_it(tmp_path: Path) -> None:
    services = CHECKED + "  web: {needs: [a]}\n  a: {needs: [b]}\n  b: {needs: [web]}\n"
    loops = [item for item in problems(write(tmp_path, services=services)) if "loop" in item.id]
    assert [item.message for item in loops] == [
        "'web' needs itself: web → a → b → web",
        "'a' needs itself: a → b → web → a",
        "'b' needs itself: b → web → a → b",
    ]
    assert {item.severity for item in loops} == {"error"}


def test_an_az_without_what_is_needed_there_is_warned_of(tmp_path: Path) -> None:
    topology = TOPOLOGY.replace("          web: [", "          db: [127.10.1.2]\n          web: [")
    (problem,) = problems(write(tmp_path, services=WEB_AND_DB, topology=topology))
    assert (problem.id, problem.severity) == ("need-elsewhere", "warning")
    assert (problem.file.name, problem.line) == ("topology.yaml", 18)
    assert problem.message == (
        "web@us-east-1a needs 'db', which has no endpoint in us-east-1a, so that it does without"
    )


def test_a_service_that_is_only_needed_is_of_use(tmp_path: Path) -> None:
    topology = TOPOLOGY.replace("          web: [", "          db: [127.10.1.2]\n          web: [")
    ids = [item.id for item in problems(write(tmp_path, services=WEB_AND_DB, topology=topology))]
    assert "unused-service" not in ids
