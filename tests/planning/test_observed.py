"""Rates of a service from what a server counted, since its start or between two looks."""

from __future__ import annotations

from typing import Any

import pytest

from geodns.planning.demand import DemandRow
from geodns.planning.observed import ObservationError, between, since_start


def _told(
    at: float, answers: dict[str, int], groups: dict[str, dict[str, tuple[int, float]]]
) -> dict[str, Any]:
    """``groups``: by services, as ``web api``, and client: queries and rate."""
    return {
        "at": at,
        "pid": 7,
        "answers": answers,
        "groups": [
            {
                "services": services.split(),
                "clients": [
                    {"client": client, "queries": queries, "rate": rate}
                    for client, (queries, rate) in clients.items()
                ],
            }
            for services, clients in groups.items()
        ],
    }


def _by_client(rows: list[DemandRow]) -> dict[str, float]:
    return {row.client.text: row.demand for row in rows}


def test_since_the_start_rates_are_as_the_server_tells_them() -> None:
    told = _told(
        0,
        {"web": 10, "api": 5},
        {"web": {"EU-DE": (10, 2.5), "default": (0, 0.0)}, "api": {"EU-DE": (5, 9.0)}},
    )
    assert _by_client(since_start(told, "web")) == {"EU-DE": 2.5}


def test_services_that_are_counted_together_get_their_part_of_the_answers() -> None:
    told = _told(
        0, {"web": 30, "api": 10}, {"api web": {"EU-DE": (40, 4.0)}, "web": {"EU-DE": (1, 1.0)}}
    )
    assert _by_client(since_start(told, "web")) == {"EU-DE": 4.0 * 0.75 + 1.0}
    assert _by_client(since_start(told, "api")) == {"EU-DE": 1.0}
    silent = _told(0, {}, {"api web": {"EU-DE": (40, 4.0)}})
    assert _by_client(since_start(silent, "web")) == {"EU-DE": 2.0}, "equal parts: nothing is known"


def test_between_two_looks_only_what_came_in_between_counts() -> None:
    before = _told(100, {"web": 50}, {"web": {"EU-DE": (40, 0), "NA-US": (10, 0)}})
    after = _told(110, {"web": 80}, {"web": {"EU-DE": (60, 0), "NA-US": (5, 0), "AS": (15, 0)}})
    # Less than before: a worker ended meanwhile. It is no negative demand.
    assert _by_client(between(before, after, "web")) == {"EU-DE": 2.0, "AS": 1.5}


def test_between_two_looks_answers_are_told_apart_by_what_came_in_between() -> None:
    before = _told(100, {"web": 1000, "api": 0}, {"api web": {"EU-DE": (1000, 0)}})
    after = _told(110, {"web": 1010, "api": 30}, {"api web": {"EU-DE": (1040, 0)}})
    assert _by_client(between(before, after, "api")) == {"EU-DE": 3.0}


def test_a_server_that_was_restarted_can_t_be_compared() -> None:
    before, after = _told(100, {}, {}), _told(110, {}, {})
    with pytest.raises(ObservationError, match="started anew"):
        between(before, after | {"pid": 8}, "web")


@pytest.mark.parametrize(
    "told", [{}, {"groups": 1, "answers": {}}, {"groups": [{}], "answers": {}}]
)
def test_what_is_no_answer_of_ours_is_told(told: dict[str, Any]) -> None:
    with pytest.raises(ObservationError, match="not understood"):
        since_start(told, "web")
    odd = _told(0, {"web": 1}, {"web": {"Mars": (1, 1.0)}})
    with pytest.raises(ObservationError, match="not understood"):
        since_start(odd, "web")
