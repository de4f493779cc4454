"""From demand, latencies and capacities to an assignment, and what it changes. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from geodns.errors import GeodnsError
from geodns.planning.plan import rounded
from geodns.planning.transport import Instance, ShortageError, solve

Matrix = NDArray[np.float64]
Vector = NDArray[np.float64]

#: A share of a client's demand that is too small to be told as a move.
_LEAST_MOVE = 1e-6


@dataclass(frozen=True)
class Task:
    """n clients and m regions.

    ``demand``, shape (n,), and ``capacity``, shape (m,), are in one unit; a capacity of inf is
    without a limit. ``milliseconds``, shape (n, m): nan is unknown, inf is never. ``present``,
    shape (n, m): the share of each client that each region serves now. ``price``, shape (m,), is
    the cost of one unit of demand.
    """

    clients: tuple[str, ...]
    regions: tuple[str, ...]
    demand: Vector
    milliseconds: Matrix
    present: Matrix
    capacity: Vector
    price: Vector


@dataclass(frozen=True)
class Terms:
    """What an operator asks for.

    ``move_cost`` is in ms for each unit that moves, ``cost_weight`` in ms for each unit of price;
    ``headroom`` is the share of each capacity that is to stay free.
    """

    move_cost: float = 0.0
    cost_weight: float = 0.0
    headroom: float = 0.0


@dataclass(frozen=True)
class Spread:
    """Latency over all demand of which it is known, in ms; None where it is of none."""

    mean: float | None
    p50: float | None
    p95: float | None


@dataclass(frozen=True)
class Move:
    """So much demand of a client goes from one region to another; milliseconds are nan if unknown.

    ``source`` is None where the client's present region is not among those that serve.
    """

    client: str
    source: str | None
    target: str
    demand: float
    before: float
    after: float


@dataclass(frozen=True)
class Assignment:
    """``share`` and ``worth`` as in ``transport.Solution``, with shares rounded to those written.

    Loads are of shape (m,); ``cost`` is in units of price; ``moved`` is demand.
    """

    task: Task
    share: Matrix
    rows: dict[str, dict[str, float]]
    load_before: Vector
    load_after: Vector
    before: Spread
    after: Spread
    cost_before: float
    cost_after: float
    moves: tuple[Move, ...]
    worth: Vector

    @property
    def moved(self) -> float:
        return sum(move.demand for move in self.moves)

    def objective(self, terms: Terms) -> float:
        """What was made as low as can be: ms times demand, with price and moves counted in ms.

        An infinite price of moving is left out.
        """
        known = np.where(np.isfinite(self.task.milliseconds), self.task.milliseconds, 0.0)
        latency = float((self.task.demand[:, None] * self.share * known).sum())
        price = terms.move_cost * self.moved if np.isfinite(terms.move_cost) else 0.0
        return latency + terms.cost_weight * self.cost_after + price


class NoRoomError(GeodnsError):
    """No plan can serve this demand; the sentence says by how much, and what the bottleneck is."""


def assign(task: Task, terms: Terms) -> Assignment:
    """The assignment with the lowest total latency and price. Raises NoRoomError."""
    room = task.capacity * (1 - terms.headroom)
    cost = _known(task.milliseconds) + terms.cost_weight * task.price
    try:
        found = solve(Instance(task.demand, cost, room, task.present, terms.move_cost))
    except ShortageError as shortage:
        raise NoRoomError(_no_room(task, terms, shortage)) from shortage
    rows = {
        client: rounded(found.share[at], task.regions) for at, client in enumerate(task.clients)
    }
    share = np.array([[row.get(region, 0.0) for region in task.regions] for row in rows.values()])
    load_before = task.demand @ task.present
    load_after = task.demand @ share
    return Assignment(
        task=task,
        share=share,
        rows=rows,
        load_before=load_before,
        load_after=load_after,
        before=_spread(task, task.present),
        after=_spread(task, share),
        cost_before=float(load_before @ task.price),
        cost_after=float(load_after @ task.price),
        moves=tuple(_moves(task, share)),
        worth=found.worth,
    )


def _known(milliseconds: Matrix) -> Matrix:
    """Unknown latencies as the worst of all known: nobody is sent there before what is known."""
    known = milliseconds[np.isfinite(milliseconds)]
    return np.where(np.isnan(milliseconds), known.max() if known.size else 0.0, milliseconds)


def _spread(task: Task, share: Matrix) -> Spread:
    flow = task.demand[:, None] * share
    counted = (flow > 0) & np.isfinite(task.milliseconds)
    figures, weights = task.milliseconds[counted], flow[counted]
    if not len(figures):
        return Spread(None, None, None)
    order = np.argsort(figures, kind="stable")
    figures, reached = figures[order], np.cumsum(weights[order])
    half, most = (
        float(figures[np.searchsorted(reached, reached[-1] * part * (1 - 1e-12))])
        for part in (0.5, 0.95)
    )
    return Spread(float(np.average(figures, weights=weights[order])), half, most)


def _moves(task: Task, share: Matrix) -> list[Move]:
    """What each client's regions lose goes to those that gain, largest first."""
    moves: list[Move] = []
    for at, client in enumerate(task.clients):
        gains = share[at] - task.present[at]
        taken = {to: float(gains[to]) for to in np.argsort(-gains) if gains[to] > _LEAST_MOVE}
        given: dict[int | None, float] = {
            int(of): -float(gains[of]) for of in np.argsort(gains) if gains[of] < -_LEAST_MOVE
        }
        # What is served from nowhere at present: its regions are gone or down.
        given[None] = max(0.0, 1.0 - float(task.present[at].sum()))
        for of, to, part in _matched(given, taken):
            moves.append(
                Move(
                    client,
                    None if of is None else task.regions[of],
                    task.regions[to],
                    part * float(task.demand[at]),
                    float("nan") if of is None else float(task.milliseconds[at, of]),
                    float(task.milliseconds[at, to]),
                )
            )
    return sorted((move for move in moves if move.demand), key=lambda move: -move.demand)


