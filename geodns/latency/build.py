"""Builds a latency table from raw measurements: reads, folds, fits, and reports what it saw."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geodns.config.settings import Topology
from geodns.errors import GeodnsError
from geodns.geo.distance import kilometres
from geodns.geo.locations import Locations
from geodns.latency import cells
from geodns.latency.addresses import Locator, parse, prefixes
from geodns.latency.areas import spots
from geodns.latency.draft import MOST_MILLISECONDS
from geodns.latency.figure import Table
from geodns.latency.fit import Points, Validation, fit, validate
from geodns.latency.fold import Choices, Folded, Folding, day
from geodns.latency.raw import Batch, RawFile
from geodns.latency.spool import MEASUREMENT, Spool

_MOST_EXAMPLES = 5
_FUTURE = 86_400.0  # seconds by which a clock may be ahead before its times are nonsense
#: Steps of work after reading, for a progress bar: passes over all regions.
PASSES = 6


class BuildError(GeodnsError):
    """No table can be made."""


@dataclass
class Damage:
    """The rows that can't be used: how many for which reason, and the first few of them."""

    counts: Counter[str] = field(default_factory=Counter)
    examples: list[str] = field(default_factory=list)

    def note(self, file: Path, line: int, reason: str, how_many: int = 1) -> None:
        """Count rows, the first of which is in this line (0: unknown)."""
        self.counts[reason] += how_many
        if len(self.examples) < _MOST_EXAMPLES:
            where = f"{file}:{line}" if line else str(file)
            self.examples.append(f"{where}: {reason}")


@dataclass(frozen=True)
class Built:
    """A table and how it came about. ``rows`` were read, ``used`` of them counted.

    ``oldest`` and ``newest`` are times of measurement in seconds since 1970. ``folded`` counts the
    rows by level; ``validation`` is None where there was too little to fit an estimate to.
    """

    table: Table
    rows: int
    used: int
    damage: Damage
    too_old: int
    oldest: float
    newest: float
    folded: Folded
    validation: Validation | None
    by_region: Mapping[str, int]


@dataclass(frozen=True)
class Ground:
    """Where regions and clients are, and what time it is, in seconds since 1970.

    Measurements older than ``max_age`` seconds don't count; ``time`` is that of measurements in a
    file without a column for it. ``unit`` is what a figure of 1 is in ms.
    """

    topology: Topology
    locations: Locations
    now: float
    max_age: float = np.inf
    time: float | None = None
    unit: float = 1.0


def build(
    target: Path,
    files: Iterable[RawFile],
    ground: Ground,
    choices: Choices,
    *,
    read: Callable[[RawFile], None] = lambda _file: None,
    step: Callable[[], None] = lambda: None,
    seed: int = 0,
) -> Built:
    """The table of all measurements in these files.

    ``read`` is told of progress in a file, ``step`` of each region's pass afterwards. Raises
    BuildError, RawError, ColumnError.
    """
    regions = tuple(ground.topology.regions)
    if not regions:
        raise BuildError("the topology has no regions to measure to")
    with Spool(len(regions)) as spool:
        intake = _Intake(spool, ground)
        for file in files:
            for batch in file.batches():
                intake.add(file.path, batch)
                read(file)
            read(file)
        if not intake.used:
            raise BuildError(_nothing(intake))
        measured = day(intake.times / intake.used)
        folding = Folding(spool, regions, ground.locations.places, choices, ground.now, step)
        points = _points(folding, ground)
        folded = folding.run(measured)
        counts = dict(zip(regions, spool.counts, strict=True))
    validation = validate(points, seed)
    better = validation and validation.fitted.median_share <= validation.default.median_share
    estimate = fit(points) if better else None
    return Built(
        table=Table(target, tuple(folded.rows), measured, estimate),
        rows=intake.rows,
        used=intake.used,
        damage=intake.damage,
        too_old=intake.too_old,
        oldest=intake.oldest,
        newest=intake.newest,
        folded=folded,
        validation=validation,
        by_region=counts,
    )


def _nothing(intake: _Intake) -> str:
    reasons = [f"{count} {reason}" for reason, count in intake.damage.counts.most_common(3)]
    if intake.too_old:
        reasons.append(f"{intake.too_old} too old")
    why = f" ({', '.join(reasons)})" if reasons else ""
    return f"none of {intake.rows} rows can be used{why}"


