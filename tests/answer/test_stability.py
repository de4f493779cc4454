"""Whatever changes, only the clients move whose share has to move.

Every client stands for a slot, so the properties are told of slots, without tolerance: nobody moves
between two endpoints of which nothing changed. Where a change says who moves and whereto, as many
move as the shares differ by (their total variation distance, counted in slots), which is the least
that could.

What is not the least possible, and why, is told by the properties at the end: several weights that
change at once, and a branch whose own tiers change while it can't take all of its share.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import pytest
from building import three_places
from hypothesis import given, settings
from hypothesis import strategies as st

from geodns.answer.compile import compile_image
from geodns.answer.image import Image
from geodns.answer.plan import Plan
from geodns.answer.resolve import A
from geodns.answer.service import EndpointState, States
from geodns.answer.shares import SLOTS, BranchOffer, Offer, Share, Usable, picks, walk
from geodns.config.settings import Configuration, Server, Services, Topology

quickly = settings(deadline=None, max_examples=60)

Tier = dict[str, tuple[float, float]]
"""By endpoint: weight and availability."""
Slots = list[str]
"""Who answers each slot."""


# --- what is looked at ------------------------------------------------------------------------


def offer(number: int, tier: Tier) -> Offer:
    return Offer(
        number,
        tuple(
            Usable(number * 100 + position, id, weight, availability, (0,), (0,))
            for position, (id, (weight, availability)) in enumerate(tier.items())
        ),
    )


def offers(tiers: Sequence[Tier]) -> tuple[Offer, ...]:
    return tuple(offer(number, tier) for number, tier in enumerate(tiers))


def slots(given: Sequence[Offer], ids: Mapping[int, str]) -> Slots:
    """Who answers each slot; empty where nobody does."""
    shares, left, _ = walk(given)
    if left:
        shares.append(Share(-1, left, "forced", ()))
    found = picks(tuple(shares), 1)
    found = found * SLOTS if len(found) == 1 else found
    return [ids[pick.addresses[0].endpoint] if pick.addresses else "" for pick in found]


def of_tiers(tiers: Sequence[Tier]) -> Slots:
    ids = {
        number * 100 + position: id
        for number, tier in enumerate(tiers)
        for position, id in enumerate(tier)
    }
    return slots(offers(tiers), ids)


def moves(before: Slots, after: Slots) -> Counter[tuple[str, str]]:
    return Counter((b, a) for b, a in zip(before, after, strict=True) if b != a)


def distance(before: Slots, after: Slots) -> int:
    """The total variation distance of the shares, in slots."""
    lost = Counter(before)
    lost.subtract(Counter(after))
    return sum(count for count in lost.values() if count > 0)


def as_few_as_can_be(before: Slots, after: Slots) -> bool:
    return sum(moves(before, after).values()) == distance(before, after)


# --- worlds -----------------------------------------------------------------------------------

weights = st.integers(1, 300).map(float)
partly = st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.75, 0.9, 1.0, 1.0])


@st.composite
def worlds(draw: st.DrawFn, availability: st.SearchStrategy[float] = partly) -> list[Tier]:
    """Up to four tiers of up to four endpoints; the last tier takes all that reaches it."""
    tiers: list[Tier] = []
    for number in range(draw(st.integers(1, 4))):
        count = draw(st.integers(1, 4))
        names = [f"web@t{number}-{at}" for at in range(count)]
        tiers.append({name: (draw(weights), draw(availability)) for name in names})
    tiers.append({"web@last": (1.0, 1.0)})
    return tiers


def with_change(tiers: list[Tier], number: int, **changed: tuple[float, float]) -> list[Tier]:
    """The world with some endpoints of one tier changed or added."""
    return [*tiers[:number], {**tiers[number], **changed}, *tiers[number + 1 :]]


def most_available(tier: Tier) -> float:
    return max(availability for _, availability in tier.values())


# --- endpoints within a tier ------------------------------------------------------------------


@quickly
@given(worlds(), weights, st.data())
def test_a_changed_weight_moves_clients_only_to_or_from_its_endpoint(
    world: list[Tier], new: float, data: st.DataObject
) -> None:
    number = data.draw(st.integers(0, len(world) - 1))
    id = data.draw(st.sampled_from(sorted(world[number])))
    old, availability = world[number][id]
    before = of_tiers(world)
    after = of_tiers(with_change(world, number, **{id: (new, availability)}))
    for one, other in moves(before, after):
        assert id == (other if new > old else one)
    assert as_few_as_can_be(before, after)


@quickly
@given(worlds(st.just(1.0)), weights, st.data())
def test_a_new_az_gets_its_share_and_nobody_else_moves(
    world: list[Tier], weight: float, data: st.DataObject
) -> None:
    number = data.draw(st.integers(0, len(world) - 1))
    before = of_tiers(world)
    after = of_tiers(with_change(world, number, **{"web@new": (weight, 1.0)}))
    assert {other for _, other in moves(before, after)} <= {"web@new"}
    assert as_few_as_can_be(before, after)
    # And the other way round: when it goes, only its clients do.
    assert {one for one, _ in moves(after, before)} <= {"web@new"}


@quickly
@given(worlds(), weights, partly, st.data())
def test_a_new_az_in_a_region_that_sheds_draws_clients_back_only_from_behind(
    world: list[Tier], weight: float, availability: float, data: st.DataObject
) -> None:
    number = data.draw(st.integers(0, len(world) - 1))
    behind = {id for tier in world[number + 1 :] for id in tier}
    before = of_tiers(world)
    after = of_tiers(with_change(world, number, **{"web@new": (weight, availability)}))
    for one, other in moves(before, after):
        assert other == "web@new" or (one in behind and other in world[number])


@quickly
@given(worlds(), st.data())
def test_a_drain_in_steps_moves_only_its_own_clients_and_whom_its_region_no_longer_takes(
    world: list[Tier], data: st.DataObject
) -> None:
    number = data.draw(st.integers(0, len(world) - 1))
    id = data.draw(st.sampled_from(sorted(world[number])))
    weight = world[number][id][0]
    others = max([0.0, *(a for other, (_, a) in world[number].items() if other != id)])
    behind = {other for tier in world[number + 1 :] for other in tier} | {""}
    steps = [1.0, 0.9, 0.5, 0.2, 0.05, 0.0]
    drained = [of_tiers(with_change(world, number, **{id: (weight, step)})) for step in steps]
    for (old, before), (new, after) in pairwise(zip(steps, drained, strict=True)):
        for one, other in moves(before, after):
            assert one == id or (one in world[number] and other in behind)
        if max(old, new) <= others:
            # Another AZ of the region still takes as much: nothing leaves the region.
            assert {one for one, _ in moves(before, after)} <= {id}
            assert not {other for _, other in moves(before, after)} & behind
            assert as_few_as_can_be(before, after)
    assert id not in drained[-1]


@quickly
@given(worlds(st.just(1.0)), st.data())
def test_a_drain_in_a_region_that_is_up_moves_as_few_as_can_be(
    world: list[Tier], data: st.DataObject
) -> None:
    number = data.draw(st.integers(0, len(world) - 1))
    id = data.draw(st.sampled_from(sorted(world[number])))
    weight = world[number][id][0]
    steps = [1.0, 0.7, 0.3, 0.0]
    drained = [of_tiers(with_change(world, number, **{id: (weight, step)})) for step in steps]
    for before, after in pairwise(drained):
        assert {one for one, _ in moves(before, after)} <= {id}
        assert as_few_as_can_be(before, after)


# --- tiers ------------------------------------------------------------------------------------


@quickly
@given(worlds(), st.floats(0.05, 0.95), st.data())
def test_a_region_that_sheds_load_loses_that_part_of_its_clients_and_nobody_else_moves(
    world: list[Tier], factor: float, data: st.DataObject
) -> None:
    number = data.draw(st.integers(0, len(world) - 2))
    less = {id: (weight, a * factor) for id, (weight, a) in world[number].items()}
    before = of_tiers(world)
    after = of_tiers([*world[:number], less, *world[number + 1 :]])
    behind = {id for tier in world[number + 1 :] for id in tier}
    for one, other in moves(before, after):
        assert one in world[number]
        assert other in behind
    assert as_few_as_can_be(before, after)
    if number == 0:
        # In numbers: the part that it had, but for one slot of 4096 where it is cut.
        held = sum(id in world[0] for id in after)
        assert held == pytest.approx(SLOTS * most_available(world[0]) * factor, abs=1)


@quickly
@given(worlds(), st.integers(0, 4), weights, partly)
def test_a_new_region_moves_only_clients_that_come_to_it(
    world: list[Tier], at: int, weight: float, availability: float
) -> None:
    number = min(at, len(world) - 1)
    new = {"web@new": (weight, availability)}
    before, after = of_tiers(world), of_tiers([*world[:number], new, *world[number:]])
    assert {other for _, other in moves(before, after)} <= {"web@new"}
    assert as_few_as_can_be(before, after)
    if number and any(most_available(tier) == 1.0 for tier in world[:number]):
        assert before == after, "nobody reaches it"


# --- branches ---------------------------------------------------------------------------------


@st.composite
def branched(draw: st.DrawFn) -> dict[str, tuple[float, list[Tier]]]:
    """Two to four branches with their shares, each with tiers of its own; the last takes all."""
    branches = {}
    for number in range(draw(st.integers(2, 4))):
        tiers = [
            {f"{number}@{at}-{az}": (draw(weights), draw(partly)) for az in "ab"}
            for at in range(draw(st.integers(0, 2)))
        ]
        tiers.append({f"{number}@last": (1.0, 1.0)})
        branches[f"branch{number}"] = (draw(weights), tiers)
    return branches


def of_branches(branches: Mapping[str, tuple[float, list[Tier]]]) -> Slots:
    ids: dict[int, str] = {}
    made = []
    for number, (name, (share, tiers)) in enumerate(branches.items()):
        within = []
        for at, tier in enumerate(tiers):
            first = (number * 10 + at + 1) * 100
            ids.update({first + position: id for position, id in enumerate(tier)})
            within.append(offer(number * 10 + at + 1, tier))
        made.append(BranchOffer(name, share, tuple(within)))
    return slots([Offer(0, (), tuple(made))], ids)


def branch_of(id: str) -> str:
    return f"branch{id.partition('@')[0]}"


@quickly
@given(branched(), weights, st.data())
def test_a_changed_share_of_a_branch_moves_clients_only_to_or_from_it(
    world: dict[str, tuple[float, list[Tier]]], new: float, data: st.DataObject
) -> None:
    name = data.draw(st.sampled_from(sorted(world)))
    old, tiers = world[name]
    before, after = of_branches(world), of_branches({**world, name: (new, tiers)})
    for one, other in moves(before, after):
        assert branch_of(one) != branch_of(other), "nobody moves within a branch"
        assert name == branch_of(other if new > old else one)
    # Not a slot more between branches; who comes to one falls in its tiers as its clients do.
    by_branch = [list(map(branch_of, each)) for each in (before, after)]
    assert as_few_as_can_be(by_branch[0], by_branch[1])
    assert sum(moves(before, after).values()) == distance(by_branch[0], by_branch[1])


@quickly
@given(branched(), partly, st.data())
def test_what_changes_within_a_branch_that_takes_all_of_its_share_moves_nobody_of_another(
    world: dict[str, tuple[float, list[Tier]]], availability: float, data: st.DataObject
) -> None:
    name = data.draw(st.sampled_from(sorted(world)))
    share, tiers = world[name]
    changed = [{id: (w, a * availability) for id, (w, a) in tiers[0].items()}, *tiers[1:]]
    if len(tiers) == 1:
        changed = [*changed, {f"{name[-1]}@more": (1.0, 1.0)}]
    before, after = of_branches(world), of_branches({**world, name: (share, changed)})
    for one, other in moves(before, after):
        assert branch_of(one) == branch_of(other) == name
    assert as_few_as_can_be(before, after)


@quickly
@given(branched(), partly, st.data())
def test_a_branch_that_cannot_take_all_of_its_share_leaves_it_to_the_others(
    world: dict[str, tuple[float, list[Tier]]], availability: float, data: st.DataObject
) -> None:
    name = data.draw(st.sampled_from(sorted(world)))
    share = world[name][0]
    fewer, more = (
        {**world, name: (share, [{f"{name[-1]}@one": (1.0, each)}])} for each in (availability, 1.0)
    )
    before, after = of_branches(more), of_branches(fewer)
    for one, other in moves(before, after):
        assert branch_of(one) == name != branch_of(other)
    assert sum(moves(before, after).values()) == distance(
        list(map(branch_of, before)), list(map(branch_of, after))
    )


# --- what is not the least possible -----------------------------------------------------------


@quickly
@given(st.lists(st.tuples(weights, weights), min_size=2, max_size=6))
def test_several_weights_changed_at_once_move_hardly_more_than_the_change(
    pairs: list[tuple[float, float]],
) -> None:
    """Two weighted draws by the same scores differ with a probability of at most 2 d / (1 + d).

    d is the total variation distance of the shares: Ertl, "ProbMinHash" (2020), 1, of the
    probability Jaccard similarity, which is at least (1 - d) / (1 + d). The rest is the sampling of
    4096 slots.
    """
    before, after = (
        {f"web@{at}": (pair[which], 1.0) for at, pair in enumerate(pairs)} for which in (0, 1)
    )
    totals = [sum(weight for weight, _ in tier.values()) for tier in (before, after)]
    d = sum(max(0.0, b / totals[0] - a / totals[1]) for b, a in pairs)
    moved = sum(moves(of_tiers([before]), of_tiers([after])).values()) / SLOTS
    sampling = 5 * (0.25 / SLOTS) ** 0.5
    assert moved <= 2 * d / (1 + d) + sampling


@quickly
@given(partly, partly, partly, weights, weights)
def test_a_branch_that_changes_inside_while_it_sheds_moves_no_more_than_both_changes(
    first: float, one: float, other: float, share: float, rest: float
) -> None:
    """It exchanges clients with other branches, and its own tiers take new parts of its clients."""

    def world(second: float) -> dict[str, tuple[float, list[Tier]]]:
        tiers: list[Tier] = [{"0@a": (1.0, first)}, {"0@b": (1.0, second)}]
        return {"branch0": (share, tiers), "branch1": (rest, [{"1@a": (1.0, 1.0)}])}

    able = [1 - (1 - first) * (1 - second) for second in (one, other)]
    outside = [share * each / (share * each + rest) for each in able]
    inside = [first / each if each else 1.0 for each in able]
    bound = abs(outside[0] - outside[1]) + min(outside) * abs(inside[0] - inside[1])
    moved = sum(moves(of_branches(world(one)), of_branches(world(other))).values()) / SLOTS
    assert moved <= bound + 5 * (0.25 / SLOTS) ** 0.5


# --- the same of whole configurations ---------------------------------------------------------

PLACES = {"eu": (50.11, 8.68), "us": (38.9, -77.45), "jp": (35.68, 139.76)}
CLIENTS = {"Frankfurt": 10 << 24, "Virginia": 20 << 24, "Tokyo": 30 << 24, "nowhere": 0}


def region(name: str, where: tuple[float, float], azs: Mapping[str, Any], first: int) -> Any:
    return {
        "location": where,
        "availability_zones": {
            f"{name}-{az}": {
                "endpoints": {"web": {"addresses": [f"192.0.2.{first + at}"], **settings}}
            }
            for at, (az, settings) in enumerate(azs.items())
        },
    }


def compiled(azs: Mapping[str, Mapping[str, Any]], steering: Any) -> Image:
    """``azs`` by region: settings of each AZ's endpoint of the service web."""
    places = {"au": (-33.9, 151.2), "za": (-26.2, 28.0), **PLACES}
    regions = {
        name: region(name, places[name], each, 1 + 10 * number)
        for number, (name, each) in enumerate(azs.items())
    }
    return compile_image(
        Configuration(
            server=Server(),
            topology=Topology.model_validate({"regions": regions}),
            services=Services.model_validate({"services": {"web": {"steering": steering}}}),
            latency=(),
            zones=(),
            files=(),
        ),
        three_places(),
    )


