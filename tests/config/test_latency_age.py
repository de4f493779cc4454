"""How old latency tables may be: the settings, and what is loaded at a given time."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from configfolder import SERVER, write

from geodns.config.load import load
from geodns.config.settings import LatencyAge, LatencyRow
from geodns.latency.estimate import DEFAULT, Line
from geodns.problem import ConfigurationError

TABLE = """\
measured: 2026-06-01
estimate: {base: 8, per_1000_km: 14}
latency:
  EU: {eu-central-1: 14}
"""
AGES = "latency_age: {warn: 30d, drop: 90d}\n"


def at(day: int) -> float:
    """Some time on a day of 2026, counted from June 1."""
    return datetime(2026, 6, 1, 12, tzinfo=UTC).timestamp() + day * 86_400


@pytest.mark.parametrize(
    ("day", "rows", "warnings"),
    [(29, 1, []), (30, 1, ["old-latency"]), (90, 0, ["dropped-latency"])],
)
def test_a_table_is_used_then_warned_of_then_not_used(
    tmp_path: Path, day: int, rows: int, warnings: list[str]
) -> None:
    server = write(tmp_path, server=SERVER + AGES, latency=TABLE)
    configuration, problems = load(server, now=at(day))
    assert len(configuration.latency) == rows
    assert [problem.id for problem in problems] == warnings
    fitted = Line(8, 0.014) if rows else DEFAULT.everywhere
    assert configuration.estimate.everywhere == fitted


def test_where_the_first_table_is_too_old_the_next_one_counts(tmp_path: Path) -> None:
    (tmp_path / "more.yaml").write_text("latency: {EU: {us-east-1: 90}}\n", encoding="utf-8")
    text = SERVER.replace("[latency.yaml]", "[latency.yaml, more.yaml]") + AGES
    configuration, _ = load(write(tmp_path, server=text, latency=TABLE), now=at(100))
    assert configuration.latency == (LatencyRow("EU", {"us-east-1": 90}),)


def test_a_table_without_a_date_never_ages(tmp_path: Path) -> None:
    configuration, problems = load(write(tmp_path, server=SERVER + AGES), now=at(100_000))
    assert (len(configuration.latency), problems) == (1, ())


def test_by_default_a_table_counts_for_a_year(tmp_path: Path) -> None:
    server = write(tmp_path, latency=TABLE)
    assert load(server, now=at(0))[0].server.latency_age == LatencyAge()
    assert [problem.id for problem in load(server, now=at(364))[1]] == ["old-latency"]
    assert [problem.id for problem in load(server, now=at(365))[1]] == ["dropped-latency"]


def test_dropping_before_warning_is_refused(tmp_path: Path) -> None:
    server = write(tmp_path, server=SERVER + "latency_age: {warn: 30d, drop: 20d}\n")
    with pytest.raises(ConfigurationError, match="6:32: error: figures are dropped"):
        load(server)
    server = write(tmp_path, server=SERVER + "latency_age: {warn: 30d, drop: 0}\n")
    assert load(server)[1] == ()
