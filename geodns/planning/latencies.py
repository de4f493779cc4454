"""What each client key has to each region: latencies, who may serve it, and who does now.

The one place of planning that knows the steering package. A key stands for all places of the
GeoIP databases that it is the most specific key of, each as heavy as it has IPv4 addresses.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geodns.config.settings import Configuration, Topology
from geodns.config.steering import Chain, LatencyFilter, PlanFilter, Stage, names_in
from geodns.errors import GeodnsError
from geodns.geo.countries import country_centre
from geodns.geo.locations import Locations, Ranges
from geodns.geo.place import Place
from geodns.geo.places import PlaceTable
from geodns.geo.ranges import Network, find
from geodns.latency.client import ClientKey, Level
from geodns.planning.networks import By, client_key
from geodns.planning.plan import areas_around
from geodns.steering.chain import Inputs, apart, filters_of
from geodns.steering.clients import Clients
from geodns.steering.presets import chain_of
from geodns.steering.rows import NO_ROW, ClientRows
from geodns.steering.sort import Sort
from geodns.steering.standing import REMOVED, Standing
from geodns.steering.units import Candidate, Unit, units_of

Matrix = NDArray[np.float64]

_CHUNK = 16_384  # places at a time: bounds the work space to some 15 MB for 40 regions

#: What a place without IPv4 addresses counts next to those that have any.
_LEAST_WEIGHT = 1e-3

#: Filters that leave no two regions equally good.
_SORTING = ("latency", "nearest", "cost", "failover")

#: Of a key's clients, so many in one region count as all.
_ALL_IN_ONE = 0.999

_BELOW: Mapping[Level, By] = {
    Level.DEFAULT: "country",
    Level.CONTINENT: "country",
    Level.COUNTRY: "subdivision",
    Level.ASN: "asn",
}


class NotPlannableError(GeodnsError):
    """A service that there can't be a plan for."""


@dataclass(frozen=True)
class Outlook:
    """n keys and m regions.

    ``milliseconds``, shape (n, m): the mean over a key's places; nan is unknown, inf is never.
    ``present``, shape (n, m): the share that the steering gives each region now, without a plan.
    ``around``: for each key, the keys that hold it, closest first. ``parts``: for each key
    whose clients go to several regions, the areas within it, one level further down, and their
    shares of its addresses.
    """

    milliseconds: Matrix
    present: Matrix
    around: tuple[tuple[str, ...], ...]
    parts: tuple[Mapping[str, float], ...]


def followed_plan(configuration: Configuration, name: str) -> Path | None:
    """The plan file that a service's steering follows, if there is one in its chain."""
    chain = chain_of(configuration.services.services[name].steering)
    files = (stage.options.file for stage in chain if isinstance(stage.options, PlanFilter))
    return next(files, None)


def sorted_before_plan(configuration: Configuration, name: str) -> str | None:
    """The filter that leaves a service's plan nothing to share out, if one stands before it."""
    chain = chain_of(configuration.services.services[name].steering)
    names = [stage.name for stage in chain]
    before = names[: names.index("plan")] if "plan" in names else []
    return next((name for name in before if name in _SORTING), None)


def outlook(
    configuration: Configuration,
    name: str,
    keys: Sequence[ClientKey],
    regions: Sequence[str],
    down: Collection[str],
    locations: Locations,
) -> Outlook:
    """How a service's regions look from the clients of these keys. Raises NotPlannableError.

    ``down`` are the ids of endpoints that are out of service.
    """
    steering = _Present(configuration, name, regions, down)
    sums = _Sums(len(keys), len(regions))
    members = _members(keys, locations)
    for part in members.parts():
        sums.add(part.owner, part.weight, steering.milliseconds(part.clients))
        sums.add_present(part.owner, part.weight, steering.shares(part.clients))
        sums.close(part.owner, steering.closed(part.clients))
    present = sums.present()
    areas = _areas(keys, members, present)
    return Outlook(sums.milliseconds(), present, _around(keys, members), areas)