def _matched(
    given: dict[int | None, float], taken: dict[int, float]
) -> list[tuple[int | None, int, float]]:
    found = []
    for to, wanted in taken.items():
        for of in given:
            part = min(wanted, given[of])
            if part > _LEAST_MOVE:
                found.append((of, to, part))
                given[of] -= part
                wanted -= part
    return found


def _no_room(task: Task, terms: Terms, shortage: ShortageError) -> str:
    asked = float(task.demand[list(shortage.clients)].sum())
    whole = len(shortage.clients) == np.count_nonzero(task.demand)
    whose = "the demand" if whole else f"the demand of {listed(_names(task.clients, shortage))}"
    room = task.capacity[list(shortage.regions)] * (1 - terms.headroom)
    regions = [
        f"{task.regions[at]} {number(size)}"
        for at, size in zip(shortage.regions, room, strict=True)
    ]
    where = f"the regions that may serve it have {number(float(room.sum()))}"
    kept = f" with {terms.headroom:.0%} of each kept free" if terms.headroom else ""
    each = f" ({listed(regions)})" if regions else ""
    return (
        f"{whose} is {number(asked)}, and {where}{kept}: {number(shortage.missing)} too little"
        f"{each}"
    )


def _names(clients: Sequence[str], shortage: ShortageError) -> list[str]:
    return [clients[at] for at in shortage.clients]


def listed(words: Sequence[str], most: int = 8) -> str:
    """Words with commas between them, and how many more there are."""
    more = len(words) - most
    return ", ".join(words[:most]) + (f" and {more} more" if more > 0 else "")


def number(value: float) -> str:
    """A quantity for people: four digits, and thousands set apart."""
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.4g}"
