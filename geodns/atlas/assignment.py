"""Which endpoints clients at given places get, as the server's own tables have it.

The places are laid at addresses that nobody has, and the configuration is compiled over them: so
what a map shows is what the engine would answer there, by construction.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from geodns.answer.compile import compile_image, steering_of
from geodns.answer.image import EndpointImage, Image, ServiceImage
from geodns.answer.resolve import AAAA, A
from geodns.answer.service import EndpointState, States, shares_of
from geodns.answer.shares import Share
from geodns.config.settings import Configuration, Service, Services, with_branches
from geodns.explain.whatif import Availabilities
from geodns.geo.locations import Locations, Ranges
from geodns.geo.place import NOWHERE
from geodns.geo.places import PlaceTable
from geodns.geo.ranges import map_values, whole_space
from geodns.steering.clients import Clients
from geodns.steering.policy import Steering

# RFC 6666: traffic to 0100::/64 is discarded, so no client is there and no rule is made for it.
_DISCARD = np.uint64(0x0100_0000_0000_0000)


@dataclass(frozen=True, slots=True, eq=False)
class Assignment:
    """Who serves n places.

    ``share`` is float32 of shape (n, endpoints): the part of a place's clients that each endpoint
    takes, in the order of ``endpoints``. What is missing to 1 is answered by ``when_down`` or not
    at all. ``milliseconds``, float64 (n, endpoints), are what the clients are expected to see.
    """

    endpoints: tuple[EndpointImage, ...]
    share: NDArray[np.float32]
    milliseconds: NDArray[np.float64]


class Assigner:
    """A service's steering over places; answers for several states of its endpoints."""

    def __init__(self, configuration: Configuration, service: str, places: PlaceTable) -> None:
        distinct, self._number_of = places.distinct()
        image = _compiled(configuration, service, distinct)
        self._service = image.services[0]
        self._classes = _classes(image, self._service, len(distinct))
        self._milliseconds = _milliseconds(configuration, service, distinct)
        self._type = A if any(e.v4 or e.cname for e in self._service.endpoints) else AAAA

    def assign(self, available: Availabilities) -> Assignment:
        """Who serves each place while endpoints are available as given."""
        states = available.states()
        by_class = np.zeros((len(self._service.classes), len(self._service.endpoints)), np.float32)
        known: dict[tuple[int, ...], NDArray[np.float32]] = {}
        for number in np.unique(self._classes).tolist():
            tiers = self._that_matter(self._service.classes[number], states)
            if tiers not in known:
                _add(by_class[number], shares_of(self._service, number, self._type, states), 1.0)
                known[tiers] = by_class[number]
            by_class[number] = known[tiers]
        return Assignment(
            self._service.endpoints,
            by_class[self._classes[self._number_of]],
            self._milliseconds[self._number_of],
        )

    def _that_matter(self, tiers: Sequence[int], states: States) -> tuple[int, ...]:
        """The first tiers of a class, to one that surely takes all that reaches it."""
        for position, tier in enumerate(tiers):
            if any(self._takes_all(endpoint, states) for endpoint in self._tier(tier)):
                return tuple(tiers[: position + 1])
        return tuple(tiers)

    def _tier(self, number: int) -> tuple[int, ...]:
        tier = self._service.tiers[number]
        return () if tier.branches else tier.endpoints

    def _takes_all(self, number: int, states: States) -> bool:
        endpoint = self._service.endpoints[number]
        state = states.get(endpoint.id, EndpointState(1.0))
        held = endpoint.cname or (endpoint.v4 if self._type == A else endpoint.v6)
        return bool(held) and state.availability >= 1 and not state.failing


def _add(row: NDArray[np.float32], shares: Sequence[Share], part: float) -> None:
    """Adds to each endpoint, shape (endpoints,), its part of the clients."""
    for share in shares:
        weights = sum(candidate.weight for candidate in share.candidates)
        for candidate in share.candidates:
            row[candidate.address.endpoint] += part * share.share * candidate.weight / weights
        weights = sum(branch.weight for branch in share.branches)
        for branch in share.branches:
            _add(row, branch.shares, part * share.share * branch.weight / weights)


def _compiled(configuration: Configuration, service: str, places: PlaceTable) -> Image:
    services = configuration.services.services
    only = Services(services={each: services[each] for each in with_branches(services, service)})
    return compile_image(replace(configuration, zones=(), services=only), _laid_out(places))


def _laid_out(places: PlaceTable) -> Locations:
    """Place i at the address 0100::i; everybody else is nowhere."""
    nobody = np.zeros(1, np.int32)
    low = np.arange(len(places) + 1, dtype=np.uint64)
    v6 = Ranges(
        starts=np.concatenate([[np.uint64(0)], np.full(len(low), _DISCARD)]),
        low=np.concatenate([[np.uint64(0)], low]),
        values=np.concatenate([nobody, np.arange(1, len(low), dtype=np.int32), nobody]),
    )
    return Locations(map_values(whole_space(4, 0), nobody), v6, _after_nowhere(places))


def _after_nowhere(places: PlaceTable) -> PlaceTable:
    nowhere = PlaceTable.of([NOWHERE])
    return replace(
        places,
        latitude=np.concatenate([nowhere.latitude, places.latitude]),
        longitude=np.concatenate([nowhere.longitude, places.longitude]),
        continent=np.concatenate([nowhere.continent, places.continent]),
        country=np.concatenate([nowhere.country, places.country]),
        subdivision=np.concatenate([nowhere.subdivision, places.subdivision]),
        city=np.concatenate([nowhere.city, places.city]),
        asn=np.concatenate([nowhere.asn, places.asn]),
    )


def _classes(image: Image, service: ServiceImage, places: int) -> NDArray[np.int64]:
    """The class of each place."""
    if service.location < 0:
        return np.zeros(places, np.int64)
    location = image.locations[service.location]
    high, low = np.asarray(location.v6_high), np.asarray(location.v6_low)
    first, last = np.searchsorted(high, [_DISCARD, _DISCARD + np.uint64(1)])
    wanted = np.arange(places, dtype=np.uint64)
    at = int(first) + np.searchsorted(low[first:last], wanted, side="right") - 1
    return np.asarray(location.v6_classes)[at].astype(np.int64)


def _milliseconds(
    configuration: Configuration, service: str, places: PlaceTable
) -> NDArray[np.float64]:
    """Round-trip times to each endpoint, measured or estimated, whatever the policy ranks by."""
    candidates = steering_of(configuration, service).candidates
    latency = Steering(Service(), configuration.topology, candidates, configuration.latency)
    costs = latency.costs(Clients.without_prefixes(places))
    result = np.full((len(places), len(candidates)), np.nan)
    for number, unit in enumerate(latency.units):
        result[:, list(unit.endpoints)] = costs[:, [number]]
    return result


def groups_of(endpoints: Sequence[EndpointImage], by: str) -> tuple[list[str], NDArray[np.int64]]:
    """Names of regions (``by`` is "region") or AZs ("az"), and the position of each endpoint's."""
    names = [e.region if by == "region" else e.availability_zone for e in endpoints]
    distinct = list(dict.fromkeys(names))
    return distinct, np.array([distinct.index(name) for name in names], np.int64)