class _Sums:
    """Weighted means over the places of each key."""

    def __init__(self, keys: int, regions: int) -> None:
        self._weight, self._total = np.zeros((keys, regions)), np.zeros((keys, regions))
        self._shares = np.zeros((keys, regions))
        self._closed = np.zeros((keys, regions), dtype=bool)

    def add(
        self, owner: NDArray[np.intp], weight: NDArray[np.float64], milliseconds: Matrix
    ) -> None:
        known = np.where(np.isnan(milliseconds), 0.0, weight[:, None])
        self._weight += self._by_key(owner, known)
        self._total += self._by_key(owner, known * np.nan_to_num(milliseconds))

    def add_present(
        self, owner: NDArray[np.intp], weight: NDArray[np.float64], shares: Matrix
    ) -> None:
        self._shares += self._by_key(owner, weight[:, None] * shares)

    def _by_key(self, owner: NDArray[np.intp], figures: Matrix) -> Matrix:
        """Sums of rows by owner: column by column, which is many times faster than add.at."""
        keys = len(self._weight)
        columns = [np.bincount(owner, column, minlength=keys) for column in figures.T]
        return np.stack(columns, axis=1)

    def close(self, owner: NDArray[np.intp], closed: NDArray[np.bool_]) -> None:
        """What is closed to one place of a key is closed to the key: shares can't tell them."""
        if closed.any():
            np.logical_or.at(self._closed, owner, closed)

    def milliseconds(self) -> Matrix:
        with np.errstate(invalid="ignore"):
            return np.where(self._closed, np.inf, self._total / self._weight)

    def present(self) -> Matrix:
        whole = self._shares.sum(axis=1, keepdims=True)
        return np.divide(self._shares, np.where(whole > 0, whole, 1.0))


class _Present:
    """A service's own steering, but for a plan that it already follows."""

    def __init__(
        self, configuration: Configuration, name: str, regions: Sequence[str], down: Collection[str]
    ) -> None:
        topology, service = configuration.topology, configuration.services.services[name]
        if service.branches:
            raise NotPlannableError(
                f"the service {name} is made of other services "
                f"({', '.join(service.branches)}): plan those"
            )
        candidates = _candidates(topology, name)
        rows = configuration.latency
        units = tuple(Unit(region, region, (), ()) for region in regions)
        latency = (Stage(latency=LatencyFilter()),)
        given = Inputs(topology, units, (), rows, configuration.estimate)
        self._latency = next(f for f in filters_of(latency, given) if isinstance(f, Sort))
        whole = chain_of(service.steering)
        chain = tuple(stage for stage in whole if not isinstance(stage.options, PlanFilter))
        self._steering = _Ranker(chain, candidates, configuration)
        fences = _fences(chain)
        self._fences = _Ranker(fences, candidates, configuration) if fences else None
        self._regions = regions
        self._weights = np.array(
            [0 if each.id in down else each.weight for each in candidates], dtype=np.float64
        )
        self._up = np.array([each.id not in down for each in candidates], dtype=bool)

    def milliseconds(self, clients: Clients) -> Matrix:
        """Shape (clients, regions)."""
        return self._latency.costs(clients)

    def shares(self, clients: Clients) -> Matrix:
        """What each region serves of each client: its part of the first tier that is up."""
        units = self._steering.units
        up = np.array([self._up[list(unit.endpoints)].any() for unit in units], dtype=bool)
        weight = np.array([self._weights[list(unit.endpoints)].sum() for unit in units])
        standing = self._steering.stand(clients)
        serving = (standing.tiers != REMOVED) & up
        behind = np.iinfo(np.int16).max
        best = np.where(serving, standing.tiers, behind).min(axis=1, keepdims=True, initial=behind)
        chosen = serving & (standing.tiers == best)
        part = np.where(chosen, weight, 0.0)
        if standing.weights is not None:
            told = ~(np.isnan(standing.weights) & chosen).any(axis=1, keepdims=True)
            part = np.where(told & chosen, standing.weights, part)
        # A tier of endpoints without weight shares equally.
        part = np.where(part.sum(axis=1, keepdims=True) > 0, part, chosen)
        shares = np.zeros((len(clients), len(self._regions)))
        for column, unit in enumerate(units):
            if unit.region in self._regions:
                shares[:, self._regions.index(unit.region)] += part[:, column]
        whole = shares.sum(axis=1, keepdims=True)
        return np.divide(shares, np.where(whole > 0, whole, 1.0))

    def closed(self, clients: Clients) -> NDArray[np.bool_]:
        """Which regions may not serve which clients, shape (clients, regions)."""
        closed = np.zeros((len(clients), len(self._regions)), dtype=bool)
        if self._fences is None:
            return closed
        open_units = self._fences.stand(clients).tiers != REMOVED
        for column, region in enumerate(self._regions):
            own = [at for at, unit in enumerate(self._fences.units) if unit.region == region]
            closed[:, column] = ~open_units[:, own].any(axis=1)
        return closed


