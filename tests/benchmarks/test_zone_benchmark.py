"""The benchmark of a large zone, with a small one."""

from __future__ import annotations

import io
from datetime import UTC, datetime

from benchmarks import zones_report
from benchmarks.zones import Figures, measure
from rich.console import Console

WHEN = datetime(2026, 1, 2, tzinfo=UTC)


def test_a_zone_is_loaded_copied_changed_and_copied_by_what_changed() -> None:
    own, *peers = measure(lambda text: None, records=2000)
    assert own.server == "this server"
    for one in (own, *peers):
        assert min(one.load, one.memory, one.whole, one.changed) > 0
        assert one.difference is not None


def test_figures_are_shown_and_written_down() -> None:
    figures = [
        Figures("this server", 60.04, 900_000_000, 1.25, 61.0, 0.0034, 0.8),
        Figures("NSD", 2.0, 400_000_000, 0.1, 1.0, None),
    ]
    written = zones_report.markdown(figures, {"cores": "2"}, WHEN, "It was busy.")
    assert "| this server | 60.0 | 900 | 1.25 | 61.0 | 0.80 | 3.4 |" in written
    assert "| NSD | 2.0 | 400 | 0.10 | 1.0 | - | whole zone |" in written
    assert "- It was busy." in written
    printed = io.StringIO()
    zones_report.show(figures, Console(file=printed, width=80))
    assert max(map(len, printed.getvalue().splitlines())) <= 80
    assert zones_report.as_json(figures, {}, WHEN)["servers"][0]["load"] == 60.04
