"""Compares one service's answers slot by slot, for each pair of tables that clients have."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from geodns.answer.shares import SLOTS
from geodns.simulation.answers import NOTHING, Answers, Table, Target, Targets, has_moved
from geodns.simulation.kinds import Kinds
from geodns.simulation.latency import Spread
from geodns.simulation.results import Flow, Found, Side

_LEAST_SHARE = 1e-12  # of all clients: less is what floating point makes of nothing


_Namer = Callable[[Target], str]


class Sums:
    """Weights and weighted milliseconds of one move; the known part of the latter apart."""

    __slots__ = ("known", "ms", "weight")

    def __init__(self) -> None:
        self.weight = 0.0
        self.ms = np.zeros(2)
        self.known = np.zeros(2)

    def add(self, weight: float, ms: NDArray[np.float64], known: NDArray[np.float64]) -> None:
        self.weight += weight
        self.ms += ms
        self.known += known

    def merge(self, other: Sums, factor: float) -> None:
        self.add(other.weight * factor, other.ms * factor, other.known * factor)


class Tally:
    """What is known of a comparison so far; tallies of several services can be added."""

    def __init__(self) -> None:
        self.moves: defaultdict[tuple[Target, Target], Sums] = defaultdict(Sums)
        self.spreads = (Spread(), Spread())
        self.forced = np.zeros(2)
        self.weight = 0.0

    def merge(self, other: Tally, factor: float = 1.0) -> None:
        """Adds another's, its weights times a factor."""
        for move, sums in other.moves.items():
            self.moves[move].merge(sums, factor)
        for mine, its in zip(self.spreads, other.spreads, strict=True):
            mine.merge(its, factor)
        self.forced += other.forced * factor
        self.weight += other.weight * factor

    def found(self) -> Found:
        """Shares and means."""
        moved = Sums()
        region = 0.0
        for (before, after), sums in self.moves.items():
            if has_moved(before, after):
                moved.merge(sums, 1.0)
                region += sums.weight if before.region != after.region else 0.0
        sides = [
            Side(
                self.spreads[side].latency(),
                self._share(self.forced[side]),
                self._share(
                    sum(s.weight for move, s in self.moves.items() if move[side] == NOTHING)
                ),
            )
            for side in (0, 1)
        ]
        return Found(
            weight=self.weight,
            moved=self._share(moved.weight),
            moved_region=self._share(region),
            before=sides[0],
            after=sides[1],
            moved_before=_mean(moved, 0),
            moved_after=_mean(moved, 1),
            regions=self._flows(lambda target: target.region or target.id),
            zones=self._flows(lambda target: target.availability_zone or target.id),
        )

    def shares(self, side: int) -> dict[Target, float]:
        """What each target takes."""
        found: dict[Target, float] = {}
        for move, sums in self.moves.items():
            found[move[side]] = found.get(move[side], 0.0) + self._share(sums.weight)
        return found

    def _share(self, weight: float) -> float:
        share = float(weight) / self.weight if self.weight else 0.0
        return share if share > _LEAST_SHARE else 0.0

    def _flows(self, name: _Namer) -> tuple[Flow, ...]:
        flows: defaultdict[tuple[str, str], Sums] = defaultdict(Sums)
        for (before, after), sums in self.moves.items():
            if name(before) != name(after) and has_moved(before, after):
                flows[name(before), name(after)].merge(sums, 1.0)
        found = (
            Flow(*names, self._share(sums.weight), _mean(sums, 0), _mean(sums, 1))
            for names, sums in flows.items()
        )
        return tuple(
            sorted((f for f in found if f.share), key=lambda f: (-f.share, f.source, f.target))
        )


def _mean(sums: Sums, side: int) -> float:
    """The mean latency on a side; nan where none is known."""
    known = float(sums.known[side])
    return float(sums.ms[side]) / known if known > 0 else float("nan")


class Places(NamedTuple):
    """Kinds of client with what each counts, and its milliseconds to each of the regions."""

    kinds: Kinds
    counts: NDArray[np.float64]
    milliseconds: NDArray[np.float32]
    regions: tuple[str, ...]


def compare(places: Places, before: Answers, after: Answers, targets: Targets) -> Tally:
    """Adds up everybody who counts. The sides share ``targets``."""
    rows = np.flatnonzero(places.counts)
    numbers = [side.number(places.kinds, rows) for side in (before, after)]
    code = numbers[0] * len(after.tables) + numbers[1]
    order = np.argsort(code, kind="stable")
    rows, code = rows[order], code[order]
    starts = np.flatnonzero(np.diff(code, prepend=-1))
    tally = Tally()
    column = {region: number for number, region in enumerate(places.regions)}
    for start, end in zip(starts.tolist(), [*starts[1:].tolist(), len(rows)], strict=True):
        first, second = divmod(int(code[start]), len(after.tables))
        pair = before.tables[first], after.tables[second]
        own = rows[start:end]
        _add(tally, pair, places.counts[own], places.milliseconds[own], targets, column)
    return tally


def _add(
    tally: Tally,
    pair: tuple[Table, Table],
    counts: NDArray[np.float64],
    milliseconds: NDArray[np.float32],
    targets: Targets,
    column: dict[str, int],
) -> None:
    """Adds kinds of client that are answered by the same table before, and the same after."""
    weight = float(counts.sum())
    tally.weight += weight
    tally.forced += [weight * table.forced for table in pair]
    totals: dict[str, tuple[float, float]] = {}
    for side, table in enumerate(pair):
        for region, share in _regions(table, targets):
            if region not in column:
                tally.spreads[side].miss(weight * share)
                continue
            own = milliseconds[:, column[region]]
            tally.spreads[side].add(own, counts * share)
            if region not in totals:
                known = np.where(np.isnan(own), 0.0, counts)
                totals[region] = float(np.nan_to_num(own) @ known), float(known.sum())
    for before, after, share in _joint(*pair):
        move = targets.all[before], targets.all[after]
        sums = np.array([totals.get(target.region, (0.0, 0.0)) for target in move]) * share
        tally.moves[move].add(weight * share, sums[:, 0], sums[:, 1])


def _regions(table: Table, targets: Targets) -> list[tuple[str, float]]:
    """The share of slots that each region has in a table; no region: an empty name."""
    found: dict[str, float] = {}
    numbers, counts = np.unique(table.targets, return_counts=True)
    for number, count in zip(numbers.tolist(), counts.tolist(), strict=True):
        region = targets.all[number].region
        found[region] = found.get(region, 0.0) + count / SLOTS
    return list(found.items())


def _joint(before: Table, after: Table) -> list[tuple[int, int, float]]:
    """The share of slots of each pair of targets."""
    codes = before.targets.astype(np.int64) << 32 | after.targets
    pairs, counts = np.unique(codes, return_counts=True)
    return [
        (code >> 32, code & 0xFFFFFFFF, count / SLOTS)
        for code, count in zip(pairs.tolist(), counts.tolist(), strict=True)
    ]
