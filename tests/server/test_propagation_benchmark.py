"""The propagation benchmark measures what it says, on a worker of its own."""

from __future__ import annotations

import asyncio
import io
from pathlib import Path

from benchmarks.propagation import Figures, measure, table
from rich.console import Console


def test_every_change_is_seen_and_timed(tmp_path: Path) -> None:
    (figures,) = asyncio.run(measure(tmp_path, {"idle": 0}, 6))
    assert len(figures.times) == 6
    # The aim is 50 ms; a test machine may be busy.
    assert 0 < min(figures.times) <= max(figures.times) < 10_000


def test_the_table_names_the_median_and_the_worst() -> None:
    console = Console(width=100, record=True, file=io.StringIO())
    console.print(table([Figures("idle", (1.0, 2.0, 60.0))]))
    text = console.export_text()
    assert "2.00 ms" in text
    assert "60.00 ms" in text
    assert "2 of 3" in text
