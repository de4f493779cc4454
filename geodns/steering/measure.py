"""The one signature of what a candidate's cost is made from: stages from costs to costs."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from geodns.latency.client import Network
from geodns.steering.clients import Clients

Costs = NDArray[np.float64]
"""Shape (clients, units); lower is better, nan is unknown."""


class Figure(NamedTuple):
    """One cost, with words on where it comes from."""

    cost: float
    source: str


class Step(NamedTuple):
    """What a stage did to one cost: ``cost`` is what ``apply`` made of ``before``.

    ``client`` is one client, ``unit`` the position of the unit.
    """

    client: Clients
    unit: int
    before: Figure
    cost: float


class Measure(ABC):
    """A pure stage: from the costs so far to the costs after it.

    ``prefixes`` are the address prefixes whose clients it treats on their own.
    """

    prefixes: tuple[Network, ...] = ()

    @abstractmethod
    def apply(self, clients: Clients, costs: Costs, /) -> Costs:
        """The new costs, of the same shape; ``costs`` is not changed."""

    @abstractmethod
    def explain(self, step: Step) -> str:
        """Where a step's cost comes from; ``step.before.source`` if the stage left it alone."""
