"""A target: one address under one check, what is known of it, and its job for the scheduler."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from geodns.config.probing import TlsSettings
from geodns.health.machine import Machine, State
from geodns.health.plan import TargetKey
from geodns.health.probe import Prober, Result
from geodns.health.schedule import Job

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class Target:
    """Exactly one exists per key, however many endpoints rely on it.

    ``checked`` is when the last result came, in seconds since 1970; ``name`` is the check's.
    ``prober`` is None where the state is told or follows from other targets. ``expires`` is when
    the certificate last seen does, in seconds since 1970, ``expires_soon`` whether that was within
    the check's warning. ``decides``: an endpoint relies on it
    directly, not only through a combination.
    """

    key: TargetKey
    name: str
    endpoints: tuple[str, ...]
    prober: Prober | None
    machine: Machine
    last: Result | None = None
    checked: float | None = None
    expires: float | None = None
    decides: bool = True
    expires_soon: bool = False

    @property
    def job(self) -> Job | None:
        """What the scheduler is to run; None for a target that is told its state."""
        check, address = self.key
        prober = self.prober
        if prober is None:
            return None
        busy = min(1.0, check.timeout / min(check.interval, check.fast_interval or check.interval))
        return Job(lambda: prober(address), check.interval, self._haste, busy)

    def _haste(self) -> float | None:
        return self.key.check.fast_interval if self.machine.uncertain() else None

    @property
    def detail(self) -> str:
        """What the last probe saw, in words."""
        return self.last.detail if self.last else "waiting for the first result"

    def take(self, result: Result, wall: float) -> bool:
        """Count a result; whether the state changed."""
        inconclusive_before = self.last is not None and not self.last.conclusive
        self.last, self.checked = result, wall
        self._watch_certificate(result, wall)
        if not result.conclusive:
            if not inconclusive_before:
                logger.warning("a probe was not possible", extra=self._fields())
            return False
        before, check = self.machine.state, self.key.check
        self.machine = self.machine.step(result.ok, wall, rise=check.rise, fall=check.fall)
        if self.machine.state is before:
            return False
        self._log(before)
        return True

    def _watch_certificate(self, result: Result, wall: float) -> None:
        if result.expires is None or not isinstance(self.key.check, TlsSettings):
            return
        self.expires = result.expires
        soon = result.expires - wall < self.key.check.certificate_warning
        if soon and not self.expires_soon:
            logger.warning("a certificate expires soon", extra=self._fields())
        self.expires_soon = soon

    def _log(self, before: State) -> None:
        if not self.decides:  # the combination that it is a part of says what follows
            what = "a part of a check" if self.endpoints else "a reference target"
            logger.info(f"{what} is {self.machine.state}", extra=self._fields())
            return
        if self.machine.state is State.DOWN:
            logger.warning("endpoint is down", extra=self._fields())
        elif before is State.DOWN:
            logger.info("endpoint is up again", extra=self._fields())
        else:  # the first success after a start is no news
            logger.debug("endpoint is up", extra=self._fields())

    def _fields(self) -> dict[str, object]:
        return {
            "check": self.name,
            "address": str(self.key.address),
            "endpoints": ", ".join(self.endpoints),
            "reason": self.detail,
        }
