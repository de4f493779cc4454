"""The TTL of a service's answers: fixed, or between two bounds by health."""

from __future__ import annotations

from pydantic import Field

from geodns.config.base import Settings
from geodns.config.values import TTL


class TtlRange(Settings):
    """A TTL that is no longer than the time in which health could change the answer."""

    min: TTL = Field(description="the TTL while the answer is about to change")
    max: TTL = Field(
        description="the TTL while all is stable, where the zone gives none; a shorter one of the "
        "zone is never exceeded"
    )