def answers(image: Image, address: int, states: States) -> Slots:
    """Who answers each slot of a client's class."""
    plan = Plan(image.services[0], A, states)
    number = image.locations[plan.location].find_v4(address)[0] if plan.location >= 0 else 0
    table = plan.build(number)
    found = [plan.picks[table[0 if len(table) == 1 else slot]] for slot in range(SLOTS)]
    endpoints = plan.service.endpoints
    return [endpoints[pick.addresses[0].endpoint].id for pick in found]


AZS: dict[str, dict[str, Any]] = {
    "eu": {"a": {"weight": 30}, "b": {"weight": 100}},
    "us": {"a": {}, "b": {}},
    "jp": {"a": {}},
}
STEERINGS = (
    "latency",
    {"nearest": {"within": "25%"}},
    [{"latency": {"within": "60ms"}}, {"weight": "equal"}],
    {"weighted": {"of": {"eu": 2, "us": 1}}},
    [{"weight": {"of": {"jp": 3, "us-a": 1, "eu": 2}}}],
    "failover",
)
shedding = st.fixed_dictionaries(
    {f"web@{az}": partly for az in ("eu-a", "eu-b", "us-a", "us-b")}
).map(lambda each: {id: EndpointState(a) for id, a in each.items()})
"""Tokyo is always up, so that nothing has to be answered as if all were."""