def _candidates(topology: Topology, name: str) -> list[Candidate]:
    return [
        Candidate(f"{name}@{az}", region, az, endpoint.weight, endpoint.priority)
        for region, content in topology.regions.items()
        for az, zone in content.availability_zones.items()
        for service, endpoint in zone.endpoints.items()
        if service == name
    ]


class _Ranker:
    """A chain over a service's own endpoints, without what is made of its standings."""

    def __init__(
        self, chain: Chain, candidates: Sequence[Candidate], configuration: Configuration
    ) -> None:
        topology = configuration.topology
        named = {name for stage in chain for name, _, _ in names_in(stage)}
        alone = named - topology.regions.keys()
        self.units = units_of(topology, candidates, alone=alone, apart=apart(chain))
        rows, estimate = configuration.latency, configuration.estimate
        given = Inputs(topology, self.units, candidates, rows, estimate)
        self._filters = filters_of(chain, given)

    def stand(self, clients: Clients) -> Standing:
        standing = Standing.start(len(clients), len(self.units))
        for each in self._filters:
            standing = each.apply(clients, standing)
        return standing


def _fences(chain: Chain) -> Chain:
    """The stages that say who may never serve whom; a plan takes an open fence for a closed one."""
    found = []
    for stage in chain:
        if stage.geofence is not None:
            closed = stage.geofence.model_copy(update={"closed": True})
            found.append(stage.model_copy(update={"geofence": closed}))
        elif stage.prefer is not None and stage.prefer.only:
            found.append(stage)
    return tuple(found)


@dataclass(frozen=True)
class _Part:
    """Some places with the position of the key that each belongs to, and its weight."""

    clients: Clients
    owner: NDArray[np.intp]
    weight: NDArray[np.float64]


@dataclass(frozen=True)
class _Members:
    """Which places belong to which keys; ``unknown`` are keys that no place belongs to."""

    places: PlaceTable
    where: NDArray[np.int64]
    owner: NDArray[np.intp]
    weight: NDArray[np.float64]
    prefix_row: NDArray[np.int32]
    prefixes: tuple[Network, ...]
    unknown: tuple[tuple[int, Place], ...]

    def parts(self) -> Iterator[_Part]:
        for start in range(0, len(self.where), _CHUNK):
            rows = slice(start, start + _CHUNK)
            given = self.places, self.where[rows], self.prefix_row[rows], self.prefixes
            yield _Part(Clients.at(*given), self.owner[rows], self.weight[rows])
        if self.unknown:
            owners = np.array([owner for owner, _ in self.unknown], dtype=np.intp)
            table = PlaceTable.of(place for _, place in self.unknown)
            yield _Part(Clients.without_prefixes(table), owners, np.ones(len(owners)))


def _members(keys: Sequence[ClientKey], locations: Locations) -> _Members:
    wide = [at for at, key in enumerate(keys) if key.level is not Level.PREFIX]
    narrow = [at for at, key in enumerate(keys) if key.level is Level.PREFIX]
    heavy = _addresses(locations)
    row = ClientRows([keys[at] for at in wide]).winning(Clients.without_prefixes(locations.places))
    inside = np.flatnonzero(row != NO_ROW)
    where, owner = [inside], [np.array(wide, dtype=np.intp)[row[inside]]]
    weight, prefix_row = [heavy[inside]], [np.full(len(inside), -1, dtype=np.int32)]
    prefixes = tuple(ip_network(keys[at].code) for at in narrow)
    for number, at in enumerate(narrow):
        places, sizes = _within(prefixes[number], locations)
        where.append(places)
        owner.append(np.full(len(places), at, dtype=np.intp))
        weight.append(sizes)
        prefix_row.append(np.full(len(places), number, dtype=np.int32))
    owners = np.concatenate(owner)
    found = np.bincount(owners, minlength=len(keys)) > 0
    return _Members(
        locations.places,
        np.concatenate(where),
        owners,
        np.concatenate(weight),
        np.concatenate(prefix_row),
        prefixes,
        tuple((at, _place(key)) for at, key in enumerate(keys) if not found[at]),
    )


def _addresses(locations: Locations) -> NDArray[np.float64]:
    """How many IPv4 addresses each place has."""
    starts = locations.v4.starts.astype(np.float64)
    sizes = np.diff(starts, append=float(1 << 32))
    found = np.bincount(locations.v4.values, sizes, minlength=len(locations.places))
    # Most of what is nowhere is reserved: nobody asks from there.
    places = locations.places
    nowhere = np.isnan(places.latitude) & (places.country == 0) & (places.continent == 0)
    return np.maximum(np.where(nowhere, 0.0, found), _LEAST_WEIGHT)


