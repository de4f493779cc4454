"""Builds a table as slowly and plainly as it can be said, to compare the fast way with.

Lists and dictionaries of measurements, one group after the other, as docs/latency.md says it.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterator, Sequence
from ipaddress import ip_network
from typing import NamedTuple

from geodns.geo.place import Place
from geodns.latency.fold import Choices

Told = dict[str, float]  # ms by region


class Measurement(NamedTuple):
    """One row of a file: an IPv4 address, where it is, region, ms, seconds since 1970."""

    address: str
    place: Place
    region: str
    ms: float
    time: int


class Group(NamedTuple):
    """What was measured of some clients to one region."""

    median: float
    samples: int
    other: float | None
    own_error: float
    other_error: float
    standard_error: float


def build(
    measurements: Sequence[Measurement], choices: Choices, now: float
) -> dict[str, dict[str, tuple[float, int]]]:
    """Client key -> region -> (ms, samples); samples 0: taken from a wider row."""
    return _Builder(measurements, choices, now).run()


def quantile(found: Sequence[tuple[float, float]], share: float) -> float:
    """Of (value, weight): where a share of the weight lies below; between two, their mean."""
    ordered = sorted(found)
    goal = share * sum(weight for _, weight in ordered)
    below = 0.0
    for at, (value, weight) in enumerate(ordered):
        below += weight
        if below == goal and at + 1 < len(ordered):
            return (value + ordered[at + 1][0]) / 2
        if below >= goal:
            return value
    return ordered[-1][0]


class _Builder:
    def __init__(self, measurements: Sequence[Measurement], choices: Choices, now: float) -> None:
        self.measurements, self.choices, self.now = measurements, choices, now
        self.rows: dict[str, dict[str, tuple[float, int]]] = {}

    def run(self) -> dict[str, dict[str, tuple[float, int]]]:
        base = self._countries()
        told = dict(base)
        for key in (_subdivision, _network_operator):
            groups = self._groups(lambda one, key=key: key(one.place), told)  # type: ignore[misc]
            for name, regions in groups.items():
                if not self._needed(regions):
                    continue
                members = [place for place in base if key(place) == name]
                self._write(name, regions, base[members[0]])
                for place in members:
                    own = {region: group.median for region, group in regions.items()}
                    told[place] = {**base[place], **own}
        where = {_prefix(one): one.place for one in self.measurements}
        for name, regions in self._groups(_prefix, told).items():
            if self._needed(regions):
                self._write(name, regions, told[where[name]])
        return self.rows

    def _countries(self) -> dict[Place, Told]:
        places = {one.place for one in self.measurements}
        nothing: dict[Place, Told] = {place: {} for place in places}
        continents = self._groups(lambda one: one.place.continent, nothing)
        above = {
            place: _medians(continents.get(place.continent, {})) if place.continent else {}
            for place in places
        }
        countries = self._groups(lambda one: _country(one.place), above)
        for continent, regions in continents.items():
            inside = {name: found for name, found in countries.items() if name[:2] == continent}
            if len(inside) > 1 and not any(map(self._needed, inside.values())):
                self._write(continent, regions, {})
        for name, regions in countries.items():
            if name[:2] not in self.rows:
                self._write(name, regions, {})

        def told(place: Place) -> Told:
            for key, groups in ((place.continent, continents), (_country(place), countries)):
                if key in self.rows:
                    return _medians(groups[key])
            return {}

        return {place: told(place) for place in places}

    def _groups(
        self, key: Callable[[Measurement], Hashable], told: dict[Place, Told]
    ) -> dict[str, dict[str, Group]]:
        """Group -> region -> what was measured, where that is enough."""
        apart: dict[tuple[str, str], list[Measurement]] = defaultdict(list)
        for one in self.measurements:
            name = key(one)
            if name is not None:
                apart[str(name), one.region].append(one)
        found: dict[str, dict[str, Group]] = defaultdict(dict)
        for (name, region), rows in apart.items():
            if len(rows) >= self.choices.least:
                found[name][region] = self._group(rows, region, told)
        return found

    def _group(self, rows: list[Measurement], region: str, told: dict[Place, Told]) -> Group:
        weights = [2 ** ((one.time - self.now) / self.choices.half_life) for one in rows]
        total = sum(weights)
        values = [(one.ms, weight) for one, weight in zip(rows, weights, strict=True)]
        median = quantile(values, 0.5)

        def mean(numbers: Iterator[float]) -> float:
            return sum(n * weight for n, weight in zip(numbers, weights, strict=True)) / total

        other, other_error = None, 0.0
        if all(region in told[one.place] for one in rows):
            expected = [told[one.place][region] for one in rows]
            other = mean(iter(expected))
            other_error = mean(
                abs(one.ms - from_above) for one, from_above in zip(rows, expected, strict=True)
            )
        effective = total**2 / sum(weight**2 for weight in weights)
        spread = quantile(values, 0.75) - quantile(values, 0.25)
        pooled = (effective * spread**2 + 5 * (0.2 * median) ** 2) / (effective + 5)
        return Group(
            median,
            len(rows),
            other,
            mean(abs(one.ms - median) for one in rows),
            other_error,
            1.2533 / 1.349 * math.sqrt(pooled / effective),
        )

    def _needed(self, regions: dict[str, Group]) -> bool:
        compared = [group for group in regions.values() if group.other is not None]
        nearer = sum(g.own_error for g in compared) <= sum(g.other_error for g in compared)
        return nearer and any(map(self._differs, regions.values()))

    def _differs(self, group: Group) -> bool:
        if group.other is None:
            return True
        same = max(self.choices.tolerance_ms, self.choices.tolerance_share * group.other)
        return abs(group.median - group.other) > max(same, 2.576 * group.standard_error)

    def _write(self, name: str, regions: dict[str, Group], above: Told) -> None:
        own = {region: (round(g.median, 1), g.samples) for region, g in regions.items()}
        taken = {region: (round(ms, 1), 0) for region, ms in above.items()}
        self.rows[name] = {**taken, **own}


def _medians(regions: dict[str, Group]) -> Told:
    return {region: group.median for region, group in regions.items()}


def _country(place: Place) -> str | None:
    return f"{place.continent}-{place.country}" if place.country else None


def _subdivision(place: Place) -> str | None:
    return f"{_country(place)}-{place.subdivision}" if place.subdivision else None


def _network_operator(place: Place) -> str | None:
    return f"AS{place.asn}-{place.country}" if place.asn and place.country else None


def _prefix(one: Measurement) -> str:
    return str(ip_network(f"{one.address}/24", strict=False))
