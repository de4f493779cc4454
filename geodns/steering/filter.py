"""The one signature of every filter in a steering chain."""

from __future__ import annotations

from abc import ABC, abstractmethod

from geodns.latency.client import Network
from geodns.steering.clients import Clients
from geodns.steering.measure import Figure
from geodns.steering.standing import Standing


class Filter(ABC):
    """A pure stage of a policy: from how units stand to how they stand after it.

    ``name`` is what it is called in a chain. ``prefixes`` are the address prefixes whose clients
    it treats on their own. ``unit`` is that of its figures, empty where it has none.
    """

    name: str
    prefixes: tuple[Network, ...] = ()
    unit: str = ""

    @abstractmethod
    def apply(self, clients: Clients, standing: Standing, /) -> Standing:
        """How the units stand now; ``standing`` is not changed."""

    @abstractmethod
    def explain(self, client: Clients, /) -> list[str]:
        """For each unit, what the filter finds of it for one client, in words; empty: nothing."""

    def figures(self, _client: Clients, /) -> list[Figure] | None:
        """For each unit, the cost that a filter sorts one client's units by; None: it doesn't."""
        return None
