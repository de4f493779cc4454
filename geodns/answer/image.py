"""The image: all configuration compiled to what the engine looks up. Immutable, swapped whole."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from geodns.answer.access import Access
from geodns.answer.location import LocationMap
from geodns.answer.resolvers import Resolvers
from geodns.zone.kept import Kept
from geodns.zone.wire import RRset as RRset

GEO = 0  # the key of a geo name's entry in a Node; RFC 6895 3.1 reserves type 0


class GeoRRset(NamedTuple):
    """What is answered from a service: its position in the image, and the TTL of its answers."""

    service: int
    ttl: int


Node = dict[int, "RRset | GeoRRset"]
"""Type number -> records; empty for an empty non-terminal. A geo name stands under GEO, a dynamic
record, which answers one type alone, under that type."""


@dataclass(slots=True)
class ZoneImage:
    """One zone: nodes by owner name in lower-case wire form, empty non-terminals included.

    ``access`` says who may ask; None: everybody. ``transferred`` is what stands for geo names in a
    transfer, and ``kept`` what a large zone's files alone say; workers don't have them.
    """

    apex: bytes
    nodes: Mapping[bytes, Node]
    negative_ttl: int
    access: Access | None = None
    transferred: dict[bytes, Node] = field(default_factory=dict)
    kept: Kept | None = field(default=None, compare=False)


class EndpointImage(NamedTuple):
    """One service's presence in one AZ; addresses packed, with their place in the configuration.

    ``v4`` and ``v6`` hold (position among the endpoint's addresses, packed address); ``cname`` is
    a wire name.
    """

    id: str
    region: str
    availability_zone: str
    weight: int
    v4: tuple[tuple[int, bytes], ...]
    v6: tuple[tuple[int, bytes], ...]
    cname: bytes | None


class WhenDown(NamedTuple):
    """What is answered when nothing is available: ``serve_all``, ``nodata`` or ``fallback``."""

    kind: str
    v4: tuple[bytes, ...] = ()
    v6: tuple[bytes, ...] = ()
    cname: bytes | None = None


class BranchImage(NamedTuple):
    """A part of a tier with its share among the others; it asks its ``tiers`` in order.

    ``id`` tells it apart in the choice of a client's slot.
    """

    id: str
    share: float
    tiers: tuple[int, ...]


class TierImage(NamedTuple):
    """What is equally good: endpoints, by position in the service, or else branches.

    ``name`` is a region, an AZ, or several of them.
    """

    name: str
    endpoints: tuple[int, ...] = ()
    branches: tuple[BranchImage, ...] = ()


class Minimum(NamedTuple):
    """How many of some endpoints must be available for any of them to count as such.

    ``service`` is whose they are, ``endpoints`` their positions. ``least`` is a number of them, or,
    as a float, a share of those that have the type asked for.
    """

    service: str
    endpoints: tuple[int, ...]
    least: int | float


@dataclass(slots=True)
class ServiceImage:
    """A service: its endpoints, and for each class the order in which tiers are asked.

    ``classes[c]`` are positions in ``tiers``, best first; what it does not name never serves such
    clients. Services may share the object. ``location`` is the position of the location map whose
    classes these are, -1 where every client is of class 0. ``spread`` is what does not stand
    twice in an answer before all else has. ``sticky``: a client keeps its answer, else answers
    take turns. ``https`` are the parameters of HTTPS records but for the hints, by key (RFC 9460
    2.2); None where the service answers no HTTPS. ``minimums`` are those of its branches first.
    ``least_ttl`` in seconds: TTLs are from there on as long as health can't change the answer, at
    most the geo name's; None: they are the geo name's.
    """

    name: str
    answers: int
    when_down: WhenDown
    endpoints: tuple[EndpointImage, ...]
    tiers: tuple[TierImage, ...]
    classes: tuple[tuple[int, ...], ...]
    location: int
    https: tuple[tuple[int, bytes], ...] | None = None
    spread: str = "availability_zone"
    sticky: bool = True
    minimums: tuple[Minimum, ...] = ()
    least_ttl: int | None = None

    @property
    def may_be_alias(self) -> bool:
        """Whether its names can be answered with a CNAME."""
        return self.when_down.cname is not None or any(
            endpoint.cname is not None for endpoint in self.endpoints
        )


@dataclass(slots=True)
class Image:
    """Everything that answers come from."""

    zones: dict[bytes, ZoneImage]
    services: tuple[ServiceImage, ...]
    locations: tuple[LocationMap, ...]
    resolvers: Resolvers = field(default_factory=Resolvers)
