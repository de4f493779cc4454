"""The availability that an explanation reckons with: a server's, and what is withdrawn on top."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

from geodns.answer.service import EndpointState, States
from geodns.config.settings import PoolEndpoint, Topology
from geodns.errors import GeodnsError
from geodns.health.availability import EndpointAvailability
from geodns.wording import did_you_mean

_FULL = 1.0


class UnknownIdError(GeodnsError):
    """An ID that names no region, AZ or endpoint."""


@dataclass(frozen=True)
class Availabilities:
    """What is known of endpoints by id, and the ID of ``--down`` that withdraws one, by id.

    An endpoint that is not in ``known`` is taken as fully available, as the engine does. ``asked``
    are all IDs of ``--down``; ``live`` says whether ``known`` is a running server's.
    """

    known: Mapping[str, EndpointAvailability] = field(default_factory=dict)
    withdrawn: Mapping[str, str] = field(default_factory=dict)
    asked: tuple[str, ...] = ()
    live: bool = False

    def states(self) -> States:
        """The same for the engine."""
        states = {
            id: EndpointState(
                endpoint.availability, endpoint.failing, endpoint.factor, endpoint.steady
            )
            for id, endpoint in self.known.items()
        }
        return states | {id: EndpointState(0.0) for id in self.withdrawn}

    def availability(self, id: str) -> float:
        """From 0, withdrawn, to 1, fully in service."""
        if id in self.withdrawn:
            return 0.0
        known = self.known.get(id)
        return _FULL if known is None else known.availability

    def factor(self, id: str) -> float:
        """What multiplies the endpoint's weight among those of its tier."""
        known = self.known.get(id)
        return _FULL if known is None or id in self.withdrawn else known.factor

    def state(self, id: str) -> str:
        """Why the endpoint is as available as it is, for people."""
        if id in self.withdrawn:
            return f"withdrawn by --down {self.withdrawn[id]}"
        known = self.known.get(id)
        if known is not None:
            return known.reason
        return "unknown to the server, taken as up" if self.live else "taken as up"

    def in_service(self, id: str, packed: bytes) -> bool:
        """Whether one of an endpoint's addresses is by itself in service."""
        known = self.known.get(id)
        return known is None or packed not in known.failing


def withdraw(
    topology: Topology,
    ids: Sequence[str],
    pools: Mapping[str, Iterable[PoolEndpoint]] = MappingProxyType({}),
) -> dict[str, str]:
    """The endpoints that IDs stand for, each with the ID that withdraws it.

    An ID is a region, an AZ or an endpoint (``web@eu-central-1a``), or a dynamic record, a pool of
    it or a value. Raises UnknownIdError.
    """
    by_id = _endpoints_by_id(topology)
    for service, endpoints in pools.items():
        for each in endpoints:
            for id in (service, each.group, each.id):
                by_id.setdefault(id, []).append(each.id)
    withdrawn: dict[str, str] = {}
    for id in ids:
        if id not in by_id:
            hint = did_you_mean(id, by_id) or "write a region, an AZ or service@az"
            raise UnknownIdError(f"{id!r} is not in the topology; {hint}")
        for endpoint in by_id[id]:
            withdrawn.setdefault(endpoint, id)
    return withdrawn


def _endpoints_by_id(topology: Topology) -> dict[str, list[str]]:
    by_id: dict[str, list[str]] = {}
    for region_name, region in topology.regions.items():
        of_region = by_id.setdefault(region_name, [])
        for az_name, az in region.availability_zones.items():
            endpoints = [f"{service}@{az_name}" for service in az.endpoints]
            of_region += endpoints
            by_id.setdefault(az_name, []).extend(endpoints)
            by_id |= {id: [id] for id in endpoints}
    return by_id
