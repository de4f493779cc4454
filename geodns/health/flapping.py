"""Damping of flapping, hold time and slow start: how a target that failed comes back. Pure.

The model is that of RFC 2439 (route flap damping): each failure adds a fixed penalty, which decays
exponentially with a half-life. From ``suppress`` on the target is held out even while it is up,
until the penalty is down to ``reuse``. A ceiling on the penalty bounds the time for which it can be
held out, so that no recovery is ever lost.
"""

from __future__ import annotations

from math import log2
from typing import NamedTuple

from geodns.health.machine import State


class Rules(NamedTuple):
    """Penalties are in failures, times in seconds.

    ``suppress`` None: nothing is damped. ``hold`` is how long a target must be up before it comes
    back, ``slow_start`` how long it then takes from nothing to all.
    """

    suppress: float | None = None
    reuse: float = 1.0
    half_life: float = 60.0
    longest: float = 600.0
    hold: float = 0.0
    slow_start: float = 0.0

    @property
    def ceiling(self) -> float:
        """The penalty from which it takes ``longest`` to decay to ``reuse``."""
        return self.reuse * float(2.0 ** min(self.longest / self.half_life, 60.0))


class Return(NamedTuple):
    """The way back of one target. ``penalty`` is as of ``at``, times on one scale that never turns.

    ``up_since`` is None while it is down. ``failed`` is whether it ever was: one that never failed
    has nothing to come back from.
    """

    penalty: float = 0.0
    at: float = 0.0
    up_since: float | None = None
    failed: bool = False
    suppressed: bool = False

    def turn(self, state: State, now: float, rules: Rules) -> Return:
        """The target's verdict changed to ``state``."""
        here = self.look(now, rules)
        if state is not State.DOWN:
            return here._replace(up_since=now)
        penalty = min(here.penalty + 1, max(rules.ceiling, rules.reuse))
        suppressed = here.suppressed or (rules.suppress is not None and penalty >= rules.suppress)
        return Return(penalty, now, None, True, suppressed)

    def look(self, now: float, rules: Rules) -> Return:
        """The same, later: the penalty has decayed."""
        penalty = self.penalty * 2.0 ** (-max(0.0, now - self.at) / rules.half_life)
        suppressed = self.suppressed and rules.suppress is not None and now < self.reuse_at(rules)
        return self._replace(penalty=penalty, at=now, suppressed=suppressed)

    def reuse_at(self, rules: Rules) -> float:
        """When the penalty is down to ``reuse`` if it does not fail again."""
        ratio = self.penalty / rules.reuse
        return self.at + (rules.half_life * log2(ratio) if ratio > 1 else 0.0)

    def back_at(self, rules: Rules) -> float | None:
        """When it comes back if nothing changes; None: not by waiting."""
        if self.up_since is None:
            return None
        held = self.up_since + rules.hold if self.failed else self.up_since
        return max(held, self.reuse_at(rules)) if self.suppressed else held

    def factor(self, now: float, rules: Rules) -> float:
        """Its availability, from 0 to 1."""
        if not self.failed:
            return 1.0
        back = self.back_at(rules)
        if back is None or now < back:
            return 0.0
        return min(1.0, (now - back) / rules.slow_start) if rules.slow_start > 0 else 1.0
