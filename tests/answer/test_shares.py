"""Availability turns into shares, shares into slots; a change moves only who has to move."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geodns.answer.shares import SLOTS, Offer, Pick, Share, Usable, picks, walk


def _tier(number: int, *endpoints: tuple[str, int, float]) -> Offer:
    usable = [
        Usable(number * 10 + n, id, weight, availability, (0,), (0,))
        for n, (id, weight, availability) in enumerate(endpoints)
    ]
    return Offer(number, tuple(usable))


def _summary(shares: list[Share]) -> list[tuple[int, float, str]]:
    return [(share.tier, round(share.share, 6), share.reason) for share in shares]


@pytest.mark.parametrize(
    ("offers", "expected", "left"),
    [
        ([_tier(0, ("a", 1, 1.0)), _tier(1, ("b", 1, 1.0))], [(0, 1.0, "nearest")], 0),
        ([_tier(0, ("a", 1, 0.0)), _tier(1, ("b", 1, 1.0))], [(1, 1.0, "failover")], 0),
        (
            [_tier(0, ("a", 1, 0.6)), _tier(1, ("b", 1, 1.0))],
            [(0, 0.6, "nearest"), (1, 0.4, "spill")],
            0,
        ),
        # One AZ of the region still takes its whole share: nothing leaves the region.
        (
            [_tier(0, ("a", 1, 0.2), ("b", 1, 1.0)), _tier(1, ("c", 1, 1.0))],
            [(0, 1.0, "nearest")],
            0,
        ),
        (
            [_tier(0, ("a", 1, 0.5)), _tier(1, ("b", 1, 0.5))],
            [(0, 0.5, "nearest"), (1, 0.25, "spill")],
            0.25,
        ),
        # Who has no weight takes what the others of the tier can't, before the next tier does.
        (
            [_tier(0, ("a", 1, 0.4), ("b", 0, 0.5)), _tier(1, ("c", 1, 1.0))],
            [(0, 0.4, "nearest"), (0, 0.3, "spill"), (1, 0.3, "spill")],
            0,
        ),
        (
            [_tier(0, ("a", 1, 0.0), ("b", 0, 1.0)), _tier(1, ("c", 1, 1.0))],
            [(0, 1.0, "nearest")],
            0,
        ),
        ([_tier(0, ("a", 1, 0.0))], [], 1),
        ([], [], 1),
    ],
)
def test_tiers_take_what_their_availability_allows(
    offers: list[Offer], expected: list[tuple[int, float, str]], left: float
) -> None:
    shares, remaining, _ = walk(offers)
    assert _summary(shares) == expected
    assert remaining == pytest.approx(left)


def _slots(*offers: Offer, most: int = 1) -> list[Pick]:
    shares, left, _ = walk(offers)
    assert left == 0
    return list(picks(tuple(shares), most))


def _first(found: list[Pick]) -> list[int]:
    return [pick.addresses[0].endpoint for pick in found]


def test_a_single_choice_needs_no_slots() -> None:
    assert len(_slots(_tier(0, ("a", 5, 1.0)))) == 1


def test_endpoints_share_by_weight() -> None:
    counts = Counter(_first(_slots(_tier(0, ("a", 300, 1.0), ("b", 100, 1.0)))))
    assert counts[0] / SLOTS == pytest.approx(0.75, abs=0.03)


def test_an_endpoint_of_weight_zero_takes_nothing_while_another_has_weight() -> None:
    assert set(_first(_slots(_tier(0, ("a", 0, 1.0), ("b", 1, 1.0))))) == {1}


def test_endpoints_that_all_have_weight_zero_share_equally() -> None:
    counts = Counter(_first(_slots(_tier(0, ("a", 0, 1.0), ("b", 0, 1.0)))))
    assert counts[0] / SLOTS == pytest.approx(0.5, abs=0.03)


@settings(deadline=None)
@given(st.lists(st.integers(1, 500), min_size=2, max_size=6), st.data())
def test_when_an_endpoint_goes_only_its_clients_move(
    weights: list[int], data: st.DataObject
) -> None:
    gone = data.draw(st.integers(0, len(weights) - 1))
    tier = [(f"e{n}", weight, 1.0) for n, weight in enumerate(weights)]
    without = [(id, weight, 0.0 if n == gone else 1.0) for n, (id, weight, _) in enumerate(tier)]
    before, after = _first(_slots(_tier(0, *tier))), _first(_slots(_tier(0, *without)))
    after = after * SLOTS if len(after) == 1 else after
    assert all(a == b for b, a in zip(before, after, strict=False) if b != gone)
    assert gone not in after


@settings(deadline=None)
@given(st.integers(1, 200), st.integers(1, 200), st.integers(1, 200))
def test_a_changed_weight_moves_clients_only_to_or_from_it(old: int, new: int, other: int) -> None:
    before = _first(_slots(_tier(0, ("a", old, 1.0), ("b", other, 1.0), ("c", other, 1.0))))
    after = _first(_slots(_tier(0, ("a", new, 1.0), ("b", other, 1.0), ("c", other, 1.0))))
    moved = {(b, a) for b, a in zip(before, after, strict=True) if a != b}
    assert moved <= ({(1, 0), (2, 0)} if new > old else {(0, 1), (0, 2)})


@settings(deadline=None)
@given(st.floats(0.01, 0.99), st.floats(0.01, 0.99))
def test_a_tier_that_sheds_keeps_the_clients_that_it_can_serve(one: float, two: float) -> None:
    less, more = sorted((one, two))
    before = _first(_slots(_tier(0, ("a", 1, more)), _tier(1, ("b", 1, 1.0))))
    after = _first(_slots(_tier(0, ("a", 1, less)), _tier(1, ("b", 1, 1.0))))
    assert {(b, a) for b, a in zip(before, after, strict=True) if a != b} <= {(0, 10)}
    assert after.count(0) == pytest.approx(less * SLOTS, abs=1)


def test_several_addresses_come_from_different_endpoints_first() -> None:
    two_each = Offer(
        0, (Usable(0, "a", 1, 1.0, (0, 1), (0, 1)), Usable(1, "b", 1, 1.0, (0, 1), (0, 1)))
    )
    for pick in _slots(two_each, most=3):
        assert len(pick.addresses) == 3
        assert {address.endpoint for address in pick.addresses[:2]} == {0, 1}
        assert len(set(pick.addresses)) == 3


@pytest.mark.parametrize("share", [1 / 4096, 0.1, 0.5, 0.75, 4095 / 4096])
def test_what_the_first_tier_takes_is_exact_to_one_slot(share: float) -> None:
    found = _first(_slots(_tier(0, ("a", 1, share)), _tier(1, ("b", 1, 1.0))))
    assert found.count(0) == round(share * SLOTS)


def test_what_spills_is_drawn_among_the_slots_that_are_left() -> None:
    found = _first(
        _slots(_tier(0, ("a", 1, 0.5)), _tier(1, ("b", 1, 0.5)), _tier(2, ("c", 1, 1.0)))
    )
    # 2048 of 4096 slots are left, of which the second tier takes those of the first half of its own
    # order: hypergeometric, with a standard deviation of 16 slots.
    assert found.count(0) == 2048
    assert found.count(10) == pytest.approx(1024, abs=5 * 16)


def test_who_has_no_weight_serves_only_while_the_others_of_the_tier_cannot() -> None:
    part = _first(_slots(_tier(0, ("a", 3, 0.25), ("b", 0, 1.0), ("c", 0, 1.0))))
    counts = Counter(part)
    assert counts[0] == SLOTS / 4
    assert counts[1] / SLOTS == pytest.approx(0.375, abs=0.03)
    assert counts[2] / SLOTS == pytest.approx(0.375, abs=0.03)


@pytest.mark.parametrize(("most", "together"), [(1, 1), (2, 2), (3, 3), (4, 3)])
def test_an_answer_has_as_many_addresses_as_are_asked_for_if_there_are_so_many(
    most: int, together: int
) -> None:
    three = _tier(0, ("a", 1, 1.0), ("b", 1, 1.0), ("c", 1, 1.0))
    assert {len(pick.addresses) for pick in _slots(three, most=most)} == {together}


@pytest.mark.parametrize(
    ("groups", "expected"),
    [
        # Both addresses of a region only when every other region has been.
        (("eu", "eu", "us"), {(0, 10), (10, 0), (1, 10), (10, 1)}),
        # However it comes.
        (("*", "*", "*"), {(0, 1), (1, 0), (0, 10), (10, 0), (1, 10), (10, 1)}),
    ],
)
def test_what_answers_are_spread_over_does_not_stand_twice_before_all_else_has(
    groups: tuple[str, str, str], expected: set[tuple[int, int]]
) -> None:
    numbers = (0, 1, 10)
    tier = Offer(
        0,
        tuple(
            Usable(number, f"e{number}", 1, 1.0, (0,), (0,), group)
            for number, group in zip(numbers, groups, strict=True)
        ),
    )
    found = {tuple(one.endpoint for one in pick.addresses) for pick in _slots(tier, most=2)}
    assert found == expected