@settings(deadline=None, max_examples=40)
@given(st.sampled_from(STEERINGS), shedding, st.sampled_from(sorted(CLIENTS)))
def test_an_az_that_is_added_to_a_region_draws_clients_only_to_itself_or_back_to_its_region(
    steering: Any, states: States, client: str
) -> None:
    grown = {**AZS, "us": {**AZS["us"], "c": {}}}
    before = answers(compiled(AZS, steering), CLIENTS[client], states)
    after = answers(compiled(grown, steering), CLIENTS[client], states)
    ups = {one.availability for id, one in states.items() if "us-" in id}
    for one, other in moves(before, after):
        # A region, or regions that share, of which none could take all: now one can. Tokyo is
        # where their clients had spilled to.
        back = one == "web@jp-a" or ("us-" in other and "us-" not in one)
        assert other == "web@us-c" or (back and 1.0 not in ups)


@settings(deadline=None, max_examples=40)
@given(st.sampled_from(STEERINGS), shedding, st.sampled_from(sorted(CLIENTS)))
def test_a_region_that_is_added_draws_clients_only_to_itself(
    steering: Any, states: States, client: str
) -> None:
    """Wherever it comes in the order of tiers; ``au`` is first in the file, so all are renumbered.

    In the band of other regions it makes a tier of more, of which no slot but its own moves while
    that takes all of its clients.
    """
    everywhere = {} if "within" in str(steering) else states
    before = answers(compiled(AZS, steering), CLIENTS[client], everywhere)
    after = answers(compiled({**AZS, "au": {"a": {}}}, steering), CLIENTS[client], everywhere)
    assert {other for _, other in moves(before, after)} <= {"web@au-a"}


