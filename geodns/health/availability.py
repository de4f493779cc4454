"""How available each endpoint is: what health checking tells the rest of the program."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import inf
from typing import NamedTuple


class EndpointAvailability(NamedTuple):
    """One endpoint's place in the answers.

    ``availability`` is from 0 (withdrawn) to 1 (fully in service), the product of the verdicts on
    the endpoint, its AZ and its region, and of what its load leaves of it. ``addresses`` has one
    flag per address of the endpoint, in the order of the configuration: False when that address by
    itself fails its checks. The flags say nothing of the AZ: an availability of 0 stands above
    them. ``reason`` is for people.
    ``failing`` are the addresses whose flag is False, packed: they mean the same under another
    configuration, which may list the addresses in another order. ``factor`` multiplies its weight
    among the AZs of its region. ``steady`` is for how many seconds checks can't change any of this;
    it is reckoned where the TTL of a service that the endpoint is in follows health.
    """

    availability: float
    addresses: tuple[bool, ...]
    reason: str
    failing: frozenset[bytes] = frozenset()
    factor: float = 1.0
    steady: float = inf

    def answers_as(self, other: EndpointAvailability) -> bool:
        """Whether answers are the same, but for their TTL."""
        return self._replace(reason="", steady=inf) == other._replace(reason="", steady=inf)


@dataclass(frozen=True, slots=True)
class Availability:
    """The availability of every endpoint of the topology, by its id (``web@eu-central-1a``).

    ``generation`` grows by one with every change.
    """

    generation: int
    endpoints: Mapping[str, EndpointAvailability]
