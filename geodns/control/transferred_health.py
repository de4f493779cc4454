"""Has the zones that secondaries copy made anew when health moves what GEO names are there."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

from geodns.answer.service import EndpointState, States

Serving = Mapping[str, tuple[bool, frozenset[bytes]]]


class TransferredHealth:
    """``renew`` is called ``delay`` seconds after a change, once for all changes until then.

    Secondaries keep answers for as long as their TTL and copy zones whole: what lasts a few seconds
    is not worth a new serial.
    """

    def __init__(self, renew: Callable[[], object]) -> None:
        self._renew = renew
        self._used: Serving = {}
        self._timer: asyncio.TimerHandle | None = None

    def used(self, states: States) -> States:
        """These states go into an image."""
        self._used = _serving(states)
        return states

    def look(self, states: States, delay: float | None) -> None:
        """The states now; ``delay`` None: no GEO name is transferred to anybody."""
        if delay is None or _serving(states) == self._used:
            self.close()
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(delay, self._due)

    def close(self) -> None:
        """Renew nothing."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None

    def _due(self) -> None:
        self._timer = None
        self._renew()


def _serving(states: States) -> Serving:
    """Who answers at all; those that do so wholly are as good as not named (see ``States``)."""
    return {
        id: _reduced(state)
        for id, state in states.items()
        if _reduced(state) != (True, frozenset())
    }


def _reduced(state: EndpointState) -> tuple[bool, frozenset[bytes]]:
    return state.availability > 0, state.failing
