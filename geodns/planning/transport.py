"""The transportation problem: demand to regions at the lowest total cost, within their capacities.

With d the demand of a client, c the cost of an arc from client to region, p the flow that goes
there at present, k the capacity, and m the price of moving one unit of demand away from where it
is, over flows f (stays) and g (comes anew):

    minimise    sum of c f + (c + m) g
    such that   the f and g of a client add up to d
                the f and g of a region are at most k
                0 <= f <= p,  0 <= g

The cost of an arc is piecewise linear and convex: free of the price up to the present flow, so
that f is filled before g. That is a linear program (Dantzig 1951; Ahuja, Magnanti and Orlin,
"Network Flows", 1993, chapter 14, on convex costs), solved by HiGHS (Huangfu and Hall 2018).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geodns.errors import GeodnsError

Matrix = NDArray[np.float64]
Vector = NDArray[np.float64]

#: Of equally good assignments, the one that moves least: this price is always there.
LEAST_MOVE_PRICE = 1e-3

#: The solver's tolerances are absolute, about 1e-7: demand is scaled to this sum before it.
_SCALED_TOTAL = 1e6

#: Shares of the total below which a client's demand is lost in those tolerances.
_NEGLIGIBLE = 1e-12

_INFEASIBLE = 2  # a status of scipy.optimize.linprog


@dataclass(frozen=True)
class Instance:
    """n clients and m regions.

    ``demand`` is of shape (n,), at least 0. ``cost``, shape (n, m), is per unit of demand; inf
    means never. ``capacity``, shape (m,), is in units of demand; inf is without a limit.
    ``present``, shape (n, m), is the share of each client that each region serves now; a row adds
    up to at most 1. ``move_price`` is per unit; inf moves nothing that does not have to.
    """

    demand: Vector
    cost: Matrix
    capacity: Vector
    present: Matrix
    move_price: float = 0.0


@dataclass(frozen=True)
class Solution:
    """``share``, shape (n, m), rows adding up to 1.

    ``worth``, shape (m,): by how much one more unit of a region's capacity would lower the total.
    """

    share: Matrix
    worth: Vector


class ShortageError(GeodnsError):
    """There is more demand than capacity.

    ``missing`` is how much can't be served. ``clients`` and ``regions`` are positions of the
    bottleneck: these clients may use these regions only, and need all of them and more.
    """

    def __init__(self, missing: float, clients: tuple[int, ...], regions: tuple[int, ...]) -> None:
        super().__init__(f"demand exceeds capacity by {missing:g}")
        self.missing = missing
        self.clients = clients
        self.regions = regions


class SolverError(GeodnsError):
    """The solver gave up, for a reason that is not in the problem."""


def solve(instance: Instance) -> Solution:
    """The assignment with the lowest total cost. Raises ShortageError or SolverError.

    A client without demand goes to its cheapest region.
    """
    total = float(instance.demand.sum())
    share = _cheapest(instance)
    rows = np.flatnonzero(instance.demand > total * _NEGLIGIBLE)
    if not len(rows):
        return Solution(share, np.zeros(len(instance.capacity)))
    program = _Program(instance, rows)
    result = program.minimise() if len(program.client) else None
    if result is None or result.status == _INFEASIBLE:
        raise _shortage(program, total)
    if result.status != 0:
        raise SolverError(f"the solver found no plan: {result.message}")
    flows = program.flows(result.x)
    share[rows] = flows / flows.sum(axis=1, keepdims=True)
    return Solution(share, program.worth(result))


def effective_price(instance: Instance) -> float:
    """The price of moving as the program has it: never 0, and never more than makes a difference.

    An exchange that saves one move changes at most two arcs of each region, so that a price above
    all that these can cost comes before any other consideration, as an infinite one would.
    """
    known = instance.cost[np.isfinite(instance.cost)]
    spread = float(known.max() - known.min()) if known.size else 0.0
    enough = (spread + 1.0) * (2 * len(instance.capacity) + 2)
    return min(max(instance.move_price, LEAST_MOVE_PRICE), enough)


def _cheapest(instance: Instance) -> Matrix:
    """Every client whole in its cheapest region that has any capacity."""
    cost = np.where(instance.capacity > 0, instance.cost, np.inf)
    share = np.zeros_like(instance.cost)
    share[np.arange(len(cost)), cost.argmin(axis=1)] = 1.0
    return share


class _Program:
    """The linear program over some of the clients. Variables: all g of allowed arcs, then the f."""

    def __init__(self, instance: Instance, rows: NDArray[np.intp]) -> None:
        self.rows = rows
        self.scale = _SCALED_TOTAL / float(instance.demand[rows].sum())
        self.demand = instance.demand[rows] * self.scale
        self.capacity = instance.capacity * self.scale
        cost = instance.cost[rows]
        self.shape = cost.shape
        allowed = np.isfinite(cost) & (instance.capacity > 0)
        staying = allowed & (instance.present[rows] > 0)
        fresh, kept = np.nonzero(allowed), np.nonzero(staying)
        self.client = np.concatenate([fresh[0], kept[0]])
        self.region = np.concatenate([fresh[1], kept[1]])
        price = effective_price(instance)
        self.price = np.concatenate([cost[fresh] + price, cost[kept]])
        present = instance.present[rows] * self.demand[:, None]
        self.most = np.concatenate([np.full(len(fresh[0]), np.inf), present[kept]])
        # A capacity that all demand together does not fill is no constraint.
        self.limited = np.flatnonzero(self.capacity < _SCALED_TOTAL)

    def minimise(self) -> Any:
        """The solver's result; status 2 where there is not enough capacity."""
        return self._run(self.price, self.most)

    def minimise_unserved(self) -> tuple[Matrix, Vector]:
        """Flows that serve as much as can be, and what of each client they leave."""
        count = len(self.demand)
        client = np.concatenate([self.client, np.arange(count)])
        price = np.concatenate([np.zeros(len(self.client)), np.ones(count)])
        result = self._run(price, np.full(len(price), np.inf), client)
        if result.status != 0:
            raise SolverError(f"the solver found no bottleneck: {result.message}")
        used = len(self.client)
        return self.flows(result.x[:used]), result.x[used:]

    def flows(self, values: Vector) -> Matrix:
        """The variables as flows of shape (clients, regions)."""
        flows = np.zeros(self.shape)
        np.add.at(flows, (self.client, self.region), np.maximum(values, 0.0))
        # What is below the solver's tolerance is no flow.
        return np.where(flows < 1e-9 * self.demand[:, None], 0.0, flows)

    def worth(self, result: Any) -> Vector:
        """What one more unit of each capacity would save."""
        worth = np.zeros(self.shape[1])
        if len(self.limited):
            worth[self.limited] = np.maximum(0.0, -result.ineqlin.marginals)
        return worth

    def _run(self, price: Vector, most: Vector, client: NDArray[np.intp] | None = None) -> Any:
        # Imported here: it takes half a second, which no other command should wait for.
        from scipy.optimize import linprog
        from scipy.sparse import csr_array

        client = self.client if client is None else client
        columns = np.arange(len(client))
        served = csr_array(
            (np.ones(len(client)), (client, columns)), shape=(len(self.demand), len(client))
        )
        row_of = np.full(self.shape[1], -1)
        row_of[self.limited] = np.arange(len(self.limited))
        inside = np.flatnonzero(row_of[self.region] >= 0)
        loads = csr_array(
            (np.ones(len(inside)), (row_of[self.region[inside]], inside)),
            shape=(len(self.limited), len(client)),
        )
        return linprog(
            price,
            A_eq=served,
            b_eq=self.demand,
            A_ub=loads if len(self.limited) else None,
            b_ub=self.capacity[self.limited] if len(self.limited) else None,
            bounds=np.stack([np.zeros(len(client)), most], axis=1),
            method="highs",
        )


def _shortage(program: _Program, total: float) -> ShortageError:
    """How much is missing, and where: the clients left over, and all that compete with them.

    From a client that is left over, every region that it may use is full; and whoever is served
    there could make room only by going elsewhere, and so on. Where that ends is the bottleneck
    (the cut of the maximal flow: Ford and Fulkerson 1956).
    """
    flows, unserved = program.minimise_unserved()
    least = _SCALED_TOTAL * 1e-9
    allowed = np.zeros(program.shape, dtype=bool)
    allowed[program.client, program.region] = True
    clients = unserved > least
    while True:
        regions = allowed[clients].any(axis=0)
        reached = clients | (flows[:, regions] > least).any(axis=1)
        if (reached == clients).all():
            break
        clients = reached
    missing = float(unserved.sum()) / program.scale
    return ShortageError(
        min(missing, total),
        tuple(int(row) for row in program.rows[clients]),
        tuple(int(region) for region in np.flatnonzero(regions)),
    )
