"""What a configuration asks of load: per service, how reports are taken and what follows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from geodns.config.settings import Check, Configuration, LoadShedding, Service
from geodns.load.shedding import Rules
from geodns.load.watermarks import Watermarks

ShareBasis = Literal["weight", "load", "response_time", "equal"]

_NO_CHECK_INTERVAL = 10.0  # seconds: for reports that are pushed, where no check gives a rhythm
_LEAST_KEEP, _KEPT_INTERVALS, _SMOOTHED_INTERVALS = 30.0, 5, 2
_STEPS_PER_INTERVAL = 4
_SHORTEST_STEP, _LONGEST_STEP = 0.05, 2.5  # seconds


@dataclass(frozen=True, slots=True)
class PlannedLoad:
    """One service's. Times are in seconds.

    ``rules`` is None where it sheds nothing; ``basis`` is how the AZs of a region share.
    ``smoothing`` and ``lag`` are time constants, of measurements and of clients who follow answers;
    a report holds for ``keep``; ``step`` is how often availabilities move. ``together``: endpoints
    of services with the same name here shed to each other.
    """

    service: str
    rules: Rules | None
    basis: ShareBasis
    smoothing: float
    lag: float
    keep: float
    step: float
    addresses: Literal["max", "sum"]
    together: str

    @property
    def moves(self) -> bool:
        """Whether anything follows from what is measured."""
        return self.rules is not None or self.basis in {"load", "response_time"}


def plan_loads(
    configuration: Configuration, basis: Callable[[Service], ShareBasis]
) -> dict[str, PlannedLoad]:
    """By service; ``basis`` reads out of a service how its AZs share."""
    services = configuration.services
    together = _families(services.services)
    return {
        name: _planned(
            name,
            service,
            services.checks.get(service.check or ""),
            basis(service),
            together[name],
        )
        for name, service in services.services.items()
    }


def _families(services: Mapping[str, Service]) -> dict[str, str]:
    """For each service one name that it shares with all that it is a branch of, or made of."""
    family = {name: name for name in services}
    for name, service in services.items():
        for branch in service.branches:
            if branch in family and family[branch] != family[name]:
                former, now = family[branch], family[name]
                family = {each: now if of == former else of for each, of in family.items()}
    return family


def _planned(
    name: str, service: Service, check: Check | None, basis: ShareBasis, together: str
) -> PlannedLoad:
    settings = service.load or LoadShedding()
    interval = check.interval if check is not None else _NO_CHECK_INTERVAL
    smoothing = settings.smoothing
    if smoothing is None:
        smoothing = _SMOOTHED_INTERVALS * interval
    lag = service.longest_ttl / 2  # an answer that is asked for at any time is on average so old
    marks = Watermarks(settings.low, settings.high)
    rules = Rules(marks, smoothing, lag, settings.fall, settings.rise)
    return PlannedLoad(
        name,
        None if service.load is None else rules,
        basis,
        smoothing,
        lag,
        settings.keep or max(_LEAST_KEEP, _KEPT_INTERVALS * interval),
        min(_LONGEST_STEP, max(_SHORTEST_STEP, interval / _STEPS_PER_INTERVAL)),
        settings.addresses,
        together,
    )
