"""The one signature of every stage in a steering chain."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from geodns.latency.client import Network
from geodns.steering.clients import Clients

Costs = NDArray[np.float64]
"""Shape (clients, tiers); lower is better, nan is unknown, inf is never."""


class Figure(NamedTuple):
    """One cost, with words on where it comes from."""

    cost: float
    source: str


class Step(NamedTuple):
    """What a stage did to one cost: ``cost`` is what ``apply`` made of ``before``.

    ``client`` is one client, ``tier`` the position of the tier.
    """

    client: Clients
    tier: int
    before: Figure
    cost: float


class Filter(ABC):
    """A pure stage of a policy: from the costs so far to the costs after it.

    ``prefixes`` are the address prefixes that it treats on their own; ``Clients.prefix_row``
    refers to them. At most one stage of a chain has any.
    """

    prefixes: tuple[Network, ...] = ()

    @abstractmethod
    def apply(self, clients: Clients, costs: Costs, /) -> Costs:
        """The new costs, of the same shape; ``costs`` is not changed."""

    @abstractmethod
    def explain(self, step: Step) -> str:
        """Where a step's cost comes from; ``step.before.source`` if the stage left it alone."""
