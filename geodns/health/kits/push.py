"""The ``push`` check: nothing is probed; the endpoint, or an agent, tells its health."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from geodns.config.values import Duration
from geodns.health.kits.kit import CheckSettings, Kit


class PushCheck(CheckSettings):
    """Down when told so, or when nobody has told anything for a while."""

    type: Literal["push"] = Field(description="health is told over the admin socket")
    keep: Duration = Field(
        60.0, ge=0.1, description="how long a report holds; after that silence the address is down"
    )

    @property
    def interval(self) -> float:
        """Seconds between two reports, at most: what follows a check's rhythm goes by it."""
        return self.keep

    @property
    def fast_interval(self) -> float | None:
        """None: there are no results that disagree."""
        return None

    @property
    def timeout(self) -> float:
        """Nothing is waited for."""
        return 0.0

    @property
    def rise(self) -> int:
        """What is told is believed at once."""
        return 1

    @property
    def fall(self) -> int:
        """What is told is believed at once."""
        return 1


KIT = Kit(
    PushCheck,
    None,
    "a report of `up` that is not older than `keep` ([below](#push))",
    "nothing",
)
