"""The benchmark of failures: each is made, noticed, timed and repaired."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from pathlib import Path

import pytest
from benchmarks import failover_report
from benchmarks.failover import Times, bound, run_rounds
from benchmarks.failures import failures
from rich.console import Console

WHEN = datetime(2026, 1, 2, tzinfo=UTC)


def test_every_failure_is_noticed_and_timed(tmp_path: Path) -> None:
    cases = failures(namespace=False)
    times = run_rounds(cases, 1, tmp_path)
    assert [one.name for one in times] == [case.name for case in cases]
    # Within the bound on an idle machine; a test machine may be busy.
    assert all(0 < seconds < 20 for one in times for seconds in one.seconds)


@pytest.mark.parametrize(("most", "met"), [(2.6, True), (2.61, False)])
def test_every_round_has_to_be_within_the_bound(most: float, met: bool) -> None:
    assert bound() == pytest.approx(2.6)
    assert Times("hanging server", "", (1.0, most, 1.0)).met is met


def test_figures_are_shown_and_written_down() -> None:
    times = [Times("hanging server", "says nothing", (1.5, 2.0, 2.5))]
    written = failover_report.markdown(times, {"cores": "2"}, WHEN, "")
    assert "| hanging server | 3 | 2.60 | 1.50 | 2.00 | 2.50 | yes |" in written
    assert "- hanging server: says nothing" in written
    printed = io.StringIO()
    failover_report.show(times, Console(file=printed, width=80))
    assert max(map(len, printed.getvalue().splitlines())) <= 80
    [told] = failover_report.as_json(times, {}, WHEN)["failures"]
    assert told["met"] is True
