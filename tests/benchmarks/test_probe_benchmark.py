"""The benchmark of ten thousand targets, with a thousand for a few seconds."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from pathlib import Path

from benchmarks import many_endpoints, probes_report
from benchmarks.probes import Case, Look, Scale, measure_kind
from rich.console import Console

WHEN = datetime(2026, 1, 2, tzinfo=UTC)
SMALL = Scale(targets=1000, interval=0.5, seconds=1.0, timeout=0.25)


def test_all_endpoints_are_probed_and_some_hang_when_told(tmp_path: Path) -> None:
    answering, hanging = measure_kind("http", tmp_path, SMALL, lambda text: None)
    assert (answering.hanging, hanging.hanging) == (0, 200)
    for case in (answering, hanging):
        assert sum(case.starts) > 0  # about 2000; a test machine may be busy
        assert case.cpu > 0
        assert case.memory > 10_000_000
        assert case.sockets > 5


def test_the_endpoints_have_different_addresses_of_loopback() -> None:
    addresses = many_endpoints.addresses()
    assert len(set(addresses)) == len(addresses) == 10_000
    assert all(address.startswith("127.") for address in addresses)


def case() -> Case:
    looks = tuple(
        Look(quarter / 4, quarter * 0.05, 100_000_000 + quarter, 10 + quarter)
        for quarter in range(9)
    )
    return Case("tcp", 2000, looks, (100, 104, 111, 104), 9.86)


def test_figures_follow_from_what_was_seen() -> None:
    made = case()
    assert round(made.cpu, 6) == 0.2
    assert [round(part, 6) for part in made.by_second] == [0.2, 0.2]
    assert round(1e6 * made.probe) == 191
    assert (made.memory, made.sockets) == (100_000_008, 18)


def test_figures_are_shown_and_written_down() -> None:
    written = probes_report.markdown([case()], {"cores": "2"}, WHEN, "It was busy.")
    assert "| tcp | 2,000 | 20 | 20-20-20 | 191 | 100 | 18 |" in written
    assert "| tcp | 2,000 | 100 | 104 | 111 | 9.86 |" in written
    assert "- It was busy." in written
    printed = io.StringIO()
    probes_report.show([case()], Console(file=printed, width=80))
    assert max(map(len, printed.getvalue().splitlines())) <= 80
    [told] = probes_report.as_json([case()], {}, WHEN)["cases"]
    assert told["longest_gap"] == 9.86
