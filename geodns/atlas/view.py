"""Who serves the world: the figures behind a picture, of the land and of the people on it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from geodns.answer.image import EndpointImage
from geodns.atlas.assignment import Assigner, groups_of
from geodns.atlas.cells import land_cells
from geodns.atlas.outlines import countries
from geodns.atlas.people import people
from geodns.atlas.places import at_centres
from geodns.atlas.survey import (
    Looks,
    Shares,
    expected,
    flows,
    grouped,
    looks_of_bands,
    looks_of_groups,
    moved,
    quantile,
)
from geodns.config.settings import Configuration, Topology
from geodns.explain.whatif import Availabilities
from geodns.geo.places import PlaceTable

By = Literal["region", "az"]
Located = Literal["coordinates", "country"]
State = Literal["up", "partly", "down"]

BANDS = (10, 20, 30, 50, 75, 100, 150, 200)
"""Upper bounds of the bands of latency in ms; there is one more above, and one for unknown."""

UNKNOWN_BAND = len(BANDS) + 1
_NOBODY_LIVES_THERE = "AQ"
_SMALLEST_FLOW = 5e-5  # of land or people: what prints as 0.0 % is left out


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of a configuration. ``down`` are the IDs that ``available`` withdraws."""

    service: str
    down: tuple[str, ...] = ()
    by: By = "region"
    located: Located = "coordinates"


@dataclass(frozen=True, slots=True)
class Part:
    """Shares of land (without Antarctica) and of people, from 0 to 1."""

    land: float
    people: float


@dataclass(frozen=True, slots=True)
class Group:
    """A region or an AZ, and what it serves now and before the failure."""

    name: str
    title: str | None
    region: str
    now: Part
    before: Part
    state: State


@dataclass(frozen=True, slots=True)
class Site:
    """A region that has the service, in degrees; ``up`` and ``all`` count its AZs."""

    region: str
    title: str | None
    latitude: float
    longitude: float
    up: int
    all: int


@dataclass(frozen=True, slots=True)
class Flow:
    """Clients that moved; None is nobody: ``when_down`` answers."""

    source: str | None
    target: str | None
    part: Part


@dataclass(frozen=True, slots=True)
class Latency:
    """Round-trip times that people are expected to see, in ms; nan where nobody is served."""

    mean: float
    median: float
    most: float  # the 95th percentile


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """All that a picture or its JSON shows. The looks are those of ``land_cells()``.

    Fills of ``looks`` are positions in ``groups``, with ``len(groups)`` for nobody; those of
    ``latency_looks`` are bands. ``bands`` says what is in each band, ``UNKNOWN_BAND`` last.
    """

    question: Question
    groups: tuple[Group, ...]
    nobody: Group
    sites: tuple[Site, ...]
    looks: Looks
    latency_looks: Looks
    bands: tuple[Part, ...]
    moved: Part
    flows: tuple[Flow, ...]
    latency: Latency
    latency_before: Latency


@dataclass(frozen=True, slots=True, eq=False)
class _Side:
    """Weighted places, before a failure and after it: the land, or the people."""

    weights: NDArray[np.float64]
    before: Shares
    after: Shares
    milliseconds_before: NDArray[np.float64]
    milliseconds: NDArray[np.float64]


class _Sides:
    """Ranks both sets of places, and groups their endpoints alike."""

    def __init__(self, configuration: Configuration, question: Question) -> None:
        self._configuration, self._question = configuration, question
        self.endpoints: tuple[EndpointImage, ...] = ()
        self.names: list[str] = []

    def side(
        self, places: PlaceTable, weights: NDArray[np.float64], states: Sequence[Availabilities]
    ) -> _Side:
        """``states`` are those before and after."""
        if self._question.located == "country":
            places = at_centres(places)
        assigner = Assigner(self._configuration, self._question.service, places)
        before, after = assigner.assign(states[0]), assigner.assign(states[1])
        self.endpoints = after.endpoints
        self.names, group = groups_of(after.endpoints, self._question.by)
        return _Side(
            weights / weights.sum(),
            grouped(before.share, group, len(self.names)),
            grouped(after.share, group, len(self.names)),
            expected(before.share, before.milliseconds),
            expected(after.share, after.milliseconds),
        )


