"""docs/latency.md: its examples are read, its figures of the estimate are made again."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from test_build import synthetic

from geodns.latency.fit import Errors
from geodns.latency.table import read_whole

PAGE = (Path(__file__).parents[2] / "docs" / "latency.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
REGIONS = ("eu-central-1", "us-east-1", "us-west-1", "cn-hangzhou", "ap-southeast-1")


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_is_a_sound_table(tmp_path: Path, example: str) -> None:
    file = tmp_path / "latency.yaml"
    file.write_text(example, encoding="utf-8")
    table = read_whole(file, REGIONS)
    assert table.problems == ()
    assert table.rows or table.estimate


def test_the_figures_of_the_estimate_are_those_of_the_synthetic_measurements(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    checked = synthetic().validation
    assert checked is not None
    for name, errors in (("fitted", checked.fitted), ("default", checked.default)):
        assert _row(name, errors) in PAGE


def _row(name: str, errors: Errors) -> str:
    return (
        f"| {name} | {errors.median_ms:.1f} ms | {errors.median_share:.0%} "
        f"| {errors.p90_ms:.1f} ms | {errors.p90_share:.0%} |"
    )
