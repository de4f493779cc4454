"""How long a figure of a latency table counts."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from geodns.config.latency import LatencyAge
from geodns.latency.age import age, counting, state
from geodns.latency.estimate import Estimate, Line
from geodns.latency.figure import Figure, Table, TableRow

DAY = 86_400.0
LIMITS = LatencyAge(warn=30 * DAY, drop=90 * DAY)
NOW = datetime(2026, 11, 24, 14, 30, tzinfo=UTC).timestamp()
FITTED = Estimate(Line(8, 0.01), fitted=True)


def table(*figures: Figure, measured: date | None = None) -> Table:
    rows = tuple(TableRow(f"AS{n}", {"a": figure}) for n, figure in enumerate(figures, start=1))
    return Table(Path("t.csv"), rows, measured, FITTED)


@pytest.mark.parametrize(
    ("measured", "expected"),
    [
        (None, "fresh"),
        (date(2026, 12, 24), "fresh"),
        (date(2026, 10, 26), "fresh"),  # 29 days and 14.5 hours
        (date(2026, 10, 25), "old"),  # 30 days and 14.5 hours
        (date(2026, 8, 27), "old"),
        (date(2026, 8, 26), "dropped"),  # 90 days and 14.5 hours
        (date(1, 1, 1), "dropped"),
    ],
)
def test_a_figure_is_used_then_used_with_a_warning_then_not_used(
    measured: date | None, expected: str
) -> None:
    assert state(measured, LIMITS, NOW) == expected


def test_zero_means_that_nothing_is_ever_dropped() -> None:
    assert state(date(1, 1, 1), LatencyAge(warn=0, drop=0), NOW) == "old"


def test_a_fresh_table_is_as_it_was() -> None:
    fresh = table(Figure(1, measured=date(2026, 11, 1)), Figure(2), measured=date(2026, 11, 1))
    assert counting(fresh, LIMITS, NOW) == (fresh, [])


def test_an_old_table_is_used_with_a_warning_that_says_how_old_it_is() -> None:
    day = date(2026, 10, 1)
    old = table(Figure(1, measured=day, line=2), Figure(2, measured=day, line=3), measured=day)
    counted, problems = counting(old, LIMITS, NOW)
    assert counted == old
    assert [str(problem) for problem in problems] == [
        "t.csv:2:1: warning: all figures are old: measured up to 54 days ago, on 2026-10-01 "
        "(measure again, or set latency_age in the server file) [old-latency]"
    ]


def test_figures_that_are_too_old_are_gone_and_so_are_rows_that_have_no_other() -> None:
    day, late = date(2026, 1, 1), date(2026, 11, 1)
    rows = (
        TableRow("EU", {"a": Figure(1, measured=day, line=2), "b": Figure(2, measured=late)}),
        TableRow("AS1", {"a": Figure(3, measured=day, line=4)}),
        TableRow("AS2", {}),
    )
    counted, problems = counting(Table(Path("t.csv"), rows, late, FITTED), LIMITS, NOW)
    assert counted.rows == (TableRow("EU", {"b": Figure(2, measured=late)}), rows[2])
    assert counted.estimate == FITTED
    assert [(problem.id, problem.line) for problem in problems] == [("dropped-latency", 2)]
    assert problems[0].message.startswith("2 of 3 figures are not used: measured up to 327 days")


def test_an_estimate_is_as_old_as_its_table() -> None:
    assert counting(table(measured=date(2026, 1, 1)), LIMITS, NOW)[0].estimate is None


@given(
    days=st.dates(date(2020, 1, 1), date(2027, 1, 1)),
    now=st.floats(1.6e9, 1.9e9),
    warn=st.integers(0, 400),
    drop=st.integers(0, 400),
)
def test_what_counts_is_what_each_figure_alone_would_say(
    days: date, now: float, warn: int, drop: int
) -> None:
    limits = LatencyAge(warn=warn * DAY, drop=drop * DAY)
    figures = [Figure(1, measured=days + timedelta(days=shift)) for shift in range(-3, 4)]
    counted, problems = counting(table(*figures), limits, now)
    states = [state(figure.measured, limits, now) for figure in figures]
    assert [row.figures["a"] for row in counted.rows] == [
        figure for figure, found in zip(figures, states, strict=True) if found != "dropped"
    ]
    expected = {"dropped": "dropped-latency", "old": "old-latency"}
    assert {problem.id for problem in problems} == {
        expected[found] for found in states if found != "fresh"
    }


def test_age_counts_from_the_start_of_the_day() -> None:
    assert age(date(2026, 11, 24), NOW) == 14.5 * 3600
    assert age(date(2026, 11, 25), NOW) == 0
