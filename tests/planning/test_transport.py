"""The transportation problem: against optima by hand, and against min-cost flow by networkx."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import networkx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from geodns.planning.transport import (
    Instance,
    ShortageError,
    effective_price,
    solve,
)

_INF = np.inf


def _instance(
    demand: Sequence[float],
    cost: Sequence[Sequence[float]],
    capacity: Sequence[float],
    present: Sequence[Sequence[float]] | None = None,
    move_price: float = 0.0,
) -> Instance:
    costs = np.array(cost, dtype=float)
    shares = np.zeros_like(costs) if present is None else np.array(present, dtype=float)
    return Instance(
        np.array(demand, dtype=float), costs, np.array(capacity, dtype=float), shares, move_price
    )


def _total(instance: Instance, share: NDArray[Any]) -> float:
    finite = np.where(np.isfinite(instance.cost), instance.cost, 0.0)
    return float((instance.demand[:, None] * share * finite).sum())


def test_everyone_goes_to_the_nearest_where_there_is_room() -> None:
    found = solve(_instance([10, 20], [[5, 50], [60, 6]], [100, 100]))
    assert found.share.tolist() == [[1, 0], [0, 1]]
    assert found.worth.tolist() == [0, 0]


def test_the_client_that_loses_least_gives_way() -> None:
    # 30 units want region 0, which has room for 20. The first client would lose 45 ms for each
    # unit, the second only 4: the second gives way.
    found = solve(_instance([15, 15], [[5, 50], [6, 10]], [20, 100]))
    assert found.share == pytest.approx(np.array([[1, 0], [1 / 3, 2 / 3]]))
    assert found.worth == pytest.approx([4, 0], abs=0.01), "one more unit saves 10 - 6"


def test_a_chain_of_displacements_is_found() -> None:
    # Client 0 can only use region 0; client 1 is pushed from 0 to 1, and client 2 from 1 to 2.
    cost = [[5, _INF, _INF], [5, 10, _INF], [_INF, 10, 12]]
    found = solve(_instance([10, 10, 10], cost, [10, 10, 10]))
    assert found.share == pytest.approx(np.eye(3))


def test_a_capacity_that_is_met_exactly_is_no_shortage() -> None:
    found = solve(_instance([0.1, 0.2], [[1, 2], [1, 2]], [0.3 * 0.5, 0.3 * 0.5]))
    assert found.share.sum() == pytest.approx(2)


def test_demands_of_very_different_size_are_all_served_well() -> None:
    demand = [1e-6, 1e3, 1e9]
    found = solve(_instance(demand, [[1, 300], [1, 300], [1, 10]], [1e6, 1e10]))
    assert found.share[:2] == pytest.approx(np.array([[1, 0], [1, 0]]))


def test_a_client_without_demand_goes_to_its_cheapest_region_with_capacity() -> None:
    found = solve(_instance([0, 10], [[1, 2, 3], [1, 2, 3]], [0, 5, 5]))
    assert found.share[0].tolist() == [0, 1, 0]


def test_moving_is_free_up_to_the_present_share_and_costs_beyond() -> None:
    # At present both clients are half in each region. The client would gain 8 ms by moving
    # whole to region 0: worth it at a price of 7, not at one of 9.
    half = [[0.5, 0.5]]
    cheap = solve(_instance([10], [[2, 10]], [_INF, _INF], half, 7))
    dear = solve(_instance([10], [[2, 10]], [_INF, _INF], half, 9))
    assert cheap.share.tolist() == [[1, 0]]
    assert dear.share == pytest.approx(np.array([[0.5, 0.5]]))


def test_of_equally_good_assignments_the_present_one_stays() -> None:
    present = [[0.3, 0.7], [0.9, 0.1]]
    found = solve(_instance([10, 10], [[5, 5], [5, 5]], [15, 15], present))
    assert found.share == pytest.approx(np.array(present))


def test_more_demand_than_capacity_is_refused_with_the_amount() -> None:
    with pytest.raises(ShortageError) as caught:
        solve(_instance([60, 60], [[5, 50], [6, 10]], [50, 50]))
    assert caught.value.missing == pytest.approx(20)
    assert caught.value.clients == (0, 1)
    assert caught.value.regions == (0, 1)


def test_the_bottleneck_is_those_who_have_no_way_out() -> None:
    # Clients 0 and 1 must stay in regions 0 and 1, which client 2 has nothing to do with.
    cost = [[5, 9, _INF], [5, _INF, _INF], [_INF, _INF, 5]]
    with pytest.raises(ShortageError) as caught:
        solve(_instance([30, 30, 1], cost, [20, 15, 1000]))
    assert caught.value.missing == pytest.approx(25)
    assert caught.value.clients == (0, 1)
    assert caught.value.regions == (0, 1)


def test_a_client_that_no_region_may_serve_is_the_bottleneck_itself() -> None:
    with pytest.raises(ShortageError) as caught:
        solve(_instance([7, 1], [[_INF], [5]], [100]))
    assert caught.value.missing == pytest.approx(7)
    assert (caught.value.clients, caught.value.regions) == ((0,), ())


# --- random instances -----------------------------------------------------------------------


@st.composite
def _instances(draw: st.DrawFn) -> Instance:
    clients, regions = draw(st.integers(1, 6)), draw(st.integers(1, 4))
    demand = [float(draw(st.integers(0, 20))) for _ in range(clients)]
    cost = [[float(draw(st.integers(0, 50))) for _ in range(regions)] for _ in range(clients)]
    if draw(st.booleans()):  # some arcs are closed
        for row in cost:
            for at in range(regions):
                row[at] = _INF if draw(st.integers(0, 4)) == 0 else row[at]
    total = int(sum(demand))
    capacity = [
        draw(st.one_of(st.integers(0, max(1, total)), st.just(_INF))) for _ in range(regions)
    ]
    # Whole units, so that the flow of networkx, which counts in integers, is exact.
    present = [[0.0] * regions for _ in range(clients)]
    for row, amount in zip(present, demand, strict=True):
        for _ in range(int(min(amount, 3))):
            row[draw(st.integers(0, regions - 1))] += 1 / max(amount, 1)
    return _instance(demand, cost, capacity, present, draw(st.integers(0, 30)))


def _by_network_flow(instance: Instance, price: int) -> int | None:
    """The lowest total of a min-cost flow in integers; None where nothing is feasible."""
    graph = networkx.MultiDiGraph()
    total = int(instance.demand.sum())
    graph.add_node("source", demand=-total)
    graph.add_node("sink", demand=total)
    for i, amount in enumerate(instance.demand):
        graph.add_edge("source", f"c{i}", capacity=int(amount), weight=0)
        for j in range(len(instance.capacity)):
            if not np.isfinite(instance.cost[i, j]):
                continue
            cost, stays = int(instance.cost[i, j]), round(instance.present[i, j] * amount)
            if stays:
                graph.add_edge(f"c{i}", f"r{j}", capacity=stays, weight=cost)
            graph.add_edge(f"c{i}", f"r{j}", capacity=total, weight=cost + price)
    for j, room in enumerate(instance.capacity):
        graph.add_edge(f"r{j}", "sink", capacity=int(min(room, total)), weight=0)
    try:
        return int(networkx.network_simplex(graph)[0])
    except networkx.NetworkXUnfeasible:
        return None


def _moved(instance: Instance, share: NDArray[Any]) -> float:
    return float((instance.demand[:, None] * np.maximum(share - instance.present, 0)).sum())


@given(_instances())
@settings(max_examples=150, deadline=None)
def test_the_optimum_is_that_of_a_min_cost_flow(instance: Instance) -> None:
    price = int(instance.move_price)
    expected = _by_network_flow(instance, price)
    try:
        found = solve(instance)
    except ShortageError:
        assert expected is None
        return
    assert expected is not None
    total = _total(instance, found.share) + price * _moved(instance, found.share)
    # The least price of moving may cost up to itself for each unit.
    assert total == pytest.approx(expected, abs=0.002 * instance.demand.sum() + 1e-4)


@given(_instances())
@settings(max_examples=150, deadline=None)
def test_shares_add_up_to_one_and_no_capacity_is_exceeded(instance: Instance) -> None:
    try:
        share = solve(instance).share
    except ShortageError:
        return
    used = instance.demand > 0
    assert (share >= 0).all()
    assert share.sum(axis=1) == pytest.approx(np.ones(len(share)))
    assert not share[used][~np.isfinite(instance.cost[used])].any()
    loads = instance.demand @ share
    assert (loads <= instance.capacity + 1e-6 * max(1.0, instance.demand.sum())).all()


@given(_instances())
@settings(max_examples=100, deadline=None)
def test_what_is_missing_is_what_a_maximal_flow_leaves(instance: Instance) -> None:
    graph = networkx.DiGraph()
    graph.add_nodes_from(["source", "sink"])
    for i, amount in enumerate(instance.demand):
        graph.add_edge("source", f"c{i}", capacity=amount)
        for j in range(len(instance.capacity)):
            if np.isfinite(instance.cost[i, j]):
                graph.add_edge(f"c{i}", f"r{j}", capacity=1e9)
    for j, room in enumerate(instance.capacity):
        graph.add_edge(f"r{j}", "sink", capacity=min(room, 1e9))
    missing = instance.demand.sum() - networkx.maximum_flow_value(graph, "source", "sink")
    shortage = _shortage(instance)
    if shortage is None:
        assert missing == pytest.approx(0)
        return
    assert shortage.missing == pytest.approx(missing)
    clients, regions = list(shortage.clients), list(shortage.regions)
    # The bottleneck shows it: these clients may go nowhere else, and it is too little.
    open_to = np.isfinite(instance.cost[clients]) & (instance.capacity > 0)
    assert set(np.flatnonzero(open_to.any(axis=0))) == set(regions)
    asked = instance.demand[clients].sum()
    assert asked - instance.capacity[regions].sum() == pytest.approx(missing)


def _shortage(instance: Instance) -> ShortageError | None:
    try:
        solve(instance)
    except ShortageError as shortage:
        return shortage
    return None


@given(_instances())
@settings(max_examples=100, deadline=None)
def test_at_an_infinite_price_only_what_must_move_moves(instance: Instance) -> None:
    open_cost = np.where(np.isfinite(instance.cost), instance.cost, 1.0)
    settled = np.zeros_like(open_cost)
    settled[:, 0] = 1.0
    still = Instance(instance.demand, open_cost, instance.capacity, settled, _INF)
    try:
        share = solve(still).share
    except ShortageError:
        return
    excess = max(0.0, float(instance.demand.sum() - instance.capacity[0]))
    assert _moved(still, share) == pytest.approx(excess, abs=1e-5)


@given(_instances(), st.integers(0, 3), st.integers(1, 20))
@settings(max_examples=100, deadline=None)
def test_more_capacity_never_costs_more(instance: Instance, region: int, more: int) -> None:
    bigger = instance.capacity.copy()
    bigger[region % len(bigger)] += more
    wider = Instance(instance.demand, instance.cost, bigger, instance.present, instance.move_price)
    try:
        before = solve(instance)
    except ShortageError:
        return
    price = effective_price(instance)
    after = solve(wider).share
    cost_before = _total(instance, before.share) + price * _moved(instance, before.share)
    cost_after = _total(wider, after) + price * _moved(wider, after)
    assert cost_after <= cost_before + 1e-4


def test_five_hundred_clients_and_forty_regions() -> None:
    random = np.random.default_rng(4)
    demand = random.pareto(1.2, 500) * 100
    cost = random.uniform(5, 300, (500, 40))
    capacity = np.full(40, demand.sum() / 40 * 1.1)
    nearest = np.zeros((500, 40))
    nearest[np.arange(500), cost.argmin(axis=1)] = 1
    found = solve(Instance(demand, cost, capacity, nearest, 0.0))
    # Weak duality: the prices of the full regions bound every assignment's total from below.
    reduced = (cost + found.worth).min(axis=1)
    bound = float(demand @ reduced - found.worth @ capacity)
    total = float((demand[:, None] * found.share * cost).sum())
    assert total == pytest.approx(bound, rel=1e-4)
    assert (demand @ found.share <= capacity * (1 + 1e-9)).all()
