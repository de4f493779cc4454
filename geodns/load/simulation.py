"""Runs a synthetic day: the loop between load, reports, answers and the clients who follow them.

Clients of a region go where their answers send them; of those who keep an answer for its TTL, a
share asks again at any time, so that load follows answers with an exponential lag. Endpoints report
their load with noise, and the report is one interval old when it is used.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from random import Random

from geodns.load.controllers import Controller
from geodns.load.world import World, Zone, demands

States = Mapping[str, tuple[float, float]]
"""Availability and factor of each AZ."""


@dataclass
class Course:
    """What happened: one number per step (``times``, seconds), for each AZ."""

    times: list[float] = field(default_factory=list)
    availability: dict[str, list[float]] = field(default_factory=dict)
    factor: dict[str, list[float]] = field(default_factory=dict)
    utilisation: dict[str, list[float]] = field(default_factory=dict)

    def add(self, now: float, states: States, utilisation: Mapping[str, float]) -> None:
        """One more step."""
        self.times.append(now)
        for name, (availability, factor) in states.items():
            self.availability.setdefault(name, []).append(availability)
            self.factor.setdefault(name, []).append(factor)
            self.utilisation.setdefault(name, []).append(utilisation[name])


class _Reports:
    """One per AZ and interval; each is told when the next is taken."""

    def __init__(self, world: World, random: Random) -> None:
        self._world, self._random = world, random
        self._due = {zone.name: random.uniform(0, world.interval) for zone in world.zones}
        self._taken: dict[str, float] = {}

    def tell(self, now: float, utilisation: Mapping[str, float], controller: Controller) -> None:
        for name, used in utilisation.items():
            if now < self._due[name]:
                continue
            self._due[name] += self._world.interval * self._random.uniform(0.9, 1.1)
            if name in self._taken:
                controller.report(name, self._taken[name])
            noise = max(0.0, self._random.gauss(1.0, self._world.report_noise))
            self._taken[name] = used * noise


def simulate(world: World, controller: Controller) -> Course:
    """One day, in steps of ``world.step`` seconds."""
    random = Random(world.seed)
    asked = demands(world, random)
    reports = _Reports(world, random)
    course = Course()
    following: list[dict[str, float]] = []
    kept = math.exp(-world.step / world.ttl)
    for number in range(int(world.seconds / world.step)):
        now = number * world.step
        lost = world.lost(now)
        states = {z.name: _state(controller, z.name, z.name in lost) for z in world.zones}
        told = [shares(world.zones, clients.ranking, states) for clients in world.clients]
        following = following or told
        for follows, tells in zip(following, told, strict=True):
            for name in tells:
                follows[name] = tells[name] + (follows[name] - tells[name]) * kept
        now_asked = [place[number] for place in asked]
        utilisation = {
            zone.name: _load(zone.name, now_asked, following) / zone.capacity
            for zone in world.zones
            if zone.name not in lost
        }
        course.add(now, states, dict.fromkeys(lost, 0.0) | utilisation)
        reports.tell(now, utilisation, controller)
        controller.advance(list(utilisation), world.step)
    return course


def _state(controller: Controller, zone: str, lost: bool) -> tuple[float, float]:
    availability, factor = controller.state(zone)
    return (0.0 if lost else availability), factor


def _load(zone: str, asked: Sequence[float], following: Sequence[Mapping[str, float]]) -> float:
    return sum(ask * follows[zone] for ask, follows in zip(asked, following, strict=True))


def shares(zones: Sequence[Zone], ranking: Sequence[str], states: States) -> dict[str, float]:
    """Each AZ's share of clients with this ranking; ``states`` are availability and factor.

    As the answers are made: a region takes what remains times the availability of its most
    available AZ, and its AZs share by weight, factor and availability. What is left is lost.
    """
    found = {zone.name: 0.0 for zone in zones}
    remaining = 1.0
    for region in ranking:
        inside = [zone for zone in zones if zone.region == region]
        parts = {z.name: z.weight * states[z.name][0] * states[z.name][1] for z in inside}
        total = sum(parts.values())
        if not total:
            continue
        taken = remaining * max(states[zone.name][0] for zone in inside)
        for name, part in parts.items():
            found[name] += taken * part / total
        remaining -= taken
    return found