@settings(deadline=None, max_examples=30)
@given(shedding, st.sampled_from(["Frankfurt", "Virginia"]))
def test_a_region_outside_of_all_bands_moves_nobody_of_a_band_that_is_up(
    states: States, client: str
) -> None:
    # Australia is some 200 ms from both, and the bands are of 60 ms.
    steering = [{"latency": {"within": "60ms"}}]
    up = {**states, "web@eu-a": EndpointState(1.0), "web@us-a": EndpointState(1.0)}
    before = answers(compiled(AZS, steering), CLIENTS[client], up)
    after = answers(compiled({**AZS, "au": {"a": {}}}, steering), CLIENTS[client], up)
    assert before == after


@settings(deadline=None, max_examples=40)
@given(st.sampled_from(STEERINGS), shedding, st.integers(1, 500), st.sampled_from(sorted(CLIENTS)))
def test_a_weight_that_is_changed_in_the_file_moves_clients_only_to_or_from_its_endpoint(
    steering: Any, states: States, weight: int, client: str
) -> None:
    changed = {**AZS, "eu": {**AZS["eu"], "b": {"weight": weight}}}
    before = answers(compiled(AZS, steering), CLIENTS[client], states)
    after = answers(compiled(changed, steering), CLIENTS[client], states)
    assert all("web@eu-b" in move for move in moves(before, after))
    assert as_few_as_can_be(before, after)


@settings(deadline=None, max_examples=30)
@given(shedding, st.integers(0, 10), st.integers(1, 10), st.sampled_from(sorted(CLIENTS)))
def test_a_share_that_is_changed_in_the_file_moves_clients_only_to_or_from_its_region(
    states: States, old: int, new: int, client: str
) -> None:
    # Regions that are up take all of theirs: what else moves is told above, of branches.
    up = {**states, "web@eu-a": EndpointState(1.0), "web@us-b": EndpointState(1.0)}
    found = [
        answers(
            compiled(AZS, {"weighted": {"of": {"eu": share, "us": 3, "jp": 2}}}),
            CLIENTS[client],
            up,
        )
        for share in (old, new)
    ]
    for one, other in moves(found[0], found[1]):
        assert ("eu-" in one) != ("eu-" in other)
    assert old != new or found[0] == found[1]
