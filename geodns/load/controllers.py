"""What decides availabilities in a simulation: the server's own rules, or the bare curve."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Protocol

from geodns.load import factors, shedding
from geodns.load.factors import Dial
from geodns.load.shedding import Rules, Valve
from geodns.load.watermarks import Watermarks, curve
from geodns.load.world import World, Zone


class Controller(Protocol):
    """Gives each AZ's availability and factor from the reports."""

    def report(self, zone: str, utilisation: float) -> None:
        """A load over its capacity."""

    def advance(self, in_service: Sequence[str], seconds: float) -> None:
        """Time passes."""

    def state(self, zone: str) -> tuple[float, float]:
        """Availability and factor that go out."""


class Damped:
    """What the server does. ``by_load``: the AZs of a region share by it."""

    def __init__(
        self, rules: Rules, zones: Sequence[Zone], *, by_load: bool = False
    ) -> None:  # fmt: skip
        self._rules = rules
        self._valves = {zone.name: Valve() for zone in zones}
        self._dials: dict[str, dict[str, Dial]] = {}
        self._capacities = {zone.name: zone.capacity for zone in zones}
        if by_load:
            for zone in zones:
                self._dials.setdefault(zone.region, {})[zone.name] = Dial()

    def report(self, zone: str, utilisation: float) -> None:
        self._valves[zone] = self._valves[zone].sample(utilisation, self._rules)
        for dials in self._dials.values():
            if zone in dials:
                dials[zone] = dials[zone].load(utilisation, self._rules.smoothing)

    def advance(self, in_service: Sequence[str], seconds: float) -> None:
        rules = dict.fromkeys(self._valves, self._rules)
        self._valves = shedding.advance(self._valves, in_service, seconds, rules)
        for region, dials in self._dials.items():
            wanted = partial(factors.by_load, [self._capacities[name] for name in dials])
            self._dials[region] = factors.advance(dials, wanted, seconds, self._rules.lag)

    def state(self, zone: str) -> tuple[float, float]:
        factor = next((dials[zone] for dials in self._dials.values() if zone in dials), Dial())
        return self._valves[zone].published, factor.published


class Plain:
    """The watermark curve from report to report, with nothing else: how not to do it."""

    def __init__(self, marks: Watermarks) -> None:
        self._marks = marks
        self._published: dict[str, float] = {}

    def report(self, zone: str, utilisation: float) -> None:
        self._published[zone] = curve(utilisation, self._marks)

    def advance(self, in_service: Sequence[str], seconds: float) -> None:
        pass

    def state(self, zone: str) -> tuple[float, float]:
        return self._published.get(zone, 1.0), 1.0


def example_rules(world: World) -> Rules:
    """The defaults of the settings, for this world."""
    return Rules(Watermarks(0.7, 1.0), 2 * world.interval, world.ttl / 2, 30.0, 300.0)