def view(
    configuration: Configuration,
    question: Question,
    available: Availabilities,
    before: Availabilities,
) -> View:
    """The world as a configuration sees it. ``before`` is without what ``question.down`` names."""
    sides = _Sides(configuration, question)
    cells, inhabited = land_cells(), people()
    land = sides.side(cells.places(), _without_antarctica(), (before, available))
    lived = sides.side(inhabited.places, inhabited.weights, (before, available))
    topology = configuration.topology
    now = _parts(land.after, lived.after, land, lived)
    was = _parts(land.before, lived.before, land, lived)
    bands, lived_bands = _bands(land.milliseconds), _bands(lived.milliseconds)
    return View(
        question=question,
        groups=tuple(
            _group(topology, name, question.by, sides.endpoints, parts, available)
            for name, *parts in zip(sides.names, now, was, strict=False)
        ),
        nobody=Group("nobody", None, "", now[-1], was[-1], "up"),
        sites=_sites(topology, sides.endpoints, available),
        looks=looks_of_groups(land.before, land.after),
        latency_looks=looks_of_bands(_bands(land.milliseconds_before), bands),
        bands=tuple(
            Part(
                float(land.weights[bands == band].sum()),
                float(lived.weights[lived_bands == band].sum()),
            )
            for band in range(UNKNOWN_BAND + 1)
        ),
        moved=Part(
            float(land.weights @ moved(land.before, land.after)),
            float(lived.weights @ moved(lived.before, lived.after)),
        ),
        flows=_flows(land, lived, [*sides.names, None]),
        latency=_latency(lived.milliseconds, lived.weights),
        latency_before=_latency(lived.milliseconds_before, lived.weights),
    )


def _without_antarctica() -> NDArray[np.float64]:
    cells = land_cells()
    left_out = [country.code == _NOBODY_LIVES_THERE for country in countries()]
    return np.where(np.array(left_out)[cells.country], 0.0, cells.area)


def _parts(of_land: Shares, of_people: Shares, land: _Side, lived: _Side) -> list[Part]:
    pairs = zip(
        (land.weights @ of_land).tolist(), (lived.weights @ of_people).tolist(), strict=True
    )
    return [Part(*pair) for pair in pairs]


def _bands(milliseconds: NDArray[np.float64]) -> NDArray[np.int64]:
    bands = np.searchsorted(BANDS, milliseconds, side="left")
    return np.where(np.isnan(milliseconds), UNKNOWN_BAND, bands)


def _group(
    topology: Topology,
    name: str,
    by: By,
    endpoints: Sequence[EndpointImage],
    parts: Sequence[Part],
    available: Availabilities,
) -> Group:
    members = [
        e for e in endpoints if name == (e.region if by == "region" else e.availability_zone)
    ]
    region = members[0].region
    titled = topology.regions[region]
    title = titled.title if by == "region" else titled.availability_zones[name].title
    up, everything = _up(members, available), len(members)
    state: State = "up" if up == everything else "partly" if up else "down"
    return Group(name, title, region, parts[0], parts[1], state)


def _sites(
    topology: Topology, endpoints: Sequence[EndpointImage], available: Availabilities
) -> tuple[Site, ...]:
    found = []
    for name in dict.fromkeys(endpoint.region for endpoint in endpoints):
        members = [endpoint for endpoint in endpoints if endpoint.region == name]
        region = topology.regions[name]
        latitude, longitude = region.location
        up = _up(members, available)
        found.append(Site(name, region.title, latitude, longitude, up, len(members)))
    return tuple(found)


def _up(endpoints: Sequence[EndpointImage], available: Availabilities) -> int:
    return sum(available.availability(endpoint.id) > 0 for endpoint in endpoints)


def _flows(land: _Side, lived: _Side, names: Sequence[str | None]) -> tuple[Flow, ...]:
    """The largest first."""
    of_land = flows(land.before, land.after, land.weights)
    of_people = flows(lived.before, lived.after, lived.weights)
    found = []
    for source, target in np.argwhere(np.maximum(of_land, of_people) >= _SMALLEST_FLOW).tolist():
        part = Part(float(of_land[source, target]), float(of_people[source, target]))
        found.append(Flow(names[source], names[target], part))
    return tuple(sorted(found, key=lambda flow: (-flow.part.people, -flow.part.land)))


def _latency(milliseconds: NDArray[np.float64], weights: NDArray[np.float64]) -> Latency:
    known = ~np.isnan(milliseconds)
    total = weights[known].sum()
    mean = float(milliseconds[known] @ weights[known] / total) if total else float("nan")
    return Latency(
        mean, quantile(milliseconds, weights, 0.5), quantile(milliseconds, weights, 0.95)
    )