class _Intake:
    """Checks rows, finds their places and puts them into the spool."""

    def __init__(self, spool: Spool, ground: Ground) -> None:
        self.damage = Damage()
        self.rows = self.used = self.too_old = 0
        self.times = 0.0
        self.oldest, self.newest = np.inf, -np.inf
        self._spool, self._ground = spool, ground
        self._locator = Locator(ground.locations)
        # Measurements are often of a datacenter: its figure is its region's.
        self._regions: dict[str, int] = {}
        for number, region in enumerate(ground.topology.regions.values()):
            for az in region.availability_zones:
                self._regions.setdefault(az, number)
        self._regions.update({name: at for at, name in enumerate(ground.topology.regions)})

    def add(self, file: Path, batch: Batch) -> None:
        """Takes in a batch of a file."""
        self.rows += batch.rows + len(batch.bad_lines)
        for line in batch.bad_lines:
            self.damage.note(file, line, "not a row with all columns")
        if not batch.rows:
            return
        columns = batch.columns
        there = ~cells.blank([columns[name] for name in ("client", "region", "ms")])
        self.rows -= int((~there).sum())
        sound = there.copy()

        def keep(good: NDArray[np.bool_], reason: str) -> None:
            nonlocal sound
            bad = sound & ~good
            if bad.any():
                first = np.flatnonzero(bad)
                for row in first[: _MOST_EXAMPLES - 1].tolist():
                    self.damage.note(file, batch.line(row), reason)
                rest = len(first) - (_MOST_EXAMPLES - 1)
                if rest > 0:
                    self.damage.note(file, batch.line(int(first[-rest])), reason, rest)
            sound &= good

        spelling, texts = cells.distinct(columns["client"])
        addresses = parse(texts)
        version, number = addresses.version[spelling], addresses.number[spelling]
        keep(version > 0, "the client is no address")
        at, names = cells.distinct(columns["region"])
        known = np.array([self._regions.get((name or "").strip(), -1) for name in names], np.int64)
        region = known[at] if len(known) else at
        keep(region >= 0, "the region is not in the topology")
        ms = cells.numbers(columns["ms"]) * self._ground.unit
        keep((ms >= 0) & (ms <= MOST_MILLISECONDS), "the milliseconds are no round-trip time")
        time = self._times(columns.get("time"), len(sound))
        latest = self._ground.now + _FUTURE
        keep((time >= 0) & (time <= latest), "the time is no time, or in the future")
        recent = time >= self._ground.now - self._ground.max_age
        self.too_old += int((sound & ~recent).sum())
        sound &= recent
        if not sound.any():
            return
        rows = np.empty(int(sound.sum()), dtype=MEASUREMENT)
        located = addresses._replace(number=number[sound], version=version[sound])
        rows["prefix"] = prefixes(located)
        rows["place"] = self._locator.places(located)
        rows["ms"] = ms[sound]
        rows["time"] = time[sound]
        self._spool.add(region[sound], rows)
        self.used += len(rows)
        self.times += float(time[sound].sum())
        self.oldest = min(self.oldest, float(time[sound].min()))
        self.newest = max(self.newest, float(time[sound].max()))

    def _times(self, column: Any, rows: int) -> NDArray[np.float64]:
        if self._ground.time is not None:
            return np.full(rows, self._ground.time)
        if column is None:
            raise BuildError(
                "the measurements have no column for the time: name it with --columns time=NAME, "
                "or say when all of them were made with --measured"
            )
        return cells.seconds(column)


def _points(folding: Folding, ground: Ground) -> Points:
    """What was measured of each place on earth, to fit an estimate to."""
    places, regions = ground.locations.places, ground.topology.regions
    area = spots(places)
    summaries = folding.summaries(area.of_place)
    spot = np.concatenate([summary.group for summary in summaries])
    region = np.repeat(np.arange(len(regions)), [len(summary) for summary in summaries])
    at = area.first_place[spot]
    where = np.array([settings.location for settings in regions.values()])
    return Points(
        km=kilometres(
            places.latitude[at], places.longitude[at], where[region, 0], where[region, 1]
        ),
        ms=np.concatenate([summary.median for summary in summaries]),
        spot=spot,
        continent=places.continent[at].astype(np.int64),
        region=region,
        continents=places.continents,
        regions=tuple(regions),
    )
