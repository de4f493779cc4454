"""A synthetic day around the world: calm with the server's rules, and not with the bare curve."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geodns.answer.shares import Offer, Usable, walk
from geodns.load.controllers import Controller, Damped, Plain, example_rules
from geodns.load.simulation import Course, shares, simulate
from geodns.load.swings import longest, reversals
from geodns.load.world import HOUR, World, Zone, example_day

# A swing is a turn of more than what the noise of demand, 4 %, moves on the curve.
SWING = 0.2
SETTLING = 300.0  # seconds: lag of clients, smoothing and a full fall, three times over
MARGIN = 1.05
WORLD = example_day()
NIGHT = {"eu": 4 * HOUR, "us": 11 * HOUR, "asia": 20 * HOUR}  # five in the morning there


@cache
def day(kind: str) -> Course:
    rules = example_rules(WORLD)
    controllers: dict[str, Callable[[], Controller]] = {
        "damped": lambda: Damped(rules, WORLD.zones),
        "by load": lambda: Damped(rules, WORLD.zones, by_load=True),
        "plain": lambda: Plain(rules.marks),
    }
    return simulate(WORLD, controllers[kind]())


def overloaded(world: World, course: Course, zone: Zone) -> float:
    """The longest time in which an AZ is over its capacity while the others have room for it."""
    flags = []
    for number, used in enumerate(course.utilisation[zone.name]):
        room = sum(
            other.capacity * max(0.0, 1 - course.utilisation[other.name][number])
            for other in world.zones
            if course.availability[other.name][number] > 0
        )
        flags.append(used > MARGIN and room > (used - 1) * zone.capacity)
    return longest(flags, world.step)


def turns(course: Course) -> int:
    return max(reversals(values, SWING) for values in course.availability.values())


@pytest.mark.parametrize("kind", ["damped", "by load"])
def test_a_day_has_no_swings(kind: str) -> None:
    # Down and up for an evening, and again for a crowd or for a lost AZ.
    assert turns(day(kind)) <= 4


@pytest.mark.parametrize("kind", ["damped", "by load"])
def test_no_az_is_overloaded_for_long_while_another_has_room(kind: str) -> None:
    for zone in WORLD.zones:
        assert overloaded(WORLD, day(kind), zone) <= SETTLING


@pytest.mark.parametrize("kind", ["damped", "by load"])
def test_everything_is_back_at_night(kind: str) -> None:
    for zone in WORLD.zones:
        step = int(NIGHT[zone.region] / WORLD.step)
        assert day(kind).availability[zone.name][step] == 1.0


def test_the_day_asks_for_shedding_at_all() -> None:
    lowest = {name: min(values) for name, values in day("damped").availability.items()}
    assert all(lowest[name] < 0.8 for name in ("eu-a", "eu-b", "us-b", "asia-a"))


def test_answers_change_seldom() -> None:
    course = day("damped")
    changes = sum(
        before != after
        for values in course.availability.values()
        for before, after in pairwise(values)
    )
    assert changes < len(course.times) / 10


def test_without_damping_the_same_day_swings_all_evening() -> None:
    assert turns(day("plain")) > 500


@pytest.mark.parametrize("ttl", [5.0, 60.0, 120.0])
def test_clients_may_follow_faster_or_slower_than_they_should(ttl: float) -> None:
    world = replace(WORLD, ttl=ttl)
    assert turns(simulate(world, Damped(example_rules(WORLD), world.zones))) <= 5


def test_a_world_that_asks_for_twice_what_it_has_is_evenly_full() -> None:
    clients = tuple(place._replace(peak=2.5 * place.peak) for place in WORLD.clients)
    world = replace(WORLD, clients=clients, outages=(), surges=())
    course = simulate(world, Damped(example_rules(world), world.zones))
    assert all(max(moment) == 1.0 for moment in zip(*course.availability.values(), strict=True))
    busiest = max(
        range(len(course.times)),
        key=lambda number: min(values[number] for values in course.utilisation.values()),
    )
    at_peak = [values[busiest] for values in course.utilisation.values()]
    assert min(at_peak) > 1
    assert max(at_peak) / min(at_peak) < 1.5


availabilities = st.sampled_from((0.0, 0.25, 0.5, 1.0))


@settings(max_examples=100)
@given(st.lists(st.tuples(availabilities, st.integers(1, 5)), min_size=4, max_size=4))
def test_clients_of_the_simulation_go_where_the_answers_send_them(
    states: list[tuple[float, int]],
) -> None:
    zones = [
        Zone(f"az-{number}", f"region-{number // 2}", 1.0, weight)
        for number, (_, weight) in enumerate(states)
    ]
    ranking = ("region-1", "region-0")
    found = shares(
        zones, ranking, {z.name: (s, 1.0) for z, (s, _) in zip(zones, states, strict=True)}
    )
    offers = [
        Offer(tier, tuple(
            Usable(number, zone.name, int(zone.weight), states[number][0], (0,), (0,))
            for number, zone in enumerate(zones) if zone.region == region
        ))
        for tier, region in enumerate(ranking)
    ]  # fmt: skip
    expected = {zone.name: 0.0 for zone in zones}
    for share in walk(offers).shares:
        total = sum(candidate.weight for candidate in share.candidates)
        for candidate in share.candidates:
            name = zones[candidate.address.endpoint].name
            expected[name] += share.share * candidate.weight / total
    assert found == pytest.approx(expected, abs=1e-3)