def _within(
    network: Network, locations: Locations
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The places in a prefix, and how much of it each has: addresses, or /64s of IPv6."""
    ranges, halved = (locations.v4, 0) if network.version == 4 else (locations.v6, 64)
    first, last = find(ranges, network.network_address), find(ranges, network.broadcast_address)
    starts = ranges.starts[first : last + 1].astype(np.float64)
    starts[0] = float(int(network.network_address) >> halved)
    end = float((int(network.broadcast_address) >> halved) + 1)
    sizes = np.maximum(np.diff(starts, append=end), _LEAST_WEIGHT)
    return _values(ranges, first, last), sizes


def _values(ranges: Ranges, first: int, last: int) -> NDArray[np.int64]:
    return np.maximum(ranges.values[first : last + 1], 0).astype(np.int64)


def _place(key: ClientKey) -> Place:
    """What a key itself says of where its clients are."""
    if key.level is Level.ASN:
        return Place(asn=int(key.code))
    if key.level is Level.CONTINENT:
        return Place(continent=key.code)
    if key.level is Level.ASN_COUNTRY:
        asn, _, country = key.code.partition("-")
        return Place(continent=_continent(country), country=country, asn=int(asn))
    if key.level not in (Level.COUNTRY, Level.SUBDIVISION):
        return Place()
    country, _, subdivision = key.code.partition("-")
    return Place(continent=_continent(country), country=country, subdivision=subdivision or None)


def _continent(country: str) -> str | None:
    centre = country_centre(country)
    return centre.continent if centre is not None else None


def _around(keys: Sequence[ClientKey], members: _Members) -> tuple[tuple[str, ...], ...]:
    """The keys that hold each key; of an AS or a prefix, also those of its heaviest place."""
    order = np.argsort(members.weight, kind="stable")
    heaviest: dict[int, Any] = dict(
        zip(members.owner[order].tolist(), members.where[order].tolist(), strict=True)
    )
    return tuple(
        areas_around(key)
        if key.level < Level.ASN or at not in heaviest
        else (*areas_around(key), *_areas_of(members.places[int(heaviest[at])]))
        for at, key in enumerate(keys)
    )


def _areas_of(place: Place) -> tuple[str, ...]:
    kinds = (client_key(place, by) for by in ("subdivision", "country", "continent"))
    return tuple(dict.fromkeys(kinds))


def _areas(
    keys: Sequence[ClientKey], members: _Members, present: Matrix
) -> tuple[Mapping[str, float], ...]:
    """The shares of the areas within each key that is served by several regions, by addresses."""
    found: list[Mapping[str, float]] = [{} for _ in keys]
    several = present.max(axis=1, initial=0.0) <= _ALL_IN_ONE
    for by in dict.fromkeys(_BELOW.values()):
        wide = [at for at, key in enumerate(keys) if several[at] and _BELOW.get(key.level) == by]
        rows = np.flatnonzero(np.isin(members.owner, wide))
        if len(rows):
            names, number = _named(members.places.take(members.where[rows]), by)
            codes = members.owner[rows].astype(np.int64) * len(names) + number
            distinct, of = np.unique(codes, return_inverse=True)
            weights = np.bincount(of, members.weight[rows])
            for at in wide:
                own = distinct // len(names) == at
                numbers = (distinct[own] % len(names)).tolist()
                found[at] = _shares_of([names[each] for each in numbers], weights[own])
    return tuple(found)


def _named(places: PlaceTable, by: By) -> tuple[list[str], NDArray[np.int32]]:
    """The client keys of places, and which of them each place has."""
    nowhere = np.full(len(places), np.nan)
    alike = replace(
        places,
        latitude=nowhere,
        longitude=nowhere,
        city=np.zeros_like(places.city),
        asn=places.asn if by == "asn" else np.zeros_like(places.asn),
    )
    few, numbers = alike.distinct()
    return [client_key(place, by) for place in few], numbers


def _shares_of(names: Sequence[str], weights: NDArray[np.float64]) -> dict[str, float]:
    """Shares by name; several places may have one name."""
    sums: dict[str, float] = {}
    for name, weight in zip(names, (weights / weights.sum()).tolist(), strict=True):
        sums[name] = sums.get(name, 0.0) + weight
    return sums
