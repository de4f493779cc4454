"""What a probe is: one look at one address, and what it saw."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from geodns.config.settings import Address


class Result(NamedTuple):
    """What one probe saw. ``duration`` is in seconds, ``detail`` one short sentence for people.

    ``conclusive`` is False when the fault was on our side (no file descriptor left, an event loop
    that stood still): such a result judges nobody.
    """

    ok: bool
    duration: float
    detail: str
    conclusive: bool = True


class Prober(Protocol):
    """Probes addresses under one check. Never raises, except for its own cancellation."""

    async def __call__(self, address: Address) -> Result:
        """Probe one address once, within the timeout of the check."""


class Observation(NamedTuple):
    """A finished probe, for metrics. ``kind`` is the type of the check (``http``, ``tcp``)."""

    kind: str
    check: str
    address: str
    ok: bool
    duration: float
