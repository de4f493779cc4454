"""A synthetic day for the simulation: places, their demand over the day, and what goes wrong."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import NamedTuple

HOUR, DAY = 3600.0, 86400.0


class Zone(NamedTuple):
    """One AZ; ``load`` is in the unit of ``capacity``."""

    name: str
    region: str
    capacity: float
    weight: float = 1.0


class Clients(NamedTuple):
    """Those of one place: ``peak`` is their demand at 20 h local time, ``hours`` ahead of UTC.

    ``ranking`` are the regions, best first.
    """

    peak: float
    hours: float
    ranking: tuple[str, ...]


class Surge(NamedTuple):
    """A flash crowd: ``times`` the demand of one place, for ``seconds`` from ``start``."""

    place: int
    start: float
    seconds: float
    times: float


class Outage(NamedTuple):
    """An AZ that is withdrawn from ``start`` on, for ``seconds``."""

    zone: str
    start: float
    seconds: float


@dataclass(frozen=True)
class World:
    """What happens. ``ttl`` and ``interval`` (of checks) are in seconds."""

    zones: tuple[Zone, ...]
    clients: tuple[Clients, ...]
    surges: tuple[Surge, ...] = ()
    outages: tuple[Outage, ...] = ()
    ttl: float = 30.0
    interval: float = 10.0
    noise: float = 0.04
    report_noise: float = 0.03
    seconds: float = DAY
    step: float = 5.0
    seed: int = 4

    def lost(self, now: float) -> set[str]:
        """The AZs that are withdrawn at a time."""
        return {o.zone for o in self.outages if o.start <= now < o.start + o.seconds}


def demands(world: World, random: Random) -> list[list[float]]:
    """What the clients of each place ask for, step by step."""
    steps = range(int(world.seconds / world.step))
    found = []
    for number, clients in enumerate(world.clients):
        wander, demands = 0.0, []
        kept = math.exp(-world.step / 300)
        for step in steps:
            now = step * world.step
            wander = kept * wander + random.gauss(0, world.noise) * math.sqrt(1 - kept * kept)
            demands.append(
                clients.peak * _at_hour(now, clients.hours) * max(0.0, 1 + wander)
                * _surge(world.surges, number, now)
            )  # fmt: skip
        found.append(demands)
    return found


def _at_hour(now: float, hours: float) -> float:
    """From 0.3 at 8 in the morning to 1 at 8 in the evening, local time."""
    local = now + hours * HOUR
    return 0.65 + 0.35 * math.cos((local - 20 * HOUR) / DAY * 2 * math.pi)


def _surge(surges: Sequence[Surge], place: int, now: float) -> float:
    """Demand grows within a minute and falls within ten."""
    times = 1.0
    for surge in surges:
        if surge.place == place and now >= surge.start:
            over = now - surge.start - surge.seconds
            extent = min(1.0, (now - surge.start) / 60) if over < 0 else math.exp(-over / 600)
            times += (surge.times - 1) * extent
    return times


def example_day() -> World:
    """Three regions of two or three AZs: one too small for its evening, a crowd, a lost AZ."""
    regions = ("eu", "us", "asia")
    zones = (
        Zone("eu-a", "eu", 1000), Zone("eu-b", "eu", 1000),
        Zone("us-a", "us", 1200), Zone("us-b", "us", 1200), Zone("us-c", "us", 1200),
        Zone("asia-a", "asia", 1000), Zone("asia-b", "asia", 1000),
    )  # fmt: skip
    clients = (
        Clients(2200, 1, regions),
        Clients(2000, -6, ("us", "eu", "asia")),
        Clients(1300, 9, ("asia", "us", "eu")),
    )
    return World(
        zones,
        clients,
        surges=(Surge(2, 6 * HOUR, 40 * 60, 2.2),),
        outages=(Outage("us-a", 1 * HOUR, 1 * HOUR),),
    )
