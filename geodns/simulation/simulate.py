"""A whole simulation: two configurations with what is available in each, over all clients."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from geodns.answer.compile import compile_image, steering_of
from geodns.answer.image import Image
from geodns.answer.resolve import AAAA, A
from geodns.answer.service import States
from geodns.config.endpoints import Placed, endpoints_of
from geodns.config.settings import Configuration, Services, with_branches
from geodns.errors import GeodnsError
from geodns.geo.locations import Locations
from geodns.geo.ranges import Network
from geodns.simulation.answers import Answers, Target, Targets
from geodns.simulation.compare import Places, Tally, compare
from geodns.simulation.kinds import Kinds, kinds_of
from geodns.simulation.latency import Ruler
from geodns.simulation.results import AreaLoad, Load, ServiceFound, Simulation
from geodns.simulation.weights import Weights

_TYPES = {A: "A", AAAA: "AAAA"}


class NothingToSimulateError(GeodnsError):
    """There is no service on both sides, or nobody who would ask for one."""


@dataclass(frozen=True)
class Given:
    """One side: a checked configuration, the locations of its databases, and availability."""

    configuration: Configuration
    locations: Locations
    states: States
    name: str


Weigh = Callable[[Kinds, str], Weights]
"""How much each kind counts for a service."""


@dataclass(frozen=True)
class Wish:
    """What to compare, and how to count.

    ``services``: none for all that names are answered from. ``type``: A or AAAA, None for A where
    the service has any address for it. ``alike``: all services have the same clients. ``prefixes``
    are the networks that ``weigh`` tells apart. ``is_load``: what is counted is in the unit of
    capacities. ``tell`` is told what is being done.
    """

    weigh: Weigh
    services: Sequence[str] = ()
    type: int | None = None
    prefixes: Sequence[Network] = ()
    alike: bool = True
    is_load: bool = False
    tell: Callable[[str], None] = lambda _: None


def simulate(before: Given, after: Given, wish: Wish) -> Simulation:
    """Compares two sides. Raises NothingToSimulateError.

    Clients are where the databases of ``after`` have them, and latencies are measured by its
    tables, for both sides.
    """
    names = _names(before.configuration, after.configuration, wish.services)
    if not names.both:
        raise NothingToSimulateError("there is no service that both sides have")
    images = _images(before, after, names.both)
    ruler = Ruler(after.configuration, before.configuration.topology)
    told_apart = (*ruler.prefixes, *wish.prefixes)
    prefixes = _prefixes(before.configuration, after.configuration, told_apart, names.both)
    kinds = kinds_of(before.locations, after.locations, prefixes)
    clients = _Clients(kinds, ruler.measure(kinds.clients), ruler.regions, wish)
    sides = tuple(zip(images, (before, after), strict=True))
    total, found = Tally(), []
    for number, name in enumerate(names.both, 1):
        wish.tell(f"{name}: service {number} of {len(names.both)}")
        places = clients.of(name)
        if places is None:
            continue
        type = wish.type or _type(images, name)
        targets = Targets()
        first, second = (Answers(image, name, type, of.states, targets) for image, of in sides)
        tally = compare(places, first, second, targets)
        total.merge(tally)
        loads = _loads(name, tally, before.configuration, after.configuration, wish.is_load)
        found.append(ServiceFound(name, _TYPES[type], tally.found(), tuple(loads)))
    if not found:
        raise NothingToSimulateError("nobody would ask: there are no clients to count")
    return Simulation(
        before=before.name,
        after=after.name,
        counted=clients.words,
        unit=clients.unit,
        unplaced=clients.unplaced,
        total=total.found(),
        regions=_areas(total, lambda target: target.region),
        zones=_areas(total, lambda target: target.availability_zone),
        services=tuple(found),
        gone=names.gone,
        new=names.new,
    )


class _Clients:
    """The kinds of client with what each counts for a service; the same for all, if they are."""

    def __init__(
        self,
        kinds: Kinds,
        milliseconds: NDArray[np.float32],
        regions: tuple[str, ...],
        wish: Wish,
    ) -> None:
        self.words = self.unit = ""
        self._kinds, self._milliseconds, self._regions = kinds, milliseconds, regions
        self._wish = wish
        self._weights: Weights | None = None
        self._unplaced = self._placed = 0.0

    @property
    def unplaced(self) -> float:
        """The share of what was to be counted that no kind is for."""
        whole = self._unplaced + self._placed
        return self._unplaced / whole if whole else 0.0

    def of(self, service: str) -> Places | None:
        """Those of a service; None where it has none."""
        if self._weights is None or not self._wish.alike:
            self._weights = self._wish.weigh(self._kinds, service)
        weights = self._weights
        self.words, self.unit = weights.words, weights.unit
        self._placed += weights.total
        self._unplaced += weights.unplaced
        if not weights.total:
            return None
        return Places(self._kinds, weights.counts, self._milliseconds, self._regions)


@dataclass(frozen=True)
class _Names:
    both: tuple[str, ...]
    gone: tuple[str, ...]
    new: tuple[str, ...]


def _names(before: Configuration, after: Configuration, asked: Sequence[str]) -> _Names:
    first, second = (_served(side, asked) for side in (before, after))
    served = dict.fromkeys((*first, *second))
    known = [side.services.services for side in (before, after)]
    return _Names(
        tuple(name for name in served if all(name in services for services in known)),
        tuple(name for name in first if name not in known[1]),
        tuple(name for name in second if name not in known[0]),
    )


def _served(configuration: Configuration, asked: Sequence[str]) -> list[str]:
    """The services that names are answered from; where none is, all that are no branches."""
    services = configuration.services.services
    if asked:
        return [name for name in services if name in asked]
    named = set(configuration.pools) | {
        node.geo.service
        for zone in (*configuration.zones, *configuration.overlays)
        for _, node in zone.steered()
        if node.geo is not None
    }
    branches = {branch for service in services.values() for branch in service.branches}
    return [name for name in services if (name in named if named else name not in branches)]


def _images(before: Given, after: Given, names: Sequence[str]) -> tuple[Image, Image]:
    first = _image(before, names)
    same = before.configuration is after.configuration and before.locations is after.locations
    return first, first if same else _image(after, names)


def _image(given: Given, names: Sequence[str]) -> Image:
    """The image of these services alone."""
    services = given.configuration.services.services
    wanted = set(with_branches(services, *names))
    only = Services(services={name: services[name] for name in services if name in wanted})
    return compile_image(replace(given.configuration, zones=(), services=only), given.locations)


def _prefixes(
    before: Configuration, after: Configuration, more: Iterable[Network], names: Iterable[str]
) -> tuple[Network, ...]:
    """Every network that any side treats on its own."""
    steered = (
        prefix
        for side in (before, after)
        for name in names
        for prefix in steering_of(side, name).prefixes
    )
    return tuple(dict.fromkeys((*more, *steered)))


def _type(images: Iterable[Image], name: str) -> int:
    endpoints = (
        endpoint
        for image in images
        for service in image.services
        if service.name == name
        for endpoint in service.endpoints
    )
    return A if any(each.v4 or each.cname is not None for each in endpoints) else AAAA


def _areas(total: Tally, name: Callable[[Target], str]) -> tuple[AreaLoad, ...]:
    """What the areas take, the most loaded first."""
    before, after = (
        _sums((name(target), share) for target, share in total.shares(side).items())
        for side in (0, 1)
    )
    areas = [
        AreaLoad(area, before.get(area, 0.0), after.get(area, 0.0))
        for area in {**before, **after}
        if area
    ]
    return tuple(sorted(areas, key=lambda area: (-max(area.before, area.after), area.name)))


def _loads(
    name: str, tally: Tally, before: Configuration, after: Configuration, is_load: bool
) -> Iterator[Load]:
    """What each endpoint of a service takes, in the order of the topology."""
    shares = [{target.id: share for target, share in tally.shares(side).items()} for side in (0, 1)]
    for placed in {**_endpoints(before, name), **_endpoints(after, name)}.values():
        first, second = (side.get(placed.id, 0.0) for side in shares)
        yield Load(
            placed.id,
            placed.region,
            placed.availability_zone,
            first,
            second,
            first * tally.weight if is_load else None,
            second * tally.weight if is_load else None,
            placed.settings.capacity,
        )


def _sums(named: Iterable[tuple[str, float]]) -> dict[str, float]:
    found: dict[str, float] = {}
    for name, share in named:
        found[name] = found.get(name, 0.0) + share
    return found


def _endpoints(configuration: Configuration, service: str) -> dict[str, Placed]:
    """The endpoints of a service and its branches, by id."""
    names = with_branches(configuration.services.services, service)
    return {placed.id: placed for placed in endpoints_of(configuration, names)}
