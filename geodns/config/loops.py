"""Things that refer to each other by name, and the way from one of them back to itself."""

from __future__ import annotations

from collections.abc import Callable, Iterable


def way_back(start: str, leads_to: Callable[[str], Iterable[str]]) -> tuple[str, ...] | None:
    """The names on the shortest way from one to itself, both ends included; None: there is none."""
    ways: list[tuple[str, ...]] = [(start,)]
    seen = {start}
    for way in ways:  # which grows meanwhile
        for name in leads_to(way[-1]):
            if name == start:
                return (*way, name)
            if name not in seen:
                seen.add(name)
                ways.append((*way, name))
    return None
