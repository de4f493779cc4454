"""Who needs whom, and the order in which they are to be judged. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from graphlib import TopologicalSorter

from geodns.health.plan import Plan


class Needs:
    """The needs of endpoints, by id. They form no loop: the configuration was checked."""

    def __init__(self, needs: Mapping[str, Collection[str]]) -> None:
        """``needs`` are the endpoints that each one needs directly; no entry: none."""
        self._needed_by: dict[str, list[str]] = {}
        for id, needed in needs.items():
            for other in needed:
                self._needed_by.setdefault(other, []).append(id)
        order = TopologicalSorter(needs).static_order()
        self._rank = {id: rank for rank, id in enumerate(order)}

    def with_dependents(self, ids: Iterable[str]) -> list[str]:
        """These and all that need them, however far up, each behind what it needs itself."""
        found = dict.fromkeys(ids)
        ahead = list(found)
        while ahead:
            for id in self._needed_by.get(ahead.pop(), ()):
                if id not in found:
                    found[id] = None
                    ahead.append(id)
        return sorted(found, key=lambda id: self._rank.get(id, 0))


def needs_of(plan: Plan) -> Needs:
    """Those of a plan's endpoints."""
    return Needs({id: planned.needs for id, planned in plan.endpoints.items() if planned.needs})
