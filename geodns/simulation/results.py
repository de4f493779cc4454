"""What a simulation finds. Shares are of all clients counted, from 0 to 1."""

from __future__ import annotations

from dataclasses import dataclass

from geodns.simulation.latency import Latency


@dataclass(frozen=True, slots=True)
class Flow:
    """Clients that move from one region (or AZ) to another, and their mean latency there, in ms.

    A name is ``no answer`` or ``when_down`` where no endpoint is answered.
    """

    source: str
    target: str
    share: float
    ms_before: float
    ms_after: float


@dataclass(frozen=True, slots=True)
class Load:
    """What an endpoint takes. Loads are in the unit of demand, None where there is no demand.

    ``capacity`` is None where it has none.
    """

    endpoint: str
    region: str
    availability_zone: str
    before: float
    after: float
    load_before: float | None
    load_after: float | None
    capacity: float | None

    @property
    def utilisation_before(self) -> float | None:
        """Load over capacity."""
        return _ratio(self.load_before, self.capacity)

    @property
    def utilisation_after(self) -> float | None:
        """Load over capacity."""
        return _ratio(self.load_after, self.capacity)


@dataclass(frozen=True, slots=True)
class AreaLoad:
    """What a region or an AZ takes, over all services."""

    name: str
    before: float
    after: float


@dataclass(frozen=True, slots=True)
class Side:
    """One side of a comparison.

    ``forced``: the share whose answer ``when_down`` decides, as nothing is available for it;
    ``unanswered``: of these, those that get no address at all.
    """

    latency: Latency
    forced: float
    unanswered: float


@dataclass(frozen=True, slots=True)
class Found:
    """A comparison. ``moved``: the share whose answer names another endpoint first.

    ``moved_region``: of these, those that another region serves. ``moved_before`` and
    ``moved_after`` are the mean latencies of those who moved. ``regions`` and ``zones`` are flows,
    the largest first.
    """

    weight: float
    moved: float
    moved_region: float
    before: Side
    after: Side
    moved_before: float
    moved_after: float
    regions: tuple[Flow, ...]
    zones: tuple[Flow, ...]


@dataclass(frozen=True, slots=True)
class ServiceFound:
    """One service, by the answers to one type."""

    name: str
    type: str
    found: Found
    loads: tuple[Load, ...]


@dataclass(frozen=True, slots=True)
class Simulation:
    """All services and their total, in which each has the weight of its clients.

    ``counted`` says what the clients are counted by, ``unit`` in what; ``unplaced`` is the part of
    the demand that no network of the location databases is for. ``gone`` and ``new`` are services
    that only one side has.
    """

    before: str
    after: str
    counted: str
    unit: str
    unplaced: float
    total: Found
    regions: tuple[AreaLoad, ...]
    zones: tuple[AreaLoad, ...]
    services: tuple[ServiceFound, ...]
    gone: tuple[str, ...]
    new: tuple[str, ...]


def _ratio(load: float | None, capacity: float | None) -> float | None:
    return load / capacity if load is not None and capacity else None
