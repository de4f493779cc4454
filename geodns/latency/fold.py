"""Turns measurements into the rows of a table: as few as say the same as all.

From wide to narrow: continent, country, subdivision, AS in a country, prefix. A narrower row is
kept only where it says something else than the rows above it. The server takes one row as a whole,
so a row also holds what it has from above for regions that its own measurements don't suffice for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geodns.geo.places import PlaceTable
from geodns.latency.addresses import network
from geodns.latency.areas import AREAS, Area, areas
from geodns.latency.client import Level
from geodns.latency.figure import Figure, TableRow
from geodns.latency.spool import Spool
from geodns.latency.statistics import Floats, Summary, confidence, summarise

Groups = NDArray[np.int64]
_SURE = 2.576  # standard errors: a difference that chance makes in one of a hundred cases


@dataclass(frozen=True)
class Choices:
    """How a table is made.

    A measurement ``half_life`` seconds old counts half. A figure needs ``least`` measurements. Two
    figures that differ by no more than ``tolerance_ms`` or ``tolerance_share`` (the larger) are
    the same.
    """

    half_life: float = 14 * 86_400.0
    least: int = 10
    tolerance_ms: float = 5.0
    tolerance_share: float = 0.1

    def tolerance(self, ms: Floats) -> Floats:
        """The difference in ms that does not count, for figures of ``ms``."""
        return np.maximum(self.tolerance_ms, self.tolerance_share * ms)


@dataclass(frozen=True)
class Folded:
    """The rows, widest first; ``groups`` is how many clients of each level had enough samples."""

    rows: list[TableRow]
    groups: dict[Level, int]
    kept: dict[Level, int]


class Folding:
    """One pass over all measurements for each level. ``now`` is in seconds since 1970."""

    def __init__(
        self,
        spool: Spool,
        regions: tuple[str, ...],
        places: PlaceTable,
        choices: Choices,
        now: float,
        step: Callable[[], None] = lambda: None,
    ) -> None:
        self._spool, self._regions, self._places = spool, regions, places
        self._choices, self._now, self._step = choices, now, step
        # What the rows so far say of each place, ms; nan: nothing.
        self._expected = np.full((len(places), len(regions)), np.nan, dtype=np.float32)
        self._folded = Folded([], {}, {})

    def run(self, measured: date) -> Folded:
        """The rows; ``measured`` is the day of figures that are taken from a wider row."""
        by_level = {level: areas(self._places, level) for level in AREAS}
        self._countries(by_level[Level.CONTINENT], by_level[Level.COUNTRY], measured)
        of_country = self._expected.copy()
        for level in (Level.SUBDIVISION, Level.ASN_COUNTRY):
            area = by_level[level]
            if not area.names:
                continue
            summaries = self.summaries(area.of_place)
            # Places of one AS may be in several subdivisions: what it lacks is the country's.
            inherited = of_country[area.first_place]
            written = self._decide(summaries, len(area.names))
            self._write(level, area.names.__getitem__, summaries, written, inherited, measured)
            self._fill(area.of_place, summaries, written, of_country)
        self._prefixes(measured)
        return self._folded

    def summaries(self, of_place: Groups) -> list[Summary]:
        """What was measured of each group of places, by region."""
        return [
            self._summary(region, lambda rows: of_place[rows["place"]])
            for region in range(len(self._regions))
        ]

    def _summary(self, region: int, group: Callable[[NDArray[np.void]], Groups]) -> Summary:
        rows = self._spool.read(region)
        age = self._now - rows["time"].astype(np.float64)
        self._step()
        return summarise(
            group(rows),
            rows["ms"],
            np.exp2(-age / self._choices.half_life),
            rows["time"],
            self._expected[rows["place"], region],
            self._choices.least,
        )

    def _countries(self, continent: Area, country: Area, measured: date) -> None:
        """Countries, or their continent's row where all that were measured agree with it.

        A row speaks for those that nobody measured, too. So a continent's row is written only
        where nothing speaks against it; else they are estimated, each from where it is.
        """
        above = self.summaries(continent.of_place)
        nothing = np.full_like(self._expected, np.nan)
        self._fill(continent.of_place, above, np.ones(len(continent.names), bool), nothing)
        below = self.summaries(country.of_place)
        there = _present(below, len(country.names))
        differs = self._decide(below, len(country.names))
        continent_of = continent.of_place[country.first_place]
        known = continent_of >= 0
        size = max(1, len(continent.names))
        several = np.bincount(continent_of[known & there], minlength=size) > 1
        agreed: NDArray[np.bool_] = several & (
            np.bincount(continent_of[known & there & differs], minlength=size) == 0
        )
        self._expected[:] = np.nan
        blank = np.full((size, len(self._regions)), np.nan)
        self._write(Level.CONTINENT, continent.names.__getitem__, above, agreed, blank, measured)
        self._fill(continent.of_place, above, agreed, nothing)
        written = there & ~(known & agreed[continent_of])
        inherited = np.full((len(country.names), len(self._regions)), np.nan)
        self._write(Level.COUNTRY, country.names.__getitem__, below, written, inherited, measured)
        self._fill(country.of_place, below, written, nothing)

    def _prefixes(self, measured: date) -> None:
        numbers, place = self._frequent()
        if not len(numbers):
            return

        def group(rows: NDArray[np.void]) -> Groups:
            at = np.minimum(np.searchsorted(numbers, rows["prefix"]), len(numbers) - 1)
            return np.where(numbers[at] == rows["prefix"], at, -1)

        summaries = [self._summary(region, group) for region in range(len(self._regions))]
        written = self._decide(summaries, len(numbers))
        self._write(
            Level.PREFIX,
            lambda row: str(network(int(numbers[row]))),
            summaries,
            written,
            self._expected[place],
            measured,
        )

    def _frequent(self) -> tuple[NDArray[np.uint64], NDArray[np.int32]]:
        """The prefixes with enough measurements of some region, ascending, and a place of each."""
        found, places = [np.zeros(0, np.uint64)], [np.zeros(0, np.int32)]
        for region in range(len(self._regions)):
            rows = self._spool.read(region)
            numbers, first, counts = np.unique(
                rows["prefix"], return_index=True, return_counts=True
            )
            enough = counts >= self._choices.least
            found.append(numbers[enough])
            places.append(rows["place"][first[enough]])
        numbers, first = np.unique(np.concatenate(found), return_index=True)
        return numbers, np.concatenate(places)[first]

    def _decide(self, summaries: list[Summary], groups: int) -> NDArray[np.bool_]:
        """The groups that need a row: in some region they differ from what they would get.

        By more than the tolerance, by more than chance, and so that a row of their own is nearer
        to what was measured over all of their regions together.
        """
        differing = np.zeros(groups, dtype=bool)
        own, other = np.zeros(groups), np.zeros(groups)
        for summary in summaries:
            distance = np.abs(summary.median - summary.other)
            unknown = np.isnan(summary.other)
            differs = unknown | (
                (distance > self._choices.tolerance(summary.other))
                & (distance > _SURE * summary.standard_error())
            )
            differing[summary.group] |= differs
            own[summary.group] += np.where(unknown, 0, summary.own_error)
            other[summary.group] += np.where(unknown, 0, summary.other_error)
        return differing & (own <= other)

    def _fill(
        self,
        of_place: Groups,
        summaries: list[Summary],
        written: NDArray[np.bool_],
        otherwise: NDArray[np.float32],
    ) -> None:
        """Note what the rows that were written tell places; ``otherwise``: what these lack."""
        if not len(written):
            return
        inside = np.flatnonzero((of_place >= 0) & written[of_place])
        for region, summary in enumerate(summaries):
            figures = np.full(len(written), np.nan)
            figures[summary.group] = summary.median
            told = figures[of_place[inside]]
            told = np.where(np.isnan(told), otherwise[inside, region], told)
            self._expected[inside, region] = told

    def _write(
        self,
        level: Level,
        name: Callable[[int], str],
        summaries: list[Summary],
        written: NDArray[np.bool_],
        inherited: NDArray[np.floating[Any]],
        measured: date,
    ) -> None:
        self._folded.groups[level] = int(_present(summaries, len(written)).sum())
        rows = np.flatnonzero(written)
        self._folded.kept[level] = len(rows)
        figures: list[dict[str, Figure]] = [{} for _ in rows]
        for region, summary in enumerate(summaries):
            at = self._regions[region]
            for position, figure in self._figures(summary, rows):
                figures[position][at] = figure
            above = inherited[rows, region]
            for lacking in np.flatnonzero(~np.isnan(above)).tolist():
                ms = round(float(above[lacking]), 1)
                figures[lacking].setdefault(at, Figure(ms, 0, measured))
        for row, by_region in zip(rows.tolist(), figures, strict=True):
            self._folded.rows.append(TableRow(name(row), by_region))

    def _figures(self, summary: Summary, rows: Groups) -> Iterator[tuple[int, Figure]]:
        """The summary's figures of these groups, each with its position in ``rows``."""
        summary = summary.take(np.isin(summary.group, rows))
        sure = confidence(summary, self._choices.tolerance(summary.median))
        for row, ms, samples, time, trust in zip(
            np.searchsorted(rows, summary.group).tolist(),
            summary.median.tolist(),
            summary.count.tolist(),
            summary.time.tolist(),
            sure.tolist(),
            strict=True,
        ):
            yield row, Figure(round(ms, 1), samples, day(time), round(trust, 2))


def day(time: float) -> date:
    """The day (UTC) of a time in seconds since 1970."""
    return datetime.fromtimestamp(time, UTC).date()


def _present(summaries: list[Summary], groups: int) -> NDArray[np.bool_]:
    there = np.zeros(groups, dtype=bool)
    for summary in summaries:
        there[summary.group] = True
    return there
