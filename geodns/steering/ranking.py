"""The ranking of a service's endpoints for a client: tiers, best first."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Tier:
    """Weighted endpoints that are equally good for a client.

    ``name`` is the region (or AZ, where a failover order names one). ``cost`` is in ``unit``
    (``ms``, ``km``, or ``rank`` for a fixed order), nan where it is unknown. ``source`` says where
    the cost comes from, in words for a person: ``latency table, row EU-DE`` or ``estimated from
    4312 km``. ``endpoints`` are positions in the service's list of endpoints.
    """

    name: str
    cost: float
    unit: str
    source: str
    endpoints: tuple[int, ...]
