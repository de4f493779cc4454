"""How much of its clients each endpoint of a service keeps, from what the endpoints report. Pure.

Each endpoint has a valve. A report is turned into the demand behind it (``watermarks``), with the
availability that clients follow by now: answers are kept for their TTL, so that follows what was
published with a lag. The demand is smoothed, the availability for it solved for, its speed limited
(falling faster than rising), and what goes out has steps and a dead band.

Shedding moves load to who has room. Where no endpoint of the service has any, it would only turn
clients away, so availabilities are taken relative to the best one: that takes its whole share, the
others shed to it by how much fuller they are, and nobody is left over.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import NamedTuple

from geodns.load.damping import limited, smoothed, stepped
from geodns.load.watermarks import Watermarks, at_rest

FLOOR = 1 / 16
"""What an endpoint keeps while the whole service is over its watermarks."""

_LEAST_FOLLOWED = 1 / 256  # next to nobody: below it a report says nothing of the demand


class Rules(NamedTuple):
    """Of one service; all but ``marks`` in seconds.

    ``smoothing`` is the time constant of reports, ``lag`` the one by which clients follow answers;
    ``fall`` and ``rise`` are the least time for the way between 1 and 0.
    """

    marks: Watermarks
    smoothing: float
    lag: float
    fall: float
    rise: float


class Valve(NamedTuple):
    """One endpoint's: the demand as it is known, and availabilities.

    ``demand`` is None while nothing is known; ``sampled`` is the age of its last sample in seconds.
    ``position`` is where the valve stands, ``published`` what goes out, and ``followed`` the
    position that the clients of now act on. (Of the position, not of what goes out: what is left
    between the two is within the dead band, and must not stop a load from being followed home.)
    """

    demand: float | None = None
    sampled: float = 0.0
    followed: float = 1.0
    position: float = 1.0
    published: float = 1.0

    def sample(self, utilisation: float, rules: Rules) -> Valve:
        """Take a report, load over capacity; it is of the clients that follow by now."""
        demand = utilisation / max(self.followed, _LEAST_FOLLOWED)
        return self._replace(
            demand=smoothed(self.demand, demand, self.sampled, rules.smoothing), sampled=0.0
        )

    def forget(self) -> Valve:
        """The reports went silent: nothing is known of the demand any more."""
        return self._replace(demand=None, sampled=0.0)


def advance(
    valves: Mapping[str, Valve],
    in_service: Collection[str],
    seconds: float,
    rules: Mapping[str, Rules],
    *,
    room_beside: bool = False,
) -> dict[str, Valve]:
    """The valves of endpoints that shed to each other, ``seconds`` later.

    ``rules`` are by endpoint. ``in_service`` are the endpoints that are available but for their
    load; the valves of the others open. ``room_beside``: there are also endpoints in service that
    never shed.
    """
    wanted = {
        id: at_rest(valve.demand, rules[id].marks) if id in in_service and valve.demand else 1.0
        for id, valve in valves.items()
    }
    best = 1.0 if room_beside else max((wanted[id] for id in in_service), default=1.0)
    if best < 1:
        wanted = {id: max(FLOOR, min(1.0, value / best)) for id, value in wanted.items()}
    moved = {
        id: limited(valve.position, wanted[id], seconds, rules[id].fall, rules[id].rise)
        for id, valve in valves.items()
    }
    # An endpoint that leaves must not take with it what the others shed to.
    most = 1.0 if room_beside else max((moved[id] for id in in_service), default=1.0)
    return {
        id: _moved(valve, min(1.0, moved[id] / most), seconds, rules[id].lag)
        for id, valve in valves.items()
    }


def _moved(valve: Valve, position: float, seconds: float, lag: float) -> Valve:
    return valve._replace(
        sampled=valve.sampled + seconds,
        followed=smoothed(valve.followed, valve.position, seconds, lag),
        position=position,
        published=stepped(valve.published, position),
    )
