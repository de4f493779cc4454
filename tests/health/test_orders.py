"""Drains and forces as functions of time, over made-up orders."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from geodns.config.settings import Endpoint
from geodns.health.orders import Order, Ordered, Orders
from geodns.health.plan import PlannedEndpoint

seconds = st.floats(0, 1000)
WEB = PlannedEndpoint("web@eu-a", "web", Endpoint(), "eu-a", "eu", ())


@st.composite
def drains(draw: st.DrawFn, id: str = "eu-a") -> Order:
    since = draw(seconds)
    until = draw(st.none() | st.floats(0, 1000).map(lambda wait: since + wait))
    return Order(
        id, "drain", since, "anna", "", until, draw(seconds), draw(seconds), draw(st.floats(0, 1))
    )


@pytest.mark.parametrize(
    ("wall", "factor"),
    [(100, 1.0), (150, 0.5), (200, 0.0), (299, 0.0), (300, 0.0), (310, 0.5), (320, 1.0), (900, 1)],
)
def test_a_ramped_drain_falls_stays_and_comes_back(wall: float, factor: float) -> None:
    drain = Order("eu", "drain", 100, "anna", "disks", until=300, over=100, back=20)
    assert drain.factor(wall) == pytest.approx(factor)
    assert drain.over_at() == 320


def test_a_drain_without_a_ramp_holds_at_once_and_ends_at_once() -> None:
    drain = Order("eu", "drain", 100, "anna", until=200)
    assert [drain.factor(wall) for wall in (100, 199, 200)] == [0, 0, 1]


def test_a_drain_that_is_ended_half_way_comes_back_from_there() -> None:
    drain = Order("eu", "drain", 0, "anna", over=100).ended(50, back=100)
    assert [drain.factor(wall) for wall in (50, 75, 100)] == [0.5, 0.75, 1]
    again = drain.ended(75, back=10)
    assert again.factor(75) == pytest.approx(0.75)
    assert again.factor(77.5) == pytest.approx(1)


@given(drains(), st.floats(0, 4000))
def test_a_factor_is_a_share_and_is_whole_again_at_the_end(drain: Order, wall: float) -> None:
    assert 0 <= drain.factor(wall) <= 1
    end = drain.over_at()
    if end is not None:
        assert drain.factor(end + 1e-6) == pytest.approx(1)
    if wall >= drain.drained_at() + 1e-6 and (drain.until is None or wall < drain.until):
        assert drain.factor(wall) == pytest.approx(0, abs=1e-6)


@given(drains(), st.floats(0, 3000), seconds)
def test_ending_a_drain_does_not_jump_when_it_has_a_way_back(
    drain: Order, wall: float, back: float
) -> None:
    back = max(back, 1.0)
    if wall < drain.since:
        return
    before = drain.factor(wall)
    assert drain.ended(wall, back).factor(wall) == pytest.approx(before, abs=1e-6)


@given(drains())
def test_whoever_looks_when_told_sees_every_step(drain: Order) -> None:
    """Between two looks nothing changes by more than a step of the ramp or half a second of it."""
    wall: float | None = drain.since
    looks = []
    for _ in itertools.repeat(None, 400):
        if wall is None:
            break
        looks.append(wall)
        wall = drain.next_change(wall)
    assert wall is None  # and then it stays
    for early, late in itertools.pairwise(looks):
        way = drain.back if drain.until is not None and early >= drain.until else drain.over
        if way:
            most = max(1 / 64, 0.5 / way) + 1e-6
            inside = drain.factor(early), drain.factor(late - 1e-9 * late)
            assert abs(inside[0] - inside[1]) <= most + 1e-4


def test_orders_on_region_az_and_endpoint_multiply_and_say_why() -> None:
    orders = Orders(
        [
            Order("eu", "drain", 0, "anna", "fewer", over=100),
            Order("eu-a", "drain", 0, "ben", over=100),
            Order("web@eu-a", "force", 0, "cleo", "the check is wrong"),
        ]
    )
    found = orders.on(WEB, 50)
    assert found.factor == 0.25
    assert found.forced
    assert found.reason == (
        "eu is being drained by anna: fewer; eu-a is being drained by ben; "
        "web@eu-a is forced up by cleo: the check is wrong"
    )
    elsewhere = WEB._replace(id="web@us-a", availability_zone="us-a", region="us")
    assert orders.on(elsewhere, 50) == Ordered()


def test_an_order_that_is_over_is_forgotten() -> None:
    orders = Orders([Order("eu", "drain", 0, "anna", until=10), Order("eu", "force", 0, "anna")])
    assert [order.kind for order in orders.current(10).all.values()] == ["force"]
    assert len(orders.current(9).all) == 2
