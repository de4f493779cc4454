"""Tells a worker's engines what second it is, and the log whose replies are being limited."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable

from geodns.answer.limits import Limiter
from geodns.answer.moment import Moment

logger = logging.getLogger(__name__)
_MOST_LINES = 10
"""For each second: under an attack from everywhere, the log must not become one, too."""
_MOST_TOLD = 10_000


class Ticker:
    """Belongs to the main thread, which calls ``tick`` about each second.

    ``clock`` gives seconds of Unix time; ``limiters`` those of all engines.
    """

    def __init__(
        self,
        moment: Moment,
        clock: Callable[[], float],
        limiters: Callable[[], Iterable[Limiter]],
    ) -> None:
        self._moment = moment
        self._clock = clock
        self._limiters = limiters
        self._told: dict[str, int] = {}

    def tick(self) -> float:
        """Sets the moment; returns in how many seconds to call again."""
        now = self._clock()
        if int(now) != self._moment.now:
            self._moment.now = int(now)
            self._tell()
        return 1.0 - now % 1.0

    def _tell(self) -> None:
        """At most one line when limits on a network begin to hold, and one when they end."""
        limited: dict[str, int] = {}
        log_only = False
        for limiter in self._limiters():
            log_only = limiter.rules.log_only
            for network, count in limiter.limited(self._moment.now).items():
                limited[network] = limited.get(network, 0) + count
        lines = _MOST_LINES
        for network in [each for each in self._told if each not in limited]:
            count = self._told.pop(network)
            if lines > 0:
                lines -= 1
                logger.info(
                    "replies are no longer limited", extra={"network": network, "limited": count}
                )
        for network, count in limited.items():
            if network in self._told:
                self._told[network] = count
            elif lines > 0 and len(self._told) < _MOST_TOLD:
                lines -= 1
                self._told[network] = count
                logger.warning(
                    "replies would be limited" if log_only else "replies are being limited",
                    extra={"network": network},
                )
